"""The lake as people read it: the same tables, views and macros as in a published copy, over all shards."""

import contextlib
from pathlib import Path

import duckdb

from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.refusals import is_of_lake
from taskhouse.lake.tables import DERIVED, SHARED
from taskhouse.warehouse import sql, views
from taskhouse.warehouse.reading import Reader

SHARDS = {
    "": "One row per shard of the lake: how far its history is published. All tables show each shard at its `as_of`.",
    "shard": "Its name, from `TASKHOUSE_SHARD`.",
    "home": "The id of its home.",
    "host": "The PostHog server that it reads.",
    "generation": "The newest commit of its warehouse that the lake has.",
    "as_of": "When the published copy of that commit was made.",
    "published_at": "When it was published to the lake.",
    "zone": "The time zone in which its days begin.",
}
"""What the view `lake_shards` and its columns say of themselves."""


def open_lake(lake: Lake, clock: Clock = REAL) -> Reader:
    """The newest snapshot of the lake; what is published later does not change what it shows.

    Raises:
        ConfigurationError: DuckLake is not installed here, there is no lake, or this taskhouse is newer than it.
        Retryable: The catalogue does not answer.
    """
    connection = newest(lake)
    try:
        snapshot = sql.run(connection, "lake_read/snapshot").fetchall()[0][0]
        show_tables(connection)
        show_views(connection, clock)
    except duckdb.Error as problem:
        connection.close()
        if isinstance(problem, duckdb.CatalogException | duckdb.BinderException) and not is_of_lake(problem):
            raise ConfigurationError(
                "The lake lacks tables or columns that this taskhouse shows.",
                hint="Run `taskhouse lake publish` with this version on a shard, or read with the version of the"
                " shards.",
            ) from None
        raise lake.failed(problem, "Opening") from None
    return Reader(Path(f"lake-{snapshot}"), connection, lake.explain)


def newest(lake: Lake, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB that has the newest snapshot of the lake attached, and goes on showing that one.

    Raises:
        ConfigurationError: DuckLake is not installed here, or there is no lake.
        Retryable: The catalogue does not answer.
    """
    with contextlib.closing(connect(lake, read_only=True)) as connection:
        try:
            snapshot = sql.run(connection, "lake_read/snapshot").fetchall()[0][0]
        except duckdb.Error as problem:
            raise lake.failed(problem, "Opening") from None
    return connect(lake, read_only=True, snapshot=snapshot, spill=spill)


def show_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Show the tables of a warehouse over the lake, in the memory of a connection that has it attached."""
    for schema in ("raw", "ledger", "mart"):
        connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(sql.query("lake_read/shards"))
    for table in SHARED:
        connection.execute(sql.query("lake_read/current").format(table=table.name))
    for name in DERIVED:
        connection.execute(sql.query("lake_read/derived").format(table=name))


def show_views(connection: duckdb.DuckDBPyConnection, clock: Clock = REAL) -> None:
    """Make views and macros over these tables, with what they say of themselves."""
    connection.execute(sql.engine("warehouse/schema/views"))
    zone = sql.run(connection, "lake_read/zone").fetchall()[0][0]
    views.make(connection, clock, zone=zone or "UTC", stored=False)
    for name, about in SHARDS.items():
        what = f"COLUMN main.lake_shards.{name}" if name else "VIEW main.lake_shards"
        connection.execute(f"COMMENT ON {what} IS {sql.literal(about)}")
