"""Publish what is new in a shard's published copy: exactly once, in one transaction.

It reads the copy and not the warehouse: no commit waits for it, the DuckDB of another version never writes the
warehouse's file, and a copy is one moment of all tables.

The mark of the shard says how far it is. Every tick updates it in the transaction that inserts the rows, so of two
ticks that begin at the same mark, one fails, and a tick whose commit is in doubt is found done or not done.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError
from taskhouse.lake import claims, erasure, schema
from taskhouse.lake.catalogue import Catalogue
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.tables import DERIVED, SHARED, Shared
from taskhouse.warehouse import publish, sql
from taskhouse.warehouse.identity import about

Mark = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick published.

    Attributes:
        generation: The newest commit of the shard that the lake has.
        added: Rows that came, by table; tables without new rows are left out.
        gone: Rows that a tombstone names now.
        seconds: How long it took.
    """

    generation: int
    added: Mapping[str, int] = field(default_factory=dict)
    gone: int = 0
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """How many rows came."""
        return sum(self.added.values())


class Shard:
    """What publishes one shard; it keeps the lake open between ticks, and a hash of each row that can change.

    Any error leaves the lake as it was, or with the whole tick in it; the next tick finds out which.

    Args:
        lake: Where to.
        name: The name of the shard.
        copies: The folder of its published copies.
        projects: The projects that it is set up for; it also has those that its copy has.
        clock: Says when something was published.
        zone: The time zone in which its days begin.
        spill: Where to write what does not fit into memory.
    """

    def __init__(
        self,
        lake: Lake,
        name: str,
        copies: Path,
        *,
        projects: Sequence[int] = (),
        clock: Clock = REAL,
        zone: str = "UTC",
        spill: Path | None = None,
    ) -> None:
        self.projects = projects
        self.lake, self.name, self.copies, self.clock, self.zone, self.spill = lake, name, copies, clock, zone, spill
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._marks: dict[str, Mark] = {}
        self._known: set[str] = set()
        self._published: Path | None = None
        self._claimed: set[int] = set()
        self._shape: Mapping[str, schema.Columns] = {}

    def close(self) -> None:
        """Let go of the lake."""
        if self._connection is not None:
            with contextlib.suppress(duckdb.Error):
                self._connection.close()
        self._connection, self._marks, self._known, self._published = None, {}, set(), None
        self._claimed = set()

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the lake."""
        return Catalogue(self.lake, self.connection)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB that has the lake attached."""
        if self._connection is None:
            self._connection = connect(self.lake, spill=self.spill)
        return self._connection

    def tick(self) -> Tick:
        """Publish what is new, once.

        Raises:
            ConfigurationError: There is no copy yet, the shard is that of another home, or the lake has more of it.
            duckdb.Error: The lake could not be read or written, or another tick was faster.
        """
        copy = publish.readable(self.copies)
        if copy == self._published:
            return Tick(self._marks[schema.EVERY]["generation"])
        try:
            return self._tick(copy)
        except BaseException:
            self.close()
            raise

    def anew(self) -> Tick:
        """Delete what the lake has of the shard, and publish all of the newest copy, in one transaction.

        No other process may publish or compact meanwhile. Raises what :meth:`tick` raises.
        """
        try:
            return self._tick(publish.readable(self.copies), anew=True)
        finally:
            self.close()

    def _tick(self, copy: Path, *, anew: bool = False) -> Tick:
        began = self.clock.monotonic()
        connection = self.connection
        made_at = publish.Published.of(copy, about(copy)).made_at
        connection.execute(f"ATTACH {sql.literal(str(copy))} AS copy (READ_ONLY)")
        copied = sql.rows(sql.run(connection, "lake_publish/copied"))[0]
        shape = schema.shapes(connection)
        is_new_claim = self._claim(connection)
        if not self._marks or shape != self._shape:
            with sql.atomic(connection):
                is_new = schema.prepare(connection, self.name, shape)
            if is_new:
                schema.inline_few(connection)
        self._shape = shape
        with sql.atomic(connection):
            if anew:
                self._clear(connection)
            version = self._recall(connection, copied, shape)
            before = self._marks[schema.EVERY]
            if copied["generation"] == before["generation"]:
                done = Tick(before["generation"])
            else:
                is_newer = copied["version"] != version
                erased = erasure.recall(connection, self.catalogue)
                work = _Work(
                    connection, self.name, copied["generation"], self._marks, self._known, shape, is_newer, erased
                )
                work.publish()
                work.mark()
                facts = {**copied, "zone": self.zone, "as_of": made_at, "now": self.clock.now(), "shard": self.name}
                sql.run(connection, "lake_publish/publication", **facts)
                done = Tick(copied["generation"], work.added, work.gone, self.clock.monotonic() - began)
        connection.execute("DETACH copy")
        self._published = copy
        if is_new_claim:
            claims.give_up(self.catalogue, self.name, but=self._claimed)
        return done

    def _claim(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Have all projects of the copy as this shard's, or refuse; whether they are others than before."""
        copied = {project for (project,) in sql.run(connection, "lake_publish/projects").fetchall() if project}
        if (projects := copied.union(self.projects)) == self._claimed:
            return False
        self.catalogue.prepare()
        claims.claim(self.catalogue, self.name, projects, copied=copied)
        self._claimed = projects
        return True

    def _clear(self, connection: duckdb.DuckDBPyConnection) -> None:
        for name in (*(name for table in SHARED for name in (table.name, table.gone)), *DERIVED):
            connection.execute(sql.query("lake_upkeep/drop").format(table=name), {"shard": self.name})
        sql.run(connection, "lake_upkeep/drop_publications", shard=self.name)
        connection.execute(sql.query("lake_upkeep/reset").format(shard=self.name))
        self._marks = {}

    def _recall(
        self, connection: duckdb.DuckDBPyConnection, copied: Mapping[str, Any], shape: Mapping[str, schema.Columns]
    ) -> Any:
        """Read the marks, and what the lake has of the tables that can change, unless it is known.

        Returns the version of the schema that was published last.
        """
        owner = sql.run(connection, "lake_publish/owner", shard=self.name).fetchall()
        home, version, _ = owner[0] if owner else (copied["home"], None, 0)
        if home != copied["home"]:
            raise ConfigurationError(
                f"Shard {self.name} of the lake belongs to another home.",
                hint="Give this home another name in TASKHOUSE_SHARD. If this one takes its place, run `taskhouse lake"
                " rebuild` here.",
            )
        found = sql.rows(connection.execute(sql.query("lake_publish/marks").format(shard=self.name)))
        marks = {row.pop("table_name"): row for row in found}
        if marks == self._marks:
            return version
        if schema.EVERY not in marks:
            raise duckdb.TransactionException("the marks of this shard are gone")
        self._marks, self._known = marks, set()
        held = marks[schema.EVERY]["generation"]
        if copied["generation"] < held:
            raise ConfigurationError(
                f"The lake has commit {held} of shard {self.name}, but the published copy ends with commit"
                f" {copied['generation']}.",
                hint="If you restored an older backup, run `taskhouse lake rebuild`.",
            )
        for table in SHARED:
            if not table.grows:
                know(connection, table, self.name, shape[table.name])
                self._known.add(table.name)
        return version


def know(connection: duckdb.DuckDBPyConnection, table: Shared, shard: str, shape: schema.Columns) -> None:
    """Read a hash of each row that counts of a table in the lake, with its number there, into a temporary table."""
    names = {"known": known(table), "table": table.name, "hash": hashed(table, shape)}
    connection.execute(sql.query("lake_publish/known").format(**names), {"shard": shard})


def known(table: Shared) -> str:
    """The temporary table of these hashes."""
    return f"known_{table.name.replace('.', '_')}"


def hashed(table: Shared, shape: schema.Columns) -> str:
    """The hash of a row, 64 bits of everything that must be compared."""
    names = ", ".join(f'"{name}"' for name in shape if name not in table.unread)
    return f"hash({names})"


@dataclass(slots=True)
class _Work:
    """One tick, table by table, inside a transaction."""

    connection: duckdb.DuckDBPyConnection
    shard: str
    generation: int
    marks: dict[str, Mark]
    known: set[str]
    shape: Mapping[str, schema.Columns]
    is_newer: bool
    """Whether a migration may have changed rows in place."""
    erased: bool
    """Whether `temp.erased` lists runs and tasks to leave out."""
    added: dict[str, int] = field(default_factory=dict)
    gone: int = 0
    changed: list[str] = field(default_factory=lambda: [schema.EVERY])

    def publish(self) -> None:
        """Every table."""
        for table in SHARED:
            if not table.grows or not self._append(table):
                self._compare(table)

    def mark(self) -> None:
        """Note in the lake how far each table is."""
        rows = [self.marks[name] for name in self.changed]
        for row in rows:
            row["generation"] = self.generation
        values: dict[str, Any] = {f"{name}s": [row[name] for row in rows] for name in ("next_row", "high", "anchor")}
        values |= {"tables": self.changed, "rows": [row["rows"] for row in rows], "generation": self.generation}
        text = sql.query("lake_publish/mark").format(shard=self.shard)
        if self.connection.execute(text, values).fetchall() != [(len(rows),)]:
            raise duckdb.TransactionException("the marks changed meanwhile")

    def _mark(self, table: Shared, **values: object) -> None:
        self.marks[table.name] |= values
        self.changed.append(table.name)

    def _append(self, table: Shared) -> bool:
        """Insert the rows after the last published one; False if what is before them is not what it was."""
        mark, columns = self.marks[table.name], hashed(table, self.shape[table.name])
        text = sql.query("lake_publish/grown").format(table=table.name, hash=columns)
        now = sql.rows(self.connection.execute(text, {"high": mark["high"]}))[0]
        if self.is_newer and mark["rows"]:
            return False
        if now["before"] != mark["rows"] or (mark["rows"] and now["anchor"] != mark["anchor"]):
            return False
        if now["rows"] > mark["rows"]:
            fresh = sql.query("lake_publish/fresh").format(table=table.name)
            if rows := self._run("lake_publish/append", table, fresh, high=mark["high"], next_row=mark["next_row"]):
                self.added[table.name] = rows
            self._mark_end(table, now, mark["next_row"] + now["high"] - mark["high"])
        return True

    def _compare(self, table: Shared) -> None:
        """Insert the rows that the lake lacks, and tombstones for those that the warehouse lacks."""
        if table.name not in self.known:
            know(self.connection, table, self.shard, self.shape[table.name])
        self._run("lake_publish/difference", table)
        more, less = sql.run(self.connection, "lake_publish/differs").fetchall()[0]
        next_row = self.marks[table.name]["next_row"]
        if more:
            self._run("lake_publish/added", table, next_row=next_row)
            self._run("lake_publish/insert", table)
            self._run("lake_publish/remember", table)
            self.added[table.name] = more
            next_row = self.connection.execute("SELECT max(lake_row) + 1 FROM temp.added").fetchall()[0][0]
        if less:
            self._run("lake_publish/vanished", table)
            self._run("lake_publish/bury", table)
            self._run("lake_publish/forget", table)
            self.gone += less
        if table.name == "mart.runs" and more:
            self._derived()
        if table.grows:
            columns = hashed(table, self.shape[table.name])
            text = sql.query("lake_publish/grown").format(table=table.name, hash=columns)
            self._mark_end(table, sql.rows(self.connection.execute(text, {"high": 0}))[0], next_row)
            self.connection.execute(f"DROP TABLE temp.{known(table)}")
        elif more or less or self.marks[table.name]["rows"] == schema.UNKNOWN:
            text = sql.query("lake_publish/held").format(known=known(table))
            self._mark(table, rows=self.connection.execute(text).fetchall()[0][0], next_row=next_row)

    def _mark_end(self, table: Shared, now: Mapping[str, Any], next_row: int) -> None:
        columns = hashed(table, self.shape[table.name])
        text = sql.query("lake_publish/anchor").format(table=table.name, hash=columns)
        anchor = self.connection.execute(text, {"high": now["high"]}).fetchall()
        self._mark(
            table, rows=now["rows"], next_row=next_row, high=now["high"], anchor=anchor[0][0] if anchor else None
        )

    def _derived(self) -> None:
        is_again = self.marks["mart.runs"]["rows"] == schema.UNKNOWN
        for name in DERIVED:
            if is_again:
                text = sql.query("lake_publish/derived_before").format(table=name)
                self.connection.execute(text, self._common(text))
            text = sql.query("lake_publish/derived").format(table=name)
            rows = self.connection.execute(text, self._common(text)).fetchall()[0][0]
            if rows:
                self.added[name] = rows

    def _run(self, address: str, table: Shared, rows: str = "", **values: object) -> int:
        rows = rows or schema.rows_of(table)
        if self.erased:
            rows = erasure.left(table, rows)
        text = sql.query(address).format(
            table=table.name, known=known(table), hash=hashed(table, self.shape[table.name]), rows=rows.strip()
        )
        done = self.connection.execute(text, self._common(text, **values)).fetchall()
        return int(done[0][0]) if done else 0

    def _common(self, text: str, **values: object) -> dict[str, object]:
        every = {"shard": self.shard, "generation": self.generation, **values}
        return {name: value for name, value in every.items() if f"${name}" in text}


@contextlib.contextmanager
def opened(shard: Shard) -> Iterator[Shard]:
    """A shard that lets go of the lake at the end of the block."""
    try:
        yield shard
    finally:
        shard.close()
