"""Our own tables in the catalogue, beside DuckLake's: leases, projects, and what was erased.

They are written by the catalogue itself, PostgreSQL or SQLite, and not through DuckLake: one statement is one
transaction there, by one clock. DuckDB's extensions send them. For SQLite it must be so: if Python's own SQLite closed
the file, the process would lose the locks that the one of the extension has, and the file could be damaged.
"""

from dataclasses import dataclass
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
            text = sql.query(name)
            if self.lake.kind == "postgres":
                self.run(text)
            else:
                self.connection.execute(text.replace("taskhouse_", f"{CATALOGUE}.taskhouse_", 1))

    def has(self, table: str) -> bool:
        """Whether there is a table of ours."""
        return (table,) in self.ask(_TABLES[self.lake.kind])

    def run(self, text: str) -> None:
        """Run a statement of the catalogue's own SQL that writes."""
        if self.lake.kind == "postgres":
            self.connection.execute(f"CALL postgres_execute('{CATALOGUE}', {sql.literal(text)})")
        else:
            self.ask(f"{text}\nRETURNING 1")

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of a query in the catalogue's own SQL; SQLite brings every value as a text."""
        return self.connection.execute(f"FROM {self.lake.kind}_query('{CATALOGUE}', {sql.literal(text)})").fetchall()
