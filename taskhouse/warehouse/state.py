"""What the warehouse knows already: the questions that a pass asks before it asks the server."""

from typing import Any

import duckdb

from taskhouse.resources.spec import Table
from taskhouse.warehouse import sql

Record = dict[str, Any]


def records(connection: duckdb.DuckDBPyConnection, question: str, **parameters: object) -> list[Record]:
    """The rows of a query, each by column name; times are aware and in UTC.

    A question is the address of a query: ``runs/due``.
    """
    return sql.rows(sql.run(connection, question, **parameters))


def present(connection: duckdb.DuckDBPyConnection, table: Table, *, project_id: int, **thing: str) -> list[str]:
    """Keys of a table of sightings that are listed now; ``thing`` are the other columns of the thing."""
    where = "".join(f" AND {column} = ${column}" for column in thing)
    text = sql.query("state/present").format(table=table.name, key=table.thing[-1], where=where)
    return [key for (key,) in connection.execute(text, {"project_id": project_id, **thing}).fetchall()]


def cursors(connection: duckdb.DuckDBPyConnection, project_id: int, resource: str) -> dict[str, Record]:
    """Cursors of one resource by key: ``position``, ``state``, ``updated_at``."""
    return {row["key"]: row for row in records(connection, "state/cursors", project_id=project_id, resource=resource)}
