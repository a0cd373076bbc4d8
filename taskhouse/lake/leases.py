"""Leases in the catalogue: one process publishes a shard, and one at a time compacts or rewrites the lake.

A lease is not what keeps the rows right: that is the mark, which every publication updates. It tells a second process
who the first one is, and lets whoever rewrites the lake ask the publishers to wait.
"""

import contextlib
import os
import platform
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.errors import ConfigurationError, Locked
from taskhouse.lake.engine import CATALOGUE, Lake
from taskhouse.warehouse import sql

HELD_S = 60.0
"""How long a lease lasts that is not renewed."""

EVERYTHING = "*"
"""The lease of whoever changes rows that are there: publishers wait."""

_NOW = {"postgres": "extract(epoch FROM clock_timestamp())", "sqlite": "((julianday('now') - 2440587.5) * 86400.0)"}


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody has.

    Attributes:
        home: The id of the home that it is of.
        place: Machine and folder of the process.
        holder: The process.
        left_s: Seconds until it ends; negative if it has ended.
    """

    home: str
    place: str
    holder: str
    left_s: float


@dataclass(slots=True)
class Leases:
    """The leases that one process claims.

    Attributes:
        lake: Where.
        connection: A DuckDB that has the lake attached.
        home: The id of the home on whose behalf.
        place: Machine and folder of this process.
        holder: A name that no other process has.
    """

    lake: Lake
    connection: duckdb.DuckDBPyConnection
    home: str
    place: str
    holder: str = field(default_factory=lambda: f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}")

    def prepare(self) -> None:
        """Make the table, if there is none."""
        self._run(sql.query("lake_leases/table"))

    def claim(self, name: str, *, any_home: bool = False, seconds: float = HELD_S) -> None:
        """Take a lease that lasts for the given number of seconds, or renew it.

        Raises:
            Locked: Another process has it.
            ConfigurationError: It is that of another home.
        """
        values = {"name": name, "home": self.home, "place": self.place, "holder": self.holder}
        text = sql.query("lake_leases/claim").format(
            now=_NOW[self.lake.kind],
            seconds=seconds,
            any_home=str(any_home).lower() if self.lake.kind == "postgres" else int(any_home),
            **{key: sql.literal(value) for key, value in values.items()},
        )
        self._run(text)
        held = self.held(name)
        if held is None or held.holder == self.holder:
            return
        if held.home != self.home and not any_home:
            raise ConfigurationError(
                f"Shard {name} belongs to another home, on {held.place}.",
                hint="Give this one another name in TASKHOUSE_SHARD: a shard is one home.",
            )
        raise Locked(
            f"{'The lake' if name.startswith(EVERYTHING) else f'Shard {name}'} is in use by a process on {held.place}.",
            hint=f"Wait for it to end. If it died, its claim ends within {max(held.left_s, 1):.0f} s.",
        )

    def held(self, name: str) -> Held | None:
        """Who has a lease, or had it last."""
        text = sql.query("lake_leases/held").format(now=_NOW[self.lake.kind], name=sql.literal(name))
        rows = self._ask(text)
        return Held(*rows[0]) if rows else None

    def busy(self, name: str) -> Held | None:
        """Who else has a lease now."""
        held = self.held(name)
        return held if held and held.holder != self.holder and held.left_s > 0 else None

    def release(self, name: str) -> None:
        """Give a lease back; whose it is stays known."""
        self._run(sql.query("lake_leases/release").format(name=sql.literal(name), holder=sql.literal(self.holder)))

    def _run(self, text: str) -> None:
        if self.lake.kind == "postgres":
            self.connection.execute(f"CALL postgres_execute('{CATALOGUE}', {sql.literal(text)})")
        else:
            with self._sqlite() as catalogue:
                catalogue.execute(text)

    def _ask(self, text: str) -> list[Any]:
        if self.lake.kind == "postgres":
            return self.connection.execute(f"FROM postgres_query('{CATALOGUE}', {sql.literal(text)})").fetchall()
        with self._sqlite() as catalogue:
            return catalogue.execute(text).fetchall()

    @contextlib.contextmanager
    def _sqlite(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(Path(self.lake.target), timeout=30)) as catalogue, catalogue:
            yield catalogue
