"""Badges of the repositories: one SVG each, for a README."""

import re
from pathlib import Path

from taskhouse.atomic import appearing
from taskhouse.pages.badge import badge
from taskhouse.reading import Snapshot
from taskhouse.report import Options, gathered
from taskhouse.report.directory import Directory
from taskhouse.report.model import Nothing

LABEL = "readiness"
_PLAIN = re.compile(r"[\w.-]+/[\w.-]+")


def write(snapshot: Snapshot, folder: Path, options: Options, directory: Directory) -> int:
    """Write ``<folder>/<project>/<owner>/<name>.svg`` for each repository; returns how many.

    A badge shows the state at the end of the days, over the window of the report. A file that says the same stays as it
    is. Of a name that is no path below the folder, there is none.
    """
    with gathered(snapshot, options, directory) as report:
        if isinstance(report, Nothing):
            return 0
    count = 0
    for one in report.repositories:
        if not _PLAIN.fullmatch(one.name) or {".", ".."} & set(one.name.split("/")):
            continue
        now = one.now.get(report.window)
        target = folder / str(one.project_id) / f"{one.name}.svg"
        picture = badge(LABEL, now.state if now else None)
        count += 1
        if target.is_file() and target.read_text(encoding="utf-8") == picture:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with appearing(target) as draft:
            draft.write_text(picture, encoding="utf-8", newline="")
    return count
