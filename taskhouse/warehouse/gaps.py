"""Find what is missing from the events of runs, based on both layers.

A gap is certain if the agent's own numbering proves it: ``event_id`` is ``<boot>-<number>``, and the numbers of a boot
count from 1 without a break. It is also certain if the server announced a trim, unless those numbers prove that nothing
is missing. A gap is possible if nothing proves it and nothing rules it out: a connection that found a full backlog may
have missed what was trimmed before (``seams``), and a stream that expired before its end was read may have contained
more. Nothing else is a gap: stream ids are not dense, and an event without a number proves nothing.

Agents choose the numbers, so taskhouse never counts from one to the next. It finds holes at the edges of what is
stored, which costs the same for one missing event and for a billion. Memory grows only with the stored events, by at
most 0.5 KB for each. docs/capture.md explains the rules.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import duckdb

from taskhouse.warehouse import seams, sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.staging import stage

KINDS = (
    "numbers_missing",
    "trim_announced",
    "trim_suspected",
    "overrun",
    "last_event_gone",
    "id_reused",
    "stream_restarted",
    "stream_expired",
    "stream_not_read",
    "end_not_read",
    "read_too_late",
    "log_expired",
    "refused",
    "not_found",
    "undetermined",
)
"""Every code of ``ledger.gaps.kind``; docs/capture.md explains them."""

_EVERYTHING = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
"""Errors that concern the warehouse, not the run that was being searched."""


_SEAM = {
    "project_id": "project_id",
    "run_id": "run_id",
    "after_stream_id": "after_stream_id",
    "before_stream_id": "first_stream_id",
}
"""The attributes of a seam that a gap stores, by columns of ``ledger.gaps``."""


def search_runs(
    warehouse: Warehouse,
    project_id: int,
    runs: Mapping[str, datetime],
    *,
    now: datetime,
    windows: Collection[int] | None = None,
) -> dict[str, str]:
    """Find the gaps of runs together; if that fails, of halves of them, so that one bad run does not affect the others.

    A run whose gaps cannot be determined gets a possible gap that says so.

    Args:
        warehouse: The stored events.
        project_id: The project of the runs.
        runs: The runs, each with the time when it was created.
        now: The present moment.
        windows: How many events the server's streams keep, if that is known.

    Returns:
        The runs whose gaps could not be determined, each with the reason.

    Raises:
        Locked: Another process has locked the warehouse.
    """
    try:
        with warehouse.transaction("searching for gaps") as connection:
            connection.execute("SET threads = 1")  # in less memory and processor time than two
            find_gaps(connection, project_id, runs, since=min(runs.values(), default=now), now=now, windows=windows)
    except _EVERYTHING:
        raise
    except duckdb.Error as problem:
        if len(runs) > 1:
            ids = list(runs)
            halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
            first, second = ({run_id: runs[run_id] for run_id in half} for half in halves)
            return search_runs(warehouse, project_id, first, now=now, windows=windows) | search_runs(
                warehouse, project_id, second, now=now, windows=windows
            )
        reason = "".join(c if c.isprintable() else " " for c in str(problem)[:200])
        with warehouse.transaction("recording a run that could not be searched for gaps") as connection:
            _begin(connection, project_id, runs)
            sql.run(connection, "gaps/find_undetermined", reason=reason)
            _keep(connection, now)
        return dict.fromkeys(runs, reason)
    return {}


def find_gaps(
    connection: duckdb.DuckDBPyConnection,
    project_id: int,
    run_ids: Collection[str],
    *,
    since: datetime,
    now: datetime,
    windows: Collection[int] | None = None,
) -> int:
    """Replace the gaps of some runs in ``ledger.gaps``; returns how many are not repaired.

    Doing this twice changes nothing.

    Args:
        connection: Inside a transaction.
        project_id: The project of the runs.
        run_ids: The runs.
        since: When the oldest of them was created; limits what is read.
        now: The present moment, for new gaps.
        windows: How many events the server's streams keep, if that is known.
    """
    if not run_ids:
        return 0
    since_ms, fewest = max(0, int(since.timestamp() * 1000) - 3_600_000), seams.fewest(windows)
    _begin(connection, project_id, run_ids)
    sql.run(
        connection,
        "gaps_numbers/numbered",
        "gaps_numbers/holes",
        "gaps_numbers/find_missing_numbers",
        since_ms=since_ms,
    )
    found = sql.run(
        connection,
        *("gaps_streams/seams", "gaps_streams/states", "gaps_streams/extents", "gaps_streams/stored_events"),
        since_ms=since_ms,
        **fewest,
    ).fetchone()
    sql.run(connection, "gaps_streams/announced_trims", "gaps_streams/find_trimmed", since_ms=since_ms)
    if found and found[0]:  # of most runs, there is nothing stored for which a seam may matter
        _suspect(connection, fewest, windows)
    sql.run(connection, "gaps_seams/find_replaced")
    sql.run(
        connection,
        "gaps_ends/ended_runs",
        "gaps_ends/find_unread_ends",
        "gaps_ends/find_unread_streams",
        "gaps_ends/find_expired_streams",
        "gaps_ends/find_refused",
        "gaps_ends/find_expired_logs",
        now=now,
    )
    return _keep(connection, now)


def _suspect(connection: duckdb.DuckDBPyConnection, fewest: dict[str, int], windows: Collection[int] | None) -> None:
    """Find what may be missing where one connection ended and the next began, and in connections that were overrun."""
    around = [seams.Seam(**row) for row in sql.rows(sql.run(connection, "gaps_seams/around_seams"))]
    late = [seams.Late(**row) for row in sql.rows(sql.run(connection, "gaps_seams/late_events", **fewest))]
    suspected = [
        {**{name: getattr(place, field) for name, field in _SEAM.items()}, **cause._asdict()}
        for place, cause in (*seams.suspected(around, windows), *seams.overrun(late, around, windows))
    ]
    columns = {**dict.fromkeys([*_SEAM, *seams.Cause._fields], "VARCHAR"), "project_id": "BIGINT"}
    stage(connection, "suspected", suspected, columns)
    sql.run(connection, "gaps_seams/find_suspected")


def _begin(connection: duckdb.DuckDBPyConnection, project_id: int, run_ids: Collection[str]) -> None:
    rows = [{"project_id": project_id, "run_id": run_id} for run_id in run_ids]
    stage(connection, "searched", rows, {"project_id": "BIGINT", "run_id": "VARCHAR"})
    sql.run(connection, "gaps/begin")


def _keep(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Replace the stored gaps by those that were found; returns how many are not repaired."""
    connection.execute("ALTER TABLE found_gaps ADD COLUMN detected_at TIMESTAMPTZ")
    connection.execute("UPDATE found_gaps SET detected_at = ?", [now])
    sql.run(connection, "gaps/keep", "gaps/delete", "gaps/insert", "gaps/forget", "gaps/remember", now=now)
    row = connection.execute("SELECT count(*) FROM found_gaps WHERE NOT repaired_from_log").fetchone()
    return int(row[0]) if row else 0
