"""Judge what is missing from the events of runs, from what is held of both layers.

Certain is a hole that the agent's own numbering proves: ``event_id`` is ``<boot>-<number>``, and numbers run from 1
without a break within a boot. Possible is a resume that may have crossed a trim. Nothing else is a gap: stream ids are
not dense, and an event without a number proves nothing.
"""

from collections.abc import Collection
from datetime import datetime

import duckdb

from taskhouse.warehouse import sql
from taskhouse.warehouse.staging import stage

WINDOW = 2000
"""Events that even the shortest stream of a plain run keeps (API facts 5.4)."""


def judge(
    connection: duckdb.DuckDBPyConnection, project_id: int, run_ids: Collection[str], *, since: datetime, now: datetime
) -> int:
    """Put the gaps of some runs into ``ledger.gaps`` in place of what stood there; returns how many are not repaired.

    Judging twice changes nothing.

    Args:
        connection: Inside a transaction.
        project_id: The project of the runs.
        run_ids: The runs to judge.
        since: When the oldest of them was created; bounds what is read.
        now: The moment of the judgement, for gaps that are new.
    """
    if not run_ids:
        return 0
    bound = {"since_ms": max(0, int(since.timestamp() * 1000) - 3_600_000)}
    stage(
        connection,
        "judged",
        [{"project_id": project_id, "run_id": run_id} for run_id in run_ids],
        {"project_id": "BIGINT", "run_id": "VARCHAR"},
    )
    connection.execute(sql.warehouse("gaps/numbered"), bound)
    for step in ("holes", "certain"):
        connection.execute(sql.warehouse(f"gaps/{step}"))
    connection.execute(sql.warehouse("gaps/possible"), {**bound, "window": WINDOW})
    connection.execute("ALTER TABLE found ADD COLUMN detected_at TIMESTAMPTZ")
    connection.execute("UPDATE found SET detected_at = ?", [now])
    for step in ("keep", "delete", "insert", "forget"):
        connection.execute(sql.warehouse(f"gaps/{step}"))
    connection.execute(sql.warehouse("gaps/remember"), {"now": now})
    row = connection.execute("SELECT count(*) FROM found WHERE NOT repaired_from_log").fetchone()
    return int(row[0]) if row else 0
