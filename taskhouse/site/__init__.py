"""A site of static files: an index, the weekly reports, and the pages of repositories and runs.

``write`` brings a folder up to date. It makes only the pages whose data changed, and touches only files whose text did.
"""

from dataclasses import dataclass
from pathlib import Path

from taskhouse import report, run_page
from taskhouse.pages.badge import LABEL, badge
from taskhouse.reading import Snapshot
from taskhouse.site import html
from taskhouse.site.build import gather, rows
from taskhouse.site.manifest import Manifest
from taskhouse.site.model import run_path, week_name

__all__ = ["WEEKS", "Written", "write"]

WEEKS = 4
"""Weeks of which runs have a page, and that have a report."""

LAKE = "lake"
"""Instead of the id of a home."""

INDEX = "index.html"
RUNS = "runs/index.html"


@dataclass(frozen=True, slots=True)
class Written:
    """What a writing of the site did.

    Attributes:
        index: The first page.
        pages: Pages of the site.
        written: Pages that are new or changed.
        removed: Pages that are no longer part of the site.
    """

    index: Path
    pages: int
    written: int
    removed: int


def write(
    snapshot: Snapshot, folder: str | Path, directory: report.Directory | None = None, *, weeks: int = WEEKS
) -> Written:
    """Bring a folder up to date; it is made if it is not there.

    Who may read the folder may read its pages: a new folder is for its owner alone.

    Args:
        snapshot: The published copy, or the lake.
        folder: Where the site is; it holds nothing else.
        directory: Names of projects, owners of repositories, and campaigns.
        weeks: How many weeks, from 1.

    Raises:
        ConfigurationError: The folder holds something else, a damaged site or that of another home, or nothing was
            ever read.
        Locked: Another process is writing there.
    """
    manifest = Manifest(Path(folder), _home(snapshot))
    with snapshot.reader.whole_views():
        found = gather(snapshot, weeks)
    known = directory or report.Directory()
    reports = {f"reports/{week_name(week)}.html": week for week in found.weeks}
    badges = {one.badge_path: badge(LABEL, one.state) for one in found.repositories if one.strips}
    pages = [*reports, *map(run_path, found.runs), *(one.path for one in found.repositories), RUNS, INDEX]
    with manifest.alone([*pages, *badges]):
        for path, week in reports.items():
            basis = rows(snapshot, "basis", until=week.until)[0]["basis"]
            if not manifest.fresh(path, basis, known):
                text = report.render(snapshot, report.Options(week=week_name(week)), known)
                manifest.put(path, text, basis, known)
        stale = {
            (run["project_id"], run["run_id"]): run
            for run in found.runs
            if not manifest.fresh(run_path(run), run["basis"])
        }
        for project in {project for project, _ in stale}:
            ids = [run_id for of, run_id in stale if of == project]
            for run_id, text in run_page.render_all(snapshot, project, ids, "../../index.html"):
                run = stale[project, run_id]
                manifest.put(run_path(run), text, run["basis"])
        for one in found.repositories:
            manifest.put(one.path, html.repository(found, one, badges.get(one.badge_path), known.owner(one.name)))
        for path, picture in badges.items():
            manifest.put(path, picture)
        manifest.put(RUNS, html.runs(found))
        manifest.put(INDEX, html.index(found))
        done, removed = manifest.written + manifest.kept, manifest.close()
    return Written(manifest.folder / INDEX, done, manifest.written, removed)


def _home(snapshot: Snapshot) -> str:
    """Whose site it is: a home's, or that of the lake with all its homes."""
    if not snapshot.reader.is_copy:
        return LAKE
    return str(snapshot.records("SELECT coalesce(any_value(id), '') AS id FROM ledger.origin")[0]["id"])
