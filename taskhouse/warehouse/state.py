"""What the warehouse knows already: the questions that a pass asks before it asks the server."""

from typing import Any

import duckdb

from taskhouse.warehouse import sql

Record = dict[str, Any]


def records(connection: duckdb.DuckDBPyConnection, question: str, **parameters: object) -> list[Record]:
    """The rows of ``statements/state/<question>.sql``, each by column name; times are aware and in UTC."""
    return sql.rows(connection.execute(sql.warehouse(f"state/{question}"), sql.parameters(parameters)))


def cursors(connection: duckdb.DuckDBPyConnection, project_id: int, resource: str) -> dict[str, Record]:
    """Cursors of one resource by key: ``position``, ``state``, ``updated_at``."""
    return {row["key"]: row for row in records(connection, "cursors", project_id=project_id, resource=resource)}
