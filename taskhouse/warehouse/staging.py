"""Bring rows from Python into a temporary table: one parameter, one statement, no row-by-row insert."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb


def stage(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    """Create the temporary table ``table`` with ``columns`` (name to type) and fill it.

    Values are anything that JSON can hold; times are ISO 8601 text. A lone surrogate in a text becomes U+FFFD, since
    no database stores one.
    """
    structure = json.dumps([dict(columns)])
    text = json.dumps([{name: row.get(name) for name in columns} for row in rows], ensure_ascii=False, default=str)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT unnest(from_json($1::JSON, '{structure}'), recursive := true)",
        [text.encode("utf-8", "replace").decode()],
    )


def of_table(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column names and types of one of our own tables, given as ``schema.table``."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name || '.' || table_name = ? ORDER BY column_index",
        [table],
    ).fetchall()
    return dict(rows)
