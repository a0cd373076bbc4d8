"""Bring rows from Python into a temporary table: one parameter a few thousand rows, no row-by-row insert."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

CHUNK = 8 << 20
"""Characters of JSON that one statement reads at most, but for a single row: it takes some 10 times as much memory."""


def stage(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    """Create the temporary table ``table`` with ``columns`` (name to type) and fill it.

    Values are anything that JSON can hold; times are ISO 8601 text. A lone surrogate in a text becomes a
    question mark, since no database stores one.
    """
    source = f"SELECT unnest(from_json($1::JSON, '{json.dumps([dict(columns)])}'), recursive := true)"
    make = f"CREATE OR REPLACE TEMP TABLE {table} AS"
    for text in _chunks(rows, columns):
        connection.execute(f"{make} {source}", [text.encode("utf-8", "replace").decode()])
        make = f"INSERT INTO {table}"


def _chunks(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Iterator[str]:
    """JSON arrays of the rows, in their order; one of none where there are none."""
    held: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps({name: row.get(name) for name in columns}, ensure_ascii=False, default=str)
        if held and size + len(text) > CHUNK:
            yield f"[{','.join(held)}]"
            held, size = [], 0
        held.append(text)
        size += len(text)
    yield f"[{','.join(held)}]"


def of_table(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column names and types of one of our own tables, given as ``schema.table``."""
    described = connection.execute(f"DESCRIBE {table}").fetchall()  # in a tenth of the time of duckdb_columns()
    return {name: kind for name, kind, *_ in described}
