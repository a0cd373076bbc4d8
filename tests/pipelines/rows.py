"""Rows that a test puts into a warehouse by itself."""

from datetime import UTC, datetime
from typing import Any

NOW = datetime.now(UTC)
EMPTY = {"VARCHAR": "", "BOOLEAN": False, "TIMESTAMP WITH TIME ZONE": NOW}


def put(connection: Any, table: str, **values: Any) -> None:
    """Insert a row; what may not be NULL and is not given is empty."""
    needed = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name || '.' || table_name = ? AND NOT is_nullable",
        [table],
    ).fetchall()
    row = {**{name: EMPTY.get(kind, 0) for name, kind in needed}, "project_id": 1, **values}
    if table == "ledger.segments":
        del row["project_id"]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )
