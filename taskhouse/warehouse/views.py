"""Views and macros for people, with what they say of themselves: rebuilt in one transaction when their text changed."""

import functools
import hashlib
import re
import sys
from pathlib import Path

import duckdb

from taskhouse import marts
from taskhouse.clock import REAL, Clock
from taskhouse.marts import derivation
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

MART = "mart"
"""Under what the texts are remembered by which the tables of ``mart`` were filled."""


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
        for name in held.keys() - {STORED, MART}:
            _drop(connection, name)
        if held.get(MART) != wanted[MART]:
            _drop_mart(connection)
        _make(connection, texts, stored=held.get(MART) != wanted[MART])
        for name, about in derivation.RUNS.items():
            connection.execute(f"COMMENT ON COLUMN mart.runs.{name} IS {sql.literal(about)}")
        _note(connection, wanted, clock)


def make_over(connection: duckdb.DuckDBPyConnection, clock: Clock = REAL, *, zone: str) -> None:
    """Make the same views and macros in a database that has none, and that shows other rows as the tables below them.

    Args:
        connection: The database; ``raw``, ``ledger`` and ``mart`` are there, ``ledger.views`` and ``waiting`` too.
        clock: Says when they were made.
        zone: Name of the time zone in which a day begins.
    """
    texts = _texts(zone)
    with sql.atomic(connection):
        _make(connection, texts)
        _note(connection, _digests(texts), clock)


def _make(connection: duckdb.DuckDBPyConnection, texts: dict[str, str], *, stored: bool = False) -> None:
    """Make views and macros, and describe them; with ``stored``, also the tables of ``mart``."""
    _renew_waiting(connection)
    for name, text in texts.items():
        if name in derivation.VIEWS:
            _make_waiting(connection, name, derivation.over("waiting", marts.text(name)))
        if name in derivation.STORED and stored:
            shape = connection.execute(f"DESCRIBE waiting.{name}").fetchall()
            connection.execute(derivation.table(name, {column: kind for column, kind, *_ in shape}))
        connection.execute(text if "/" in name else f"CREATE VIEW main.{name} AS {text}")
        _comment(connection, name, describe(text))
    for table in (each.name for each in TABLES):
        for column in columns(table):
            connection.execute(f"COMMENT ON COLUMN raw.{table}.{column.name} IS {sql.literal(column.about)}")


def _note(connection: duckdb.DuckDBPyConnection, digests: dict[str, str], clock: Clock) -> None:
    """Remember what the views were made from."""
    now = clock.now()
    sql.run(connection, "ledger/views_forget")
    connection.executemany(sql.query("ledger/views_made"), [[name, digest, now] for name, digest in digests.items()])


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


def definition(name: str) -> str:
    """What a view shows, or a macro as ``macros/<name>``, with the former names of its columns."""
    return with_former(name, marts.text(name))


def statement(name: str) -> str:
    """The statement that makes a view or macro: of a stored one, what is stored united with what is waiting."""
    text = marts.text(name)
    return with_former(name, derivation.united(name, text) if name in derivation.STORED else text)


def _texts(zone: str) -> dict[str, str]:
    """Statements by name, in the order in which they are made; those of macros begin with ``macros/``."""
    texts = {name: statement(name) for name in marts.ORDER}
    texts["macros/day_zone"] = texts["macros/day_zone"].replace(UTC_ZONE, sql.literal(zone))
    return texts


def _digests(texts: dict[str, str]) -> dict[str, str]:
    made_of = texts | {STORED: repr([columns(table.name) for table in TABLES]), MART: repr(derivation.texts())}
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


def _renew_waiting(connection: duckdb.DuckDBPyConnection) -> None:
    """Make anew the views of what is not stored: of the runs, and of their rows in ``raw``."""
    for (name,) in sql.run(connection, "catalog/waiting").fetchall():
        connection.execute(f"DROP VIEW waiting.{name}")
    _make_waiting(connection, "runs", "SELECT project_id, run_id FROM mart.runs WHERE NOT is_stored")
    for name in derivation.PER_RUN:
        rows = f"SELECT * FROM raw.{name} SEMI JOIN waiting.runs USING (project_id, run_id)"  # noqa: S608 - our own names
        _make_waiting(connection, name, rows)


def _make_waiting(connection: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
    connection.execute(f"CREATE VIEW waiting.{name} AS {text}")
    about = f"`{name}`, of the runs that are not stored in `mart` or have changed since."
    connection.execute(f"COMMENT ON VIEW waiting.{name} IS {sql.literal(about)}")


def _drop_mart(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget what is stored, because it is computed otherwise now."""
    for (name,) in sql.run(connection, "catalog/stored").fetchall():
        connection.execute(f"DROP TABLE mart.{name}")
    sql.run(connection, "derive/begin_again")


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
