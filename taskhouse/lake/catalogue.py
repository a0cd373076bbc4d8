"""Our own tables in the catalogue, beside DuckLake's: leases, projects, and what was erased.

They are written by the catalogue itself, PostgreSQL or SQLite, and not through DuckLake: one statement is one
transaction there, by one clock.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.lake.engine import CATALOGUE, Lake
from taskhouse.warehouse import sql

TABLES = ("lake_catalogue/leases", "lake_catalogue/projects", "lake_catalogue/erased")
"""The statements that make our tables."""

_TABLES = {
    "postgres": "SELECT tablename FROM pg_tables WHERE tablename LIKE 'taskhouse%'",
    "sqlite": "SELECT name FROM sqlite_master WHERE name LIKE 'taskhouse%'",
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The catalogue of a lake.

    Attributes:
        lake: The lake.
        connection: A DuckDB that has the lake attached.
    """

    lake: Lake
    connection: duckdb.DuckDBPyConnection

    def prepare(self) -> None:
        """Make the tables that are not there."""
        for name in TABLES:
            self.run(sql.query(name))

    def has(self, table: str) -> bool:
        """Whether there is a table of ours."""
        return (table,) in self.ask(_TABLES[self.lake.kind])

    def run(self, text: str) -> None:
        """Run a statement of the catalogue's own SQL."""
        if self.lake.kind == "postgres":
            self.connection.execute(f"CALL postgres_execute('{CATALOGUE}', {sql.literal(text)})")
        else:
            with self._sqlite() as catalogue:
                catalogue.execute(text)

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a query in the catalogue's own SQL."""
        if self.lake.kind == "postgres":
            return self.connection.execute(f"FROM postgres_query('{CATALOGUE}', {sql.literal(text)})").fetchall()
        with self._sqlite() as catalogue:
            return catalogue.execute(text).fetchall()

    @contextlib.contextmanager
    def _sqlite(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(Path(self.lake.target), timeout=30)) as catalogue, catalogue:
            yield catalogue
