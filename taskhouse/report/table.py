"""The report as CSV: one row for each repository, window and day, with nothing left out."""

from collections.abc import Iterable, Mapping

from taskhouse.cells import disarmed, lines

COLUMNS = (
    "project_id",
    "repository",
    "window_days",
    "day",
    "overall",
    "readiness_score",
    "evidence",
    "classification",
    "is_break",
    "days_in_state",
)


def text(rows: Iterable[Mapping[str, object]]) -> str:
    """The rows below their names; the names alone where there is no data."""
    return "".join(lines([COLUMNS, *([_cell(value) for value in row.values()] for row in rows)]))


def _cell(value: object) -> object:
    """A text that looks like a formula gets an apostrophe, which spreadsheets take for a text's mark."""
    if isinstance(value, str):
        return disarmed(value.replace("\u0000", ""))
    return str(value).lower() if isinstance(value, bool) else value
