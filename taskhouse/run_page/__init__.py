"""The page of a run: what was asked, the conversation as it went, and every gap where it is.

``render`` gives the text, ``write`` puts it into a file. The same data gives the same bytes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from taskhouse import atomic
from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.run_page import html, markdown
from taskhouse.run_page.build import find, gather, gather_all

__all__ = ["Format", "file_name", "find", "render", "render_all", "write"]

TOGETHER = 20
"""Runs that are read together for many pages: their events are in memory at once."""

Format = Literal["html", "md"]


def render(
    snapshot: Snapshot,
    run_id: str,
    *,
    project_id: int | None = None,
    compare: str | None = None,
    form: Format = "html",
) -> str:
    """The page of a run as text.

    Args:
        snapshot: The published copy.
        run_id: The id of the run, or its beginning if no other run has the same.
        project_id: Its project, if several have a run of this id.
        compare: Another run, to be set beside it.
        form: ``html``, or ``md`` for the short form that fits into the description of a pull request.

    Raises:
        ConfigurationError: No run has such an id, or several have; or two runs are to be compared in Markdown.
    """
    if compare is not None and form != "html":
        raise ConfigurationError("Two runs can be compared in HTML only.", hint="Omit --format or --compare.")
    run = gather(snapshot, run_id, project_id)
    if compare is not None:
        return html.comparison(run, gather(snapshot, compare, project_id))
    return html.page(run) if form == "html" else markdown.page(run)


def render_all(snapshot: Snapshot, project_id: int, run_ids: Sequence[str], home: str) -> Iterator[tuple[str, str]]:
    """The pages of some runs of a project, each with the id of its run, given as whole ids.

    Args:
        snapshot: The published copy.
        project_id: The project.
        run_ids: The runs.
        home: The address of the first page of the site that the pages are part of.
    """
    for begin in range(0, len(run_ids), TOGETHER):
        for run_id, run in gather_all(snapshot, project_id, run_ids[begin : begin + TOGETHER]).items():
            yield run_id, html.page(run, home)


def write(
    snapshot: Snapshot,
    run_id: str,
    path: str | Path,
    *,
    project_id: int | None = None,
    compare: str | None = None,
    form: Format = "html",
) -> Path:
    """Write the page of a run to a file, which appears whole or not at all; returns its path.

    Raises:
        ConfigurationError: As for ``render``.
    """
    target = Path(path)
    text = render(snapshot, run_id, project_id=project_id, compare=compare, form=form)
    atomic.write(target, text)
    return target


def file_name(run_id: str) -> str:
    """A file's name for a run, without its ending: an id of the server names no other folder."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", run_id)[:100]
