"""What a page brings, committed at once: versions, sightings, the page itself, bad records and cursors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from taskhouse.warehouse import sql
from taskhouse.warehouse.staging import of_table, stage

Rows = Sequence[Mapping[str, Any]]

SEEN = {
    "project_id": "BIGINT",
    "key": "VARCHAR",
    "seen_at": "TIMESTAMPTZ",
    "pass_id": "VARCHAR",
    "page": "INTEGER",
}
GOOD = {"project_id": "BIGINT", "resource": "VARCHAR", "key": "VARCHAR", "seen_at": "TIMESTAMPTZ"}
SETTLED = {
    "project_id": "BIGINT",
    "resource": "VARCHAR",
    "reason": "VARCHAR",
    "payload": "VARCHAR",
    "replayed_at": "TIMESTAMPTZ",
    "outcome": "VARCHAR",
}
SIGHTINGS = {"tasks": ("task_sightings", "task_id"), "repositories": ("repository_sightings", "repository")}

TASK_TOLD = "content_hash, latest_run_id, latest_run_status, latest_run_environment"
"""Columns of a task of which any change makes a version."""


@dataclass(slots=True)
class Batch:
    """Everything that one commit brings; each list holds rows shaped like the table it goes to.

    Attributes:
        tasks: Rows for ``raw.task_versions``.
        runs: Rows for ``raw.run_versions``.
        readiness: Rows for ``raw.readiness_snapshots``.
        usage: Rows for ``raw.task_usage``.
        seen: By sightings resource, rows of ``project_id, key, seen_at, pass_id, page``.
        absent: The same, for what a complete pass proved absent.
        pages: Rows for ``ledger.pages``.
        quarantine: Rows for ``ledger.quarantine``.
        good: Other keys of the quarantine than those of the rows, of which nothing is wrong any more.
        settled: What leaves the quarantine: its key there, ``replayed_at`` and ``outcome``.
        drift: Rows for ``ledger.drift``.
        cursors: Rows for ``ledger.cursors``, replacing those of the same key.
    """

    tasks: list[Mapping[str, Any]] = field(default_factory=list)
    runs: list[Mapping[str, Any]] = field(default_factory=list)
    readiness: list[Mapping[str, Any]] = field(default_factory=list)
    usage: list[Mapping[str, Any]] = field(default_factory=list)
    seen: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    absent: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    pages: list[Mapping[str, Any]] = field(default_factory=list)
    quarantine: list[Mapping[str, Any]] = field(default_factory=list)
    good: list[Mapping[str, Any]] = field(default_factory=list)
    settled: list[Mapping[str, Any]] = field(default_factory=list)
    drift: list[Mapping[str, Any]] = field(default_factory=list)
    cursors: list[Mapping[str, Any]] = field(default_factory=list)


def commit(connection: duckdb.DuckDBPyConnection, batch: Batch) -> dict[str, int]:
    """Write a batch inside the caller's transaction; returns the rows added, by table."""
    _complete(connection, batch.runs)
    added = {
        "task_versions": _insert(
            connection, batch.tasks, "raw.task_versions", "versions/changes", key="task_id", told=TASK_TOLD
        ),
        "run_versions": _insert(connection, batch.runs, "raw.run_versions", "versions/changes", key="run_id"),
    }
    if batch.runs:
        added["task_versions"] += _changes(connection, "versions/latest_run_moved")
    added["readiness_snapshots"] = _insert(connection, batch.readiness, "raw.readiness_snapshots", "versions/readiness")
    added["task_usage"] = _insert(connection, batch.usage, "raw.task_usage", "versions/changes", key="task_id")
    for resource, (table, key) in SIGHTINGS.items():
        added[table] = _sightings(connection, table, key, batch.seen.get(resource, ()), batch.absent.get(resource, ()))
    _settle(connection, batch)
    _insert(connection, batch.pages, "ledger.pages", "ledger/pages")
    added["quarantine"] = _insert(connection, batch.quarantine, "ledger.quarantine", "ledger/quarantine")
    added["drift"] = _insert(connection, batch.drift, "ledger.drift", "ledger/drift")
    if batch.cursors:
        stage(connection, "incoming", batch.cursors, of_table(connection, "ledger.cursors"))
        _changes(connection, "ledger/cursors_since")
        _changes(connection, "ledger/cursors_delete")
        _changes(connection, "ledger/cursors_insert")
    return added


def _complete(connection: duckdb.DuckDBPyConnection, runs: Rows) -> None:
    """Put a run's own row in place of the version that its task told without the pull request, at the same moment."""
    own = [row for row in runs if row["observed_in"] != "task" and row.get("bare_hash")]
    if own:
        stage(connection, "own", own, {**of_table(connection, "raw.run_versions"), "bare_hash": "VARCHAR"})
        for step in ("find", "delete", "insert"):
            _changes(connection, f"versions/run_completed_{step}")


def _settle(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Close what waits in quarantine: what was replayed, and what a good record of the same key has made obsolete."""
    if batch.settled:
        stage(connection, "settled", batch.settled, SETTLED)
        _changes(connection, "ledger/replayed")
    waiting = connection.execute("SELECT count(*) FROM ledger.quarantine WHERE replayed_at IS NULL").fetchone()
    if not waiting or not waiting[0]:
        return
    keyed = (
        ("tasks", "task_id", batch.tasks),
        ("runs", "run_id", batch.runs),
        ("task_usage", "task_id", batch.usage),
    )
    good: list[Mapping[str, Any]] = [
        {"project_id": row["project_id"], "resource": resource, "key": row[key], "seen_at": row["valid_from"]}
        for resource, key, rows in keyed
        for row in rows
        if row["observed_in"] != "summaries"
    ]
    good += batch.good
    good += [{**row, "resource": "summaries"} for row in batch.seen.get("tasks", ())]
    if good:
        stage(connection, "good", good, GOOD)
        _changes(connection, "ledger/superseded")


def _insert(
    connection: duckdb.DuckDBPyConnection,
    rows: Rows,
    table: str,
    path: str,
    *,
    key: str = "",
    told: str = "content_hash",
) -> int:
    """Stage the rows as ``incoming`` and run the statement; nothing is staged when there are none."""
    if not rows:
        return 0
    stage(connection, "incoming", rows, of_table(connection, table))
    return _changes(connection, path, table=table, key=key, told=told)


def _sightings(connection: duckdb.DuckDBPyConnection, table: str, key: str, seen: Rows, absent: Rows) -> int:
    added = 0
    if seen:
        stage(connection, "seen", seen, SEEN)
        _changes(connection, "versions/sightings_seen", table=table, key=key)
        added = _changes(connection, "versions/sightings_new", table=table, key=key)
    if absent:
        stage(connection, "seen", absent, SEEN)
        _changes(connection, "versions/sightings_absent", table=table, key=key)
    return added


def _changes(connection: duckdb.DuckDBPyConnection, path: str, **names: str) -> int:
    text = sql.warehouse(path)
    row = connection.execute(text.format(**names) if names else text).fetchone()
    return int(row[0]) if row else 0
