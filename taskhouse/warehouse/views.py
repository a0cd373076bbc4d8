"""Views and macros for people, with what they say of themselves: rebuilt in one transaction when their text changed."""

import functools
import hashlib
import re
import sys
from pathlib import Path

import duckdb

from taskhouse import marts
from taskhouse.clock import REAL, Clock
from taskhouse.marts.describe import Described, describe, markdown
from taskhouse.marts.former import with_former
from taskhouse.marts.stored import columns
from taskhouse.resources.registry import TABLES
from taskhouse.warehouse import migrate, sql
from taskhouse.warehouse.engine import connect

UTC_ZONE = "'UTC'"
"""The literal in the macro ``day_zone`` that stands for the setting."""

STORED = "raw"
"""Under what the comments on the tables of ``raw`` are remembered, beside the views."""


def refresh(connection: duckdb.DuckDBPyConnection, clock: Clock = REAL, *, zone: str | None = None) -> None:
    """Make ``main`` hold exactly the views and macros of ``taskhouse.marts``, and describe every column.

    Args:
        connection: The warehouse, outside any transaction.
        clock: Says when they were made.
        zone: Name of the time zone in which a day begins; None leaves it as it is (UTC in a new warehouse).
    """
    texts = _texts(zone or current_zone(connection))
    wanted, held = _digests(texts), _held(connection)
    if held == wanted:
        return
    with sql.atomic(connection):
        for name in held.keys() - {STORED}:
            _drop(connection, name)
        for name, text in texts.items():
            connection.execute(text if "/" in name else f"CREATE VIEW main.{name} AS {text}")
            _comment(connection, name, describe(text))
        for table in (each.name for each in TABLES):
            for column in columns(table):
                connection.execute(f"COMMENT ON COLUMN raw.{table}.{column.name} IS {sql.literal(column.about)}")
        now = clock.now()
        sql.run(connection, "ledger/views_forget")
        made = [[name, digest, now] for name, digest in wanted.items()]
        connection.executemany(sql.query("ledger/views_made"), made)


def current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the views are those of this taskhouse, whatever the time zone of their days."""
    return _held(connection) == _digests(_texts(current_zone(connection)))


@functools.cache
def current_in(path: Path) -> bool:
    """Whether a published copy, which never changes, has the views of this taskhouse."""
    try:
        with connect(path, read_only=True) as connection:
            return current(connection)
    except duckdb.Error:
        return False


def definitions(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The words of each view and macro as it stands in the file, sorted, since DuckDB orders some lists by chance."""
    made = sql.run(connection, "catalog/view_definitions").fetchall()
    return {name: sorted(re.findall(r"\w+|\S", text)) for name, text in made}


def document(connection: duckdb.DuckDBPyConnection) -> str:
    """``docs/views.md`` for a warehouse whose views are up to date."""
    texts = _texts("UTC")
    types: dict[str, dict[str, str]] = {}
    for view, column, kind in sql.run(connection, "catalog/view_columns").fetchall():
        types.setdefault(view, {})[column] = kind
    calls = {name: f"{name}({', '.join(parameters)})" for name, parameters in _macros(connection).items()}
    for name in marts.AS_OF:
        arguments = ", ".join("now()" for _ in _macros(connection)[name])
        shape = connection.execute(f"DESCRIBE FROM main.{name}({arguments})").fetchall()
        types[name] = {column: kind for column, kind, *_ in shape}
    kinds = {
        "Views": {name: describe(texts[name]) for name in marts.VIEWS},
        "Tables at a moment": {name: describe(texts[f"macros/{name}"]) for name in marts.AS_OF},
        "Macros": {name: describe(texts[f"macros/{name}"]) for name in marts.MACROS},
    }
    return markdown(kinds, types, calls)


def statement(name: str) -> str:
    """The statement of a view, or of a macro as ``macros/<name>``, with the former names of its columns."""
    return with_former(name, sql.statement("taskhouse.marts", name))


def _texts(zone: str) -> dict[str, str]:
    """Statements by name, in the order in which they are made; those of macros begin with ``macros/``."""
    texts = {name: statement(name) for name in marts.ORDER}
    texts["macros/day_zone"] = texts["macros/day_zone"].replace(UTC_ZONE, sql.literal(zone))
    return texts


def _digests(texts: dict[str, str]) -> dict[str, str]:
    made_of = texts | {STORED: repr([columns(table.name) for table in TABLES])}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in made_of.items()}


def _held(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(sql.run(connection, "ledger/views_held").fetchall())


def current_zone(connection: duckdb.DuckDBPyConnection) -> str:
    """The time zone in which the days of the views begin."""
    if "day_zone" not in _macros(connection):
        return "UTC"
    row = connection.execute("SELECT main.day_zone()").fetchone()
    return str(row[0]) if row else "UTC"


def _macros(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Macros of ``main`` with the names of their parameters."""
    return dict(sql.run(connection, "catalog/macros").fetchall())


def _drop(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    bare = name.removeprefix("macros/")
    for kind in ("MACRO", "MACRO TABLE") if "/" in name else ("VIEW",):
        connection.execute(f"DROP {kind} IF EXISTS main.{bare}")


def _comment(connection: duckdb.DuckDBPyConnection, name: str, described: Described) -> None:
    bare = name.removeprefix("macros/")
    kind = "VIEW" if "/" not in name else "MACRO TABLE" if bare in marts.AS_OF else "MACRO"
    connection.execute(f"COMMENT ON {kind} main.{bare} IS {sql.literal(described.summary)}")
    if kind == "VIEW":
        for column, text in described.columns.items():
            connection.execute(f'COMMENT ON COLUMN main.{bare}."{column}" IS {sql.literal(text)}')


if __name__ == "__main__":
    with connect() as scratch:
        migrate.upgrade(scratch)
        refresh(scratch)
        sys.stdout.write(document(scratch))
