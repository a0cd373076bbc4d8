"""Badges of the repositories: one SVG each, for a README."""

import re
from pathlib import Path

from taskhouse.atomic import appearing
from taskhouse.pages.badge import badge
from taskhouse.report.model import Report

LABEL = "readiness"
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
        picture = badge(LABEL, now.state if now else None)
        count += 1
        if target.is_file() and target.read_text(encoding="utf-8") == picture:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with appearing(target) as draft:
            draft.write_text(picture, encoding="utf-8", newline="")
    return count
