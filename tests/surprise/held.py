"""What a home holds and claims, read from its tables and views."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claim:
    """The verdict of one pass, and what it rests on; times by our own clock."""

    resource: str
    kind: str
    verdict: str
    reason: str
    proof: str | None
    proven_at: datetime
    started_at: datetime
    finished_at: datetime

    @property
    def complete(self) -> bool:
        """Whether it says that nothing is missing."""
        return self.verdict == "complete"


@dataclass(frozen=True, slots=True)
class HeldRun:
    """What is held of a run's state and said of its capture; ``changed`` is the server's time."""

    task: str
    status: str
    capture: str | None
    stream: str | None
    log: str | None
    changed: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where something may be missing, or is."""

    after: str | None
    before: str | None
    how: str
    certain: bool
    repaired: bool


@dataclass(slots=True)
class Held:
    """Everything that is judged."""

    claims: dict[str, Claim] = field(default_factory=dict)
    present: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    repositories: set[str] = field(default_factory=set)
    readiness: set[str] = field(default_factory=set)
    runs: dict[str, HeldRun] = field(default_factory=dict)
    events: dict[str, list[tuple[str | None, str, str | None]]] = field(default_factory=dict)
    entries: dict[str, list[tuple[int, str, str | None, str | None]]] = field(default_factory=dict)
    gaps: dict[str, list[Gap]] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)


_CLAIMS = """
SELECT resource, coalesce(kind, ''), coalesce(verdict, ''), coalesce(reason, ''),
    proof, proven_at, started_at, finished_at
FROM ledger.passes QUALIFY row_number() OVER (PARTITION BY resource ORDER BY started_at DESC, pass_id DESC) = 1
"""
_ONCE = {
    "raw.task_versions": "task_id, valid_from",
    "raw.run_versions": "run_id, valid_from",
    "raw.run_log_entries": "run_id, position",
    "raw.run_events": "run_id, source, incarnation, stream_id, payload",
    "raw.readiness_snapshots": "repository, window_days, generated_at",
}


def read(base: duckdb.DuckDBPyConnection) -> Held:
    """Everything that is held."""
    held = Held()

    def rows(text: str) -> list[Any]:
        return base.execute(text).fetchall()

    for resource, kind, verdict, reason, proof, proven, started, finished in rows(_CLAIMS):
        since = proven or (NEVER if proof == "counted" else started)
        held.claims[resource] = Claim(resource, kind, verdict, reason, proof, since, started, finished or started)
    sql = "SELECT task_id, title, latest_run_status, absent_since IS NULL FROM main.tasks"
    for task, title, status, present in rows(sql):
        held.titles[task] = title
        if present:
            held.present[task] = status
    sql = "SELECT repository FROM main.repositories WHERE absent_since IS NULL"
    held.repositories = {name for (name,) in rows(sql)}
    held.readiness = {name for (name,) in rows("SELECT DISTINCT repository FROM raw.readiness_snapshots")}
    changed = "greatest(created_at, updated_at, completed_at)"
    sql = f"SELECT run_id, task_id, status, capture_state, stream_state, log_state, {changed} FROM main.runs"
    held.runs = {run: HeldRun(*rest) for run, *rest in rows(sql)}
    for run, *event in rows("SELECT run_id, stream_id, payload, event_id FROM raw.run_events"):
        held.events.setdefault(run, []).append((event[0], event[1], event[2]))
    sql = (
        "SELECT run_id, position, payload, event_id, first_event_id FROM raw.run_log_entries ORDER BY run_id, position"
    )
    for run, *entry in rows(sql):
        held.entries.setdefault(run, []).append((entry[0], entry[1], entry[2], entry[3]))
    sql = "SELECT run_id, after_stream_id, before_stream_id, how, certain, repaired_from_log FROM ledger.gaps"
    for run, *gap in rows(sql):
        held.gaps.setdefault(run, []).append(Gap(*gap))
    for table, key in _ONCE.items():
        sql = f"SELECT {key}, count(*) FROM {table} GROUP BY ALL HAVING count(*) > 1 LIMIT 3"
        held.doubled += [f"{table}: {str(row)[:200]}" for row in rows(sql)]
    return held
