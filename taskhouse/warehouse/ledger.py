"""The proof: one row per pass, begun before the first request and closed with a verdict."""

from datetime import datetime

import duckdb

from taskhouse.warehouse import sql


def begin(
    connection: duckdb.DuckDBPyConnection,
    *,
    pass_id: str,
    project_id: int,
    resource: str,
    viewer: str | None,
    started_at: datetime,
) -> None:
    """Open a pass, and close those of the same resource that a dead process left running."""
    connection.execute(
        sql.warehouse("ledger/abandon"), {"now": started_at, "project_id": project_id, "resource": resource}
    )
    connection.execute(
        sql.warehouse("ledger/begin"),
        {
            "pass_id": pass_id,
            "project_id": project_id,
            "resource": resource,
            "viewer": viewer,
            "started_at": started_at,
        },
    )


def finish(connection: duckdb.DuckDBPyConnection, **columns: object) -> None:
    """Close a pass; ``columns`` are those of ``ledger.passes`` from ``viewer`` on, and ``pass_id``."""
    connection.execute(sql.warehouse("ledger/finish"), columns)
