"""The proof: one row per pass, begun before the first request, kept true by every commit, closed with a verdict."""

from datetime import datetime, timedelta

import duckdb

from taskhouse.errors import Backwards, Locked
from taskhouse.warehouse import sql

BACKWARDS = timedelta(seconds=5)
"""Clocks are set back by so much without anybody noticing."""


def begin(
    connection: duckdb.DuckDBPyConnection,
    *,
    pass_id: str,
    project_id: int,
    resource: str,
    viewer: str | None,
    started_at: datetime,
) -> None:
    """Open a pass, and close those of the same resource that a dead process left running.

    Raises:
        Backwards: A pass of a later moment is in the ledger: this one would put its observations before what is known.
    """
    found = sql.run(connection, "ledger/newest", project_id=project_id, resource=resource).fetchone()
    if found and found[0] is not None and started_at < found[0] - BACKWARDS:
        raise Backwards(
            f"It is {started_at:%Y-%m-%d %H:%M:%S} here, and a pass of {resource} for project {project_id} began at"
            f" {found[0]:%Y-%m-%d %H:%M:%S}: history would run backwards.",
            hint="If this machine's clock is behind, set it. If it is right, it was ahead then:"
            " `taskhouse restore --clock` moves the later times back to the present.",
        )
    sql.run(connection, "ledger/abandon", project_id=project_id, resource=resource, now=started_at)
    sql.run(
        connection,
        "ledger/begin",
        pass_id=pass_id,
        project_id=project_id,
        resource=resource,
        viewer=viewer,
        started_at=started_at,
    )


def reopen(connection: duckdb.DuckDBPyConnection, pass_id: str) -> None:
    """Go on with a pass that was interrupted."""
    sql.run(connection, "ledger/reopen", pass_id=pass_id)


def still_open(connection: duckdb.DuckDBPyConnection, pass_id: str) -> None:
    """Make sure that no later pass has taken this one's place.

    Raises:
        Locked: It has: what this pass still brings is late.
    """
    found = sql.run(connection, "ledger/verdict", pass_id=pass_id).fetchone()
    if not found or found[0] != "running":
        what = "was closed by a later one" if found else "began in another warehouse, which was replaced meanwhile"
        raise Locked(
            f"The pass {pass_id} {what}, so its further data is refused.",
            hint="Run only one process per home; `taskhouse status` shows the passes.",
        )


def figures(connection: duckdb.DuckDBPyConnection, **columns: object) -> None:
    """What a pass cost and brought until now: the figures of ``ledger.passes``, and ``pass_id``."""
    sql.run(connection, "ledger/figures", **columns)


def close_unidentified(connection: duckdb.DuckDBPyConnection, **named: object) -> None:
    """Close quarantined records without a key that are older than the proof of the whole list.

    ``named``: ``project_id``, the names of the records (``resources``), how old the proof is (``proven_at``), and the
    time to enter (``at``).
    """
    sql.run(connection, "ledger/close_unidentified", **named)


def finish(connection: duckdb.DuckDBPyConnection, **columns: object) -> None:
    """Close a pass: ``pass_id``, ``finished_at``, ``interrupted``, ``verdict``, its reason with its code, its proof."""
    sql.run(connection, "ledger/finish", **columns)
