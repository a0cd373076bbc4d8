"""What the warehouse knows already: the questions that a pass asks before it asks the server."""

from typing import Any

import duckdb

from taskhouse.warehouse import sql

Record = dict[str, Any]


def records(connection: duckdb.DuckDBPyConnection, question: str, **parameters: object) -> list[Record]:
    """The rows of a query, each by column name; times are aware and in UTC.

    ``<resource>/<name>`` is a query of one resource, in its folder; the others are in ``statements/state``.
    """
    text = sql.engine(f"resources/{question}") if "/" in question else sql.warehouse(f"state/{question}")
    return sql.rows(connection.execute(text, sql.parameters(parameters)))


def cursors(connection: duckdb.DuckDBPyConnection, project_id: int, resource: str) -> dict[str, Record]:
    """Cursors of one resource by key: ``position``, ``state``, ``updated_at``."""
    return {row["key"]: row for row in records(connection, "cursors", project_id=project_id, resource=resource)}
