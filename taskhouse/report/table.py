"""The report as CSV: one row for each repository, window and day, with nothing left out."""

import csv
import io

from taskhouse.reading import House
from taskhouse.report.ask import ask
from taskhouse.report.model import Report

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
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def rows(house: House, report: Report | None) -> str:
    """The rows below their names; the names alone where there is no data."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    if report is not None:
        found = ask(house, "export", since=report.period.since, until=report.period.until)
        writer.writerows([_cell(value) for value in row.values()] for row in found)
    return out.getvalue()


def _cell(value: object) -> object:
    """A text that looks like a formula gets an apostrophe, which spreadsheets take for a text's mark."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value.replace("\u0000", "")
    return str(value).lower() if isinstance(value, bool) else value
