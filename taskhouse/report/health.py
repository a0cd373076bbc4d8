"""How the agents' runs are doing, and what the ledger proves."""

from collections.abc import Mapping
from typing import Any

from taskhouse.reading import Snapshot
from taskhouse.report.model import PassState, RunCounts, Stuck
from taskhouse.report.options import Period
from taskhouse.report.query import run_query

NONE = RunCounts()
STUCK_SHOWN = 10


def runs(snapshot: Snapshot, period: Period, chosen: Mapping[str, Any]) -> tuple[RunCounts, list[RunCounts]]:
    """Runs that ended in the period: in all, and on each day."""
    total, days = NONE, [NONE] * period.days
    for row in run_query(snapshot, "runs", since=period.since, until=period.until, **chosen):
        day = row.pop("day")
        if day is None:
            total = RunCounts(**row)
        else:
            days[(day - period.since).days] = RunCounts(**row)
    return total, days


def stuck(snapshot: Snapshot, chosen: Mapping[str, Any]) -> tuple[list[Stuck], int]:
    """Runs that make no progress, the longest stuck first, and how many there are."""
    rows = run_query(snapshot, "stuck", **chosen)
    return [Stuck(**row) for row in rows[:STUCK_SHOWN]], len(rows)


def passes(snapshot: Snapshot, projects: list[int] | None) -> list[PassState]:
    """The latest pass of each resource."""
    return [PassState(**row) for row in run_query(snapshot, "passes", projects=projects)]


def viewers(snapshot: Snapshot, projects: list[int] | None) -> list[tuple[int, str]]:
    """The owner of the key that each project was read with."""
    return [(row["project_id"], row["viewer"]) for row in run_query(snapshot, "viewers", projects=projects)]
