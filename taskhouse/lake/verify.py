"""Compare what the lake has of a shard with the published copy of the same commit, row for row."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import duckdb

from taskhouse.errors import Incomplete
from taskhouse.lake import erasure, schema
from taskhouse.lake.catalogue import Catalogue
from taskhouse.lake.damage import Damaged, check
from taskhouse.lake.engine import Lake
from taskhouse.lake.reading import newest
from taskhouse.lake.service import shard_of
from taskhouse.lake.tables import DERIVED, SHARED, Shared
from taskhouse.settings import Settings
from taskhouse.warehouse import publish, sql
from taskhouse.warehouse.identity import Identity, copies_in


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """One table.

    Attributes:
        table: Its schema and name.
        rows: How many rows the lake has.
        lacks: How many rows of the copy it does not have.
        extra: How many rows it has that the copy does not have.
        damaged: Files that cannot be read, so that nothing could be compared.
    """

    table: str
    rows: int
    lacks: int
    extra: int
    damaged: tuple[Damaged, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the two are not the same."""
        return bool(self.lacks or self.extra or self.damaged)


def verify(settings: Settings) -> tuple[int, list[ComparedTable]]:
    """Compare all tables of this shard; returns the commit, and a row for each table.

    What was erased from the lake is left out. A table with files that cannot be read stops nothing: the others are
    compared, and these files are named.

    Raises:
        ConfigurationError: A setting is missing, or there is no lake.
        Incomplete: This home has no copy of the commit that the lake has.
        Retryable: The catalogue did not answer.
    """
    lake, shard = Lake.of(settings), shard_of(settings)
    with contextlib.closing(newest(lake, spill=settings.home / "lake.tmp")) as connection:
        try:
            broken = [one for one in (_read(connection, name) for name in _marks(shard)) if one]
            generation = _generation(settings, connection, broken)
            if not generation:
                raise Incomplete(
                    f"The lake has nothing of shard {shard} yet.",
                    hint="Run `taskhouse lake publish`, then `taskhouse lake verify`.",
                )
            copy = _copy_of(settings, generation)
            if copy is None:
                raise Incomplete(
                    f"The lake has commit {generation} of shard {shard}, and this home has no published copy of it.",
                    hint="Run `taskhouse lake publish`, then `taskhouse lake verify`.",
                )
            connection.execute(f"ATTACH {sql.literal(str(copy))} AS copy (READ_ONLY)")
            erased = erasure.recall(connection, Catalogue(lake, connection))
            return generation, broken + _compare(connection, shard, erased=erased)
        except duckdb.Error as problem:
            raise lake.failed(problem, "Reading") from None


def _marks(shard: str) -> tuple[str, str]:
    """The tables that say how far a shard is published."""
    return "shards.published", f"shards.mark_{shard}"


def _read(connection: duckdb.DuckDBPyConnection, *tables: str) -> ComparedTable | None:
    """Files of tables that cannot be read, noted with the first of the tables; None if there are none."""
    damaged = check(connection, tables).damaged
    return ComparedTable(tables[0], 0, 0, 0, damaged) if damaged else None


def _generation(settings: Settings, connection: duckdb.DuckDBPyConnection, broken: list[ComparedTable]) -> int:
    """How far this shard is published; if that cannot be read, as far as its newest copy."""
    shard, lost = shard_of(settings), {one.table for one in broken}
    published, mark = _marks(shard)
    if published not in schema.columns_in(connection, "lake"):
        return 0
    if published not in lost:
        rows = sql.run(connection, "lake_publish/owner", shard=shard).fetchall()
        return int(rows[0][2]) if rows else 0
    if mark not in lost:
        found = connection.execute(sql.query("lake_publish/marks").format(shard=shard)).fetchall()
        return next((int(generation) for name, generation, *_ in found if name == schema.EVERY), 0)
    held = Identity.beside(publish.readable(settings.published))
    return held.generation if held else 0


def _copy_of(settings: Settings, generation: int) -> Path | None:
    for path in copies_in(settings.published):
        held = Identity.beside(path)
        if held and held.generation == generation:
            return path
    return None


def _compare(connection: duckdb.DuckDBPyConnection, shard: str, *, erased: bool) -> list[ComparedTable]:
    def copied(table: Shared) -> str:
        rows = schema.rows_of(table)
        return erasure.left(table, rows) if erased else rows

    shape, found = schema.shapes(connection), list[ComparedTable]()
    runs = next(table for table in SHARED if table.name == "mart.runs")
    kept_runs = sql.query("lake_verify/kept").format(table=runs.name)
    pairs = [(table.name, copied(table), sql.query("lake_verify/kept").format(table=table.name)) for table in SHARED]
    pairs += [
        (
            name,
            sql.query("lake_verify/copied_derived").format(table=name, runs=copied(runs)),
            sql.query("lake_verify/kept_derived").format(table=name, runs=kept_runs),
        )
        for name in DERIVED
    ]
    for name, rows, kept in pairs:
        columns = ", ".join(f'"{column}"' for column in shape[name])
        text = sql.query("lake_verify/compare").format(columns=columns, rows=rows, kept=kept)
        try:
            lacks, extra, count = connection.execute(text, {"shard": shard}).fetchall()[0]
        except duckdb.Error:
            needed = (name, f"{name}_gone") if name not in DERIVED else (name, runs.name, runs.gone)
            if (one := _read(connection, *needed)) is None:
                raise
            found.append(one)
        else:
            found.append(ComparedTable(name, count, lacks, extra))
    return found
