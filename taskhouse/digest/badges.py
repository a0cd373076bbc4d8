"""Badges of the repositories: one SVG each, for a README."""

import re
from pathlib import Path

from taskhouse.atomic import update
from taskhouse.pages.badge import LABEL, badge
from taskhouse.report.model import Report

_PLAIN = re.compile(r"[\w.-]+/[\w.-]+")


def write(report: Report, folder: Path) -> int:
    """Write ``<folder>/<project>/<owner>/<name>.svg`` for each repository; returns how many.

    A badge shows the state at the end of the days, over the window of the report. A file that says the same stays as it
    is. Of a name that is no path below the folder, there is none.
    """
    count = 0
    for one in report.repositories:
        if not _PLAIN.fullmatch(one.name) or {".", ".."} & set(one.name.split("/")):
            continue
        now = one.now.get(report.window)
        target = folder / str(one.project_id) / f"{one.name}.svg"
        update(target, badge(LABEL, now.state if now else None))
        count += 1
    return count
