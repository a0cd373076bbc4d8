"""The tables of the lake: made from those of the first copy that is published, and extended when a newer one has more.

Each shard has a small table of marks of its own, since marks of different shards in one table would conflict.
"""

from collections.abc import Collection, Mapping

import duckdb

from taskhouse.errors import ConfigurationError
from taskhouse.lake.tables import DERIVED, OURS, SHARED, Shared
from taskhouse.warehouse import sql
from taskhouse.warehouse.reading import OTHER_VERSION

Columns = Mapping[str, str]
"""Names of columns and their types, in order."""

EVERY = "*"
"""The row of a mark that changes with each tick."""

UNKNOWN = -1
"""Rows of a mark that says nothing of a table, so all rows must be compared."""

INLINED_ROWS = 100
"""At most this many new rows of a table go into the catalogue instead of a file of their own, until `compact` moves
them there: a tick touches ten tables, and most of them a little."""

_OURS = dict(zip(OURS, ("VARCHAR", "BIGINT", "BIGINT"), strict=True))
_PUBLISHED = {
    **dict.fromkeys(("shard", "home", "host", "zone"), "VARCHAR"),
    "version": "INTEGER",
    "generation": "BIGINT",
    **dict.fromkeys(("as_of", "published_at"), "TIMESTAMPTZ"),
}
_MARK = {
    "table_name": "VARCHAR",
    **dict.fromkeys(("generation", "rows", "next_row", "high"), "BIGINT"),
    "anchor": "UBIGINT",
    "rewrites": "BIGINT",
}


def rows_of(table: Shared) -> str:
    """The statement that gives what the lake has of a table of a copy."""
    return sql.query(table.rows) if table.rows else f"SELECT * FROM copy.{table.name}"  # noqa: S608 - our own names


def columns_in(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, dict[str, str]]:
    """Every table of an attached database, with its columns."""
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in sql.run(connection, "lake_publish/columns", database=database).fetchall():
        found.setdefault(name, {})[column] = kind
    return found


def shapes(connection: duckdb.DuckDBPyConnection) -> dict[str, Columns]:
    """What each table of the lake has of the attached copy, without our own columns.

    Raises:
        ConfigurationError: The copy lacks a table.
    """
    copied = columns_in(connection, "copy")
    wanted = {*(table.name for table in SHARED), *DERIVED}
    if lacks := sorted(wanted - copied.keys()):
        raise ConfigurationError(f"The published copy has no table {lacks[0]}.", hint=OTHER_VERSION)
    found: dict[str, Columns] = {name: copied[name] for name in DERIVED}
    for table in SHARED:
        if table.rows:
            described = connection.execute(f"DESCRIBE {rows_of(table)}").fetchall()
            found[table.name] = {name: kind for name, kind, *_ in described}
        else:
            found[table.name] = copied[table.name]
    return found


def prepare(connection: duckdb.DuckDBPyConnection, shard: str, shape: Mapping[str, Columns]) -> bool:
    """Make what the lake lacks, inside the caller's transaction: tables, columns, and the marks of a shard.

    Returns whether the lake is new.
    """
    held = columns_in(connection, "lake")
    for schema in ("raw", "ledger", "mart", "shards"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{schema}")
    wanted: dict[str, Columns] = {"shards.published": _PUBLISHED, f"shards.mark_{shard}": _MARK}
    for table in SHARED:
        wanted |= {table.name: _OURS | dict(shape[table.name]), table.gone: _OURS}
    for name in DERIVED:
        wanted[name] = {each: _OURS[each] for each in OURS[:2]} | dict(shape[name])
    for name, columns in wanted.items():
        if name not in held:
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"CREATE TABLE lake.{name} ({listed})")
        for column in columns.keys() - held.get(name, columns).keys():
            connection.execute(f'ALTER TABLE lake.{name} ADD COLUMN "{column}" {columns[column]}')
    _begin_marks(connection, shard, held.keys())
    return not held


def _begin_marks(connection: duckdb.DuckDBPyConnection, shard: str, held: Collection[str]) -> None:
    """Make the marks that a shard lacks. If it has rows, its marks were lost: everything is compared then."""
    text = sql.query("lake_publish/unmarked").format(shard=shard)
    tables = [EVERY, *(table.name for table in SHARED)]
    begun = {name: (0, 0) for (name,) in connection.execute(text, {"tables": tables}).fetchall()}
    for name in begun.keys() & set(held):
        used = sql.query("lake_publish/used").format(table=name)
        for (next_row,) in connection.execute(used, {"shard": shard}).fetchall():
            begun[name] = (UNKNOWN, next_row)
    if begun:
        rows, next_rows = ([pair[place] for pair in begun.values()] for place in (0, 1))
        values = {"tables": list(begun), "rows": rows, "next_rows": next_rows}
        connection.execute(sql.query("lake_publish/begin_mark").format(shard=shard), values)


def inline_few(connection: duckdb.DuckDBPyConnection) -> None:
    """Let few rows go into the catalogue."""
    connection.execute(f"CALL lake.set_option('data_inlining_row_limit', {INLINED_ROWS})")
