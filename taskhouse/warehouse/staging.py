"""Bring rows from Python into a temporary table: one list a column, no row-by-row insert.

Lists as parameters take a fifth of the time of one JSON text that DuckDB takes apart. Many rows come as columns of
Arrow, which DuckDB reads where they are, in half the time of parameters.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

CHUNK = 8 << 20
"""Characters that one statement brings as parameters at most, but for a single row."""

MANY = 500
"""From how many rows on they come as columns of Arrow."""

TOGETHER = 200
"""Rows whose values are looked up together: few enough for the processor's cache and to start no garbage collection."""

_NONE = frozenset({type(None)})
_TEXTS = _NONE | {str}
_FEW = ({bool}, {int})

Columns = Mapping[str, str]
Rows = Sequence[Mapping[str, Any]]


def stage(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows, columns: Columns) -> None:
    """Create the temporary table ``table`` with ``columns`` (name to type) and fill it.

    Values are anything that JSON can hold; times are ISO 8601 text. What is no text is written as JSON in a column of
    texts. A lone surrogate in a text becomes a question mark, since no database stores one.
    """
    if len(rows) >= MANY:
        _arrays(connection, table, rows, columns)
    else:
        _lists(connection, table, rows, columns)


def _lists(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows, columns: Columns) -> None:
    fields = ", ".join(
        f"CAST(unnest(CAST(${place} AS VARCHAR[])) AS {kind}) AS {name}"
        for place, (name, kind) in enumerate(columns.items(), start=1)
    )
    make = f"CREATE OR REPLACE TEMP TABLE {table} AS"
    for some in _chunks(rows):
        connection.execute(f"{make} SELECT {fields}", [_values(some, name) for name in columns])
        make = f"INSERT INTO {table}"


def _arrays(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows, columns: Columns) -> None:
    from taskhouse.warehouse import arrow_columns  # noqa: PLC0415 - few rows do not need it

    arrays, fixed, fields = {}, {}, []
    for (name, kind), values in zip(columns.items(), _cells(rows, columns), strict=True):
        texts = values if type(values[0]) in _TEXTS else _texts(values)
        if texts[0] == texts[-1] and texts.count(texts[0]) == len(texts):
            fixed[name] = _text(texts[0])
            fields.append(f"CAST(${name} AS {kind}) AS {name}")
            continue
        fields.append(f"CAST({name} AS {kind}) AS {name}")
        try:
            arrays[name] = arrow_columns.large_texts(texts)
        except TypeError:  # not all of them are texts, as the first one is
            arrays[name] = arrow_columns.large_texts(_texts(values))
    arrays = arrays or {"nothing": arrow_columns.large_texts([None] * len(rows))}
    held = arrow_columns.table(arrays, len(rows))
    connection.execute("SELECT 1").fetchall()  # nothing can be registered beside a result that waits to be read
    connection.register("arrays", held)
    try:
        select = f"SELECT {', '.join(fields)} FROM arrays"  # noqa: S608 - the columns are those of our own tables
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {select}", fixed)
        connection.unregister("arrays")
    finally:
        held.arrays = []


def _cells(rows: Rows, names: Iterable[str]) -> Iterator[Sequence[Any]]:
    """The values of each column; those of all at once if all rows have the same keys in the same order."""
    keys = list(rows[0])
    if not all(list(row) == keys for row in rows):
        return ([row.get(name) for row in rows] for name in names)
    held: dict[str, list[Any]] = {name: [] for name in keys}
    for start in range(0, len(rows), TOGETHER):
        some = zip(*[row.values() for row in rows[start : start + TOGETHER]], strict=True)
        for column, values in zip(held.values(), some, strict=True):
            column.extend(values)
    return (held.get(name) or [None] * len(rows) for name in names)


def _texts(values: Sequence[Any]) -> list[str | None]:
    """Values as texts; each number or flag is written once, unless there are both, which may be equal."""
    if {*map(type, values)} - _NONE in _FEW:
        written = {value: _text(value) for value in set(values)}
        return [written[value] for value in values]
    return list(map(_text, values))


def _values(rows: Rows, name: str) -> list[str | None]:
    """The values of a column."""
    return [
        value if type(value) is str and value.isascii() else _text(value) for value in [row.get(name) for row in rows]
    ]


def _chunks(rows: Rows) -> Iterator[Rows]:
    """The rows in their order, in parts; one empty part where there are none."""
    start = size = 0
    for place, row in enumerate(rows):
        length = sum([len(value) for value in row.values() if type(value) is str])
        if size and size + length > CHUNK:
            yield rows[start:place]
            start, size = place, 0
        size += length
    yield rows[start:]


def _text(value: Any) -> str | None:
    """A value as DuckDB casts it to the type of its column."""
    if value is None:
        return None
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | float) else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def of_table(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column names and types of one of our own tables, given as ``schema.table``."""
    described = connection.execute(f"DESCRIBE {table}").fetchall()  # in a tenth of the time of duckdb_columns()
    return {name: kind for name, kind, *_ in described}
