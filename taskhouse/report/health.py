"""How the agents' runs are doing, and what the ledger proves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taskhouse.reading import Snapshot
from taskhouse.report.options import Period
from taskhouse.report.query import run_query

STUCK_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Runs that ended in a period, or on one day."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    p50_s: float | None = None
    p90_s: float | None = None

    @property
    def ended(self) -> int:
        """Runs that reached an end of any kind."""
        return self.completed + self.failed + self.cancelled

    @property
    def success(self) -> float | None:
        """Completed runs among those that ended, as in ``run_daily``."""
        return self.completed / self.ended if self.ended else None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A run that does not move."""

    project_id: int
    task_id: str
    run_id: str
    title: str
    repository: str | None
    status: str
    stuck_since: datetime
    stuck_s: float
    stuck_reason: str


@dataclass(frozen=True, slots=True)
class PassState:
    """The latest pass of one resource of one project."""

    project_id: int
    resource: str
    verdict: str
    reason: str
    finished_at: datetime | None
    proof: str | None = None
    proven_at: datetime | None = None


NONE = RunCounts()


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
