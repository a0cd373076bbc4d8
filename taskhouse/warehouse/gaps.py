"""Judge what is missing from the events of runs, from what is held of both layers.

Certain is a hole that the agent's own numbering proves: ``event_id`` is ``<boot>-<number>``, and numbers run from 1
without a break within a boot. Certain is as well what the server announced to have trimmed, repaired only where those
numbers prove it. Possible is what nothing proves and nothing rules out: a connection that found a full
backlog may have missed what was trimmed before it (``seams``), and a stream that was gone before its end was read may
have held more. Nothing else is a gap: stream ids are not dense, and an event without a number proves nothing.

Agents give the numbers, so nothing is ever counted out between two of them: holes are found at the edges of what is
held, and cost the same whether one event is missing or a billion. Memory grows with the events held alone, by at most
0.5 KB for each.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import duckdb

from taskhouse.warehouse import seams, sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.staging import stage

_EVERYTHING = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
"""Errors that concern the warehouse, not the run that was being judged."""


_SEAM = {
    "project_id": "project_id",
    "run_id": "run_id",
    "after_stream_id": "after_stream_id",
    "before_stream_id": "first_stream_id",
}
"""What a gap says of a seam, by columns of ``ledger.gaps``."""


def judge_runs(
    warehouse: Warehouse,
    project_id: int,
    runs: Mapping[str, datetime],
    *,
    now: datetime,
    windows: Collection[int] | None = None,
) -> dict[str, str]:
    """Judge runs together; if that fails, halves of them, so that a run that cannot be judged stops no other.

    Such a run gets a possible gap that says so.

    Args:
        warehouse: What is held.
        project_id: The project of the runs.
        runs: The runs to judge, each with the time when it was created.
        now: The moment of the judgement.
        windows: How many events the server's streams keep, if that is known.

    Returns:
        The runs that could not be judged, each with the reason.

    Raises:
        Locked: Another process has locked the warehouse.
    """
    try:
        with warehouse.transaction("judging gaps") as connection:
            judge(connection, project_id, runs, since=min(runs.values(), default=now), now=now, windows=windows)
    except _EVERYTHING:
        raise
    except duckdb.Error as problem:
        if len(runs) > 1:
            ids = list(runs)
            halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
            first, second = ({run_id: runs[run_id] for run_id in half} for half in halves)
            return judge_runs(warehouse, project_id, first, now=now, windows=windows) | judge_runs(
                warehouse, project_id, second, now=now, windows=windows
            )
        reason = "".join(c if c.isprintable() else " " for c in str(problem)[:200])
        with warehouse.transaction("recording a run that could not be judged") as connection:
            _begin(connection, project_id, runs)
            sql.run(connection, "gaps/unjudged", reason=reason)
            _keep(connection, now)
        return dict.fromkeys(runs, reason)
    return {}


def judge(
    connection: duckdb.DuckDBPyConnection,
    project_id: int,
    run_ids: Collection[str],
    *,
    since: datetime,
    now: datetime,
    windows: Collection[int] | None = None,
) -> int:
    """Put the gaps of some runs into ``ledger.gaps`` in place of what stood there; returns how many are not repaired.

    Judging twice changes nothing.

    Args:
        connection: Inside a transaction.
        project_id: The project of the runs.
        run_ids: The runs to judge.
        since: When the oldest of them was created; bounds what is read.
        now: The moment of the judgement, for gaps that are new.
        windows: How many events the server's streams keep, if that is known.
    """
    if not run_ids:
        return 0
    since_ms, fewest = max(0, int(since.timestamp() * 1000) - 3_600_000), seams.fewest(windows)
    _begin(connection, project_id, run_ids)
    sql.run(connection, "gaps_numbers/numbered", "gaps_numbers/holes", "gaps_numbers/certain", since_ms=since_ms)
    sql.run(
        connection,
        *("gaps_streams/seams", "gaps_streams/states", "gaps_streams/held"),
        *("gaps_streams/trims", "gaps_streams/trimmed"),
        since_ms=since_ms,
        **fewest,
    )
    sides = [seams.Seam(**side) for side in sql.rows(sql.run(connection, "gaps_seams/sides"))]
    late = [seams.Late(**row) for row in sql.rows(sql.run(connection, "gaps_seams/late", **fewest))]
    suspected = [
        {**{name: getattr(place, field) for name, field in _SEAM.items()}, "how": reason}
        for place, reason in (*seams.suspected(sides, windows), *seams.overrun(late, sides, windows))
    ]
    stage(connection, "suspected", suspected, {**dict.fromkeys([*_SEAM, "how"], "VARCHAR"), "project_id": "BIGINT"})
    sql.run(connection, "gaps_seams/possible", "gaps_seams/replaced")
    sql.run(
        connection,
        *("gaps_ends/last", "gaps_ends/over"),
        *("gaps_ends/ends", "gaps_ends/unread", "gaps_ends/gone", "gaps_ends/lost", "gaps_ends/expired"),
        since_ms=since_ms,
        now=now,
    )
    return _keep(connection, now)


def _begin(connection: duckdb.DuckDBPyConnection, project_id: int, run_ids: Collection[str]) -> None:
    rows = [{"project_id": project_id, "run_id": run_id} for run_id in run_ids]
    stage(connection, "judged", rows, {"project_id": "BIGINT", "run_id": "VARCHAR"})
    sql.run(connection, "gaps/none")


def _keep(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Put what was found in place of what stood there; returns how many gaps are not repaired."""
    connection.execute("ALTER TABLE found ADD COLUMN detected_at TIMESTAMPTZ")
    connection.execute("UPDATE found SET detected_at = ?", [now])
    sql.run(connection, "gaps/keep", "gaps/delete", "gaps/insert", "gaps/forget", "gaps/remember", now=now)
    row = connection.execute("SELECT count(*) FROM found WHERE NOT repaired_from_log").fetchone()
    return int(row[0]) if row else 0
