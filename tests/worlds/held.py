"""What a home holds, read from the documented tables and views alone."""

from __future__ import annotations

import math
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tests.blank import show


@dataclass(slots=True)
class Pass:
    """One attempt, with its verdict and what that rests on."""

    resource: str
    started: float
    finished: float
    verdict: str
    reason: str
    proof: str | None
    proven: float
    kind: str

    @property
    def complete(self) -> bool:
        """Whether it claims that nothing is missing."""
        return self.verdict == "complete"


@dataclass(slots=True)
class HeldRun:
    """A run as the view `runs` tells of it."""

    task: str
    status: str
    capture_state: str | None
    stream_state: str | None
    log_state: str | None


@dataclass(slots=True)
class Held:
    """Everything that the judge looks at."""

    passes: list[Pass] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    tasks: dict[str, str] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    repositories: set[str] = field(default_factory=set)
    readiness: dict[str, float] = field(default_factory=dict)
    runs: dict[str, HeldRun] = field(default_factory=dict)
    events: dict[str, list[tuple[str | None, str, bool]]] = field(default_factory=dict)
    entries: dict[str, list[tuple[int, str, bool, str | None, str | None]]] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)
    quarantine: int = 0
    published: tuple[int, ...] | None = None
    counts: tuple[int, ...] = ()

    def last(self, resource: str, since: float) -> Pass | None:
        """The newest pass over a resource that began, or went on and ended, since a moment."""
        found = [one for one in self.passes if one.resource == resource and one.finished >= since]
        return max(found, key=lambda one: one.started, default=None)


DOUBLES = {
    "raw.task_versions": "task_id, valid_from",
    "raw.run_versions": "run_id, valid_from",
    "raw.run_log_entries": "run_id, position",
    "raw.run_events": "run_id, source, incarnation, stream_id, payload",
    "raw.readiness_snapshots": "repository, window_days, generated_at",
}
COUNTS = """
SELECT (SELECT count(*) FROM raw.run_events), (SELECT count(*) FROM raw.run_log_entries), (SELECT count(*) FROM tasks)
"""


def read(home: Path) -> Held | None:
    """Read a home; None where it has no warehouse."""
    file = home / "warehouse.duckdb"
    if not file.exists():
        return None
    held = Held()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(_shown(file, Path(folder)))) as base:
        _passes(base, held)
        _small(base, held)
        _content(base, held)
        held.counts = base.execute(COUNTS).fetchone() or ()
    copy = home / "published" / "current.duckdb"
    if copy.exists():
        with duckdb.connect(str(copy), read_only=True) as base:
            held.published = base.execute(COUNTS).fetchone()
    return held


def _shown(file: Path, folder: Path) -> Path:
    """A copy of the file with the views, which a warehouse does not have."""
    for path in file.parent.glob(f"{file.name}*"):
        shutil.copyfile(path, folder / path.name)
    return show(folder / file.name)


def _rows(base: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return base.execute(sql).fetchall()


def _passes(base: duckdb.DuckDBPyConnection, held: Held) -> None:
    columns = {row[0] for row in _rows(base, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'passes'")}
    proof = "proof, epoch(proven_at)" if {"proof", "proven_at"} <= columns else "NULL, NULL"
    sql = f"SELECT resource, epoch(started_at), epoch(finished_at), verdict, reason, kind, {proof} FROM ledger.passes"
    for resource, started, finished, verdict, reason, kind, rests, proven in _rows(base, sql):
        end = started if finished is None else finished
        moment = proven if proven is not None else -math.inf if rests == "counted" else started
        held.passes.append(Pass(resource, started, end, verdict or "", reason or "", rests, moment, kind or ""))


def _small(base: duckdb.DuckDBPyConnection, held: Held) -> None:
    for task, title, absent in _rows(base, "SELECT task_id, title, absent_since IS NOT NULL FROM tasks"):
        held.tasks[task] = title
        if not absent:
            held.present.add(task)
    held.repositories = {
        name for (name,) in _rows(base, "SELECT repository FROM repositories WHERE absent_since IS NULL")
    }
    held.readiness = dict(_rows(base, "SELECT repository, epoch(max(observed_at)) FROM readiness GROUP BY ALL"))
    sql = "SELECT run_id, task_id, status, capture_state, stream_state, log_state FROM runs"
    held.runs = {run: HeldRun(*rest) for run, *rest in _rows(base, sql)}
    held.gaps = dict(_rows(base, "SELECT run_id, count(*) FROM ledger.gaps GROUP BY ALL"))
    held.quarantine = _rows(base, "SELECT count(*) FROM ledger.quarantine WHERE replayed_at IS NULL")[0][0]
    for table, key in DOUBLES.items():
        sql = f"SELECT {key}, count(*) FROM {table} GROUP BY ALL HAVING count(*) > 1 LIMIT 3"
        held.doubled += [f"{table}: {str(row)[:200]}" for row in _rows(base, sql)]


def _content(base: duckdb.DuckDBPyConnection, held: Held) -> None:
    for run, *rest in _rows(base, "SELECT run_id, stream_id, payload, redacted FROM raw.run_events"):
        held.events.setdefault(run, []).append((rest[0], rest[1], rest[2]))
    sql = "SELECT run_id, position, payload, redacted, event_id, first_event_id FROM raw.run_log_entries"
    for run, *rest in _rows(base, sql):
        held.entries.setdefault(run, []).append((rest[0], rest[1], rest[2], rest[3], rest[4]))
