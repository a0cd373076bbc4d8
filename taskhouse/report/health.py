"""What the ledger proves of the data of a report, and whose key it was read with."""

from dataclasses import dataclass
from datetime import datetime

from taskhouse.reading import Snapshot
from taskhouse.report.query import run_query


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


def passes(snapshot: Snapshot, projects: list[int] | None) -> list[PassState]:
    """The latest pass of each resource."""
    return [PassState(**row) for row in run_query(snapshot, "passes", projects=projects)]


def viewers(snapshot: Snapshot, projects: list[int] | None) -> list[tuple[int, str]]:
    """The owner of the key that each project was read with."""
    return [(row["project_id"], row["viewer"]) for row in run_query(snapshot, "viewers", projects=projects)]
