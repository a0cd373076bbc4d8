"""Views and macros for people, with what they say of themselves: every published copy has them, the warehouse does not.

DuckDB reads the catalog of a file whenever it opens it, and writes it at every checkpoint. With the views in it, both
take twice as long, and a pass opens the warehouse a hundred times. So the views are made once for each version of
taskhouse, in a file of their own (the *template*), and copied from there into each published copy: making them takes
half a second, copying them some 30 ms. The warehouse has what depends on it: the tables of ``mart``, comments on
tables, and the macro ``day_zone``.
"""

import functools
import hashlib
import re
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import duckdb
from filelock import FileLock

from taskhouse import marts
from taskhouse.advice import advised
from taskhouse.clock import REAL, Clock
from taskhouse.marts import derivation
from taskhouse.marts.describe import Described, describe, markdown
from taskhouse.marts.former import with_former
from taskhouse.marts.stored import columns
from taskhouse.resources.registry import TABLES
from taskhouse.warehouse import drafts, migrate, sql
from taskhouse.warehouse.engine import COMPATIBILITY, connect

UTC_ZONE = "'UTC'"
"""The literal in the macro ``day_zone`` that stands for the setting."""

STORED = "raw"
"""Under what the comments on the tables of ``raw`` are remembered, beside the views."""

MART = "mart"
"""Under what the texts are remembered by which the tables of ``mart`` were filled."""

HERE = (STORED, MART, marts.ZONE)
"""What a warehouse has of all this."""

TEMPLATE = "views"
"""How the name of the file with the views begins."""


def make(connection: duckdb.DuckDBPyConnection, clock: Clock = REAL, *, zone: str = "UTC", stored: bool = True) -> None:
    """Make all views and macros in a database that has none of them, and describe every column.

    Args:
        connection: A database with the schema of a warehouse, outside any transaction.
        clock: Says when they were made.
        zone: Name of the time zone in which a day begins.
        stored: Also make the tables of ``mart``; otherwise they are there, or other rows are shown in their place.
    """
    texts = _texts(zone)
    with sql.atomic(connection):
        connection.execute("CREATE SCHEMA waiting")
        connection.execute(derivation.within(None))
        for name in ("runs", *derivation.PER_RUN):
            _make_waiting(connection, name, derivation.waiting(name))
        for name, text in texts.items():
            if name in derivation.VIEWS:
                _make_waiting(connection, name, derivation.over("waiting", marts.text(name)))
            if name in derivation.STORED and stored:
                shape = connection.execute(f"DESCRIBE waiting.{name}").fetchall()
                connection.execute(derivation.table(name, {column: kind for column, kind, *_ in shape}))
            connection.execute(text if "/" in name else f"CREATE VIEW main.{name} AS {text}")
            _comment(connection, name, describe(text))
        _describe_tables(connection)
        _note(connection, _digests(texts), clock)


def template(folder: Path) -> Path:
    """The file with the views and macros of this version, in the folder of a warehouse.

    It is made if it is not there, or not as it was made: its name has its CRC-32.

    Raises:
        Full: The disk has no room for it.
    """
    with FileLock(folder / f".{TEMPLATE}.lock", mode=0o600):
        for path in folder.glob(f"{TEMPLATE}-{_version()}.*.duckdb"):
            if path.name == _template_name(path):
                return path
        with drafts.draft(folder, f".{TEMPLATE}") as draft:
            _make_template(draft)
            path = folder / _template_name(draft)
            draft.replace(path)
        for other in folder.glob(f"{TEMPLATE}-*.duckdb"):
            if other != path:
                other.unlink(missing_ok=True)
    return path


def _make_template(draft: Path) -> None:
    try:
        with connect(draft, storage_compatibility_version=COMPATIBILITY) as scratch:
            migrate.upgrade(scratch)
            make(scratch)
            for schema in ("raw", "ledger", "mart"):
                scratch.execute(f"DROP SCHEMA {schema} CASCADE")
            _drop(scratch, marts.ZONE)
            scratch.execute("CHECKPOINT")
    except duckdb.Error as problem:
        raise advised(problem) or problem from None
    if Path(f"{draft}.wal").exists():
        raise drafts.full(draft.parent)
    draft.chmod(0o600)


def _template_name(path: Path) -> str:
    return f"{TEMPLATE}-{_version()}.{zlib.crc32(path.read_bytes()):08x}.duckdb"


def add(copy: Path, made: Path, clock: Clock = REAL, *, settled: bool = False) -> None:
    """Put the views and macros of a template into a copy of a warehouse, and remember them there.

    A file that is no warehouse stays as it is.

    Args:
        copy: The file.
        made: The template.
        clock: Says when they were made.
        settled: Whether the rows of the copy do not change any more (:func:`settle`).
    """
    with connect(storage_compatibility_version=COMPATIBILITY) as connection:
        connection.execute("SET max_vacuum_tasks = 0")  # or small row groups would be rewritten into larger ones
        connection.execute(f"ATTACH {sql.literal(str(made))} AS made (READ_ONLY)")
        connection.execute(f"ATTACH {sql.literal(str(copy))} AS copy")
        connection.execute("USE copy")
        if not migrate.version(connection):
            return
        _remove(connection)
        connection.execute("COPY FROM DATABASE made TO copy (SCHEMA)")
        with sql.atomic(connection):
            if settled:
                settle(connection)
            _note(connection, _digests(_texts(current_zone(connection))), clock)
        connection.execute("CHECKPOINT copy")
        connection.execute("USE memory")
        connection.execute("DETACH copy")


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Tell the views when the events of the runs that are not stored were read, so that they pass over the rest.

    If a run changes afterwards, they may miss its newer events.
    """
    spans = sql.run(connection, "catalog/waiting_spans").fetchall()
    connection.execute(derivation.within([(first, last) for first, last in spans]))


def prepare(
    connection: duckdb.DuckDBPyConnection, folder: Path, clock: Clock = REAL, *, zone: str | None = None
) -> None:
    """Bring what a warehouse has for the views up to date: the tables of ``mart``, comments, and the time zone of days.

    Views and macros that an older version, or a published copy that was restored, left in the file are removed.

    Args:
        connection: The warehouse, outside any transaction.
        folder: The folder of the warehouse, where the template is.
        clock: Says when it was done.
        zone: Name of the time zone in which a day begins; None leaves it as it is (UTC in a new warehouse).
    """
    text = _day_zone(zone or current_zone(connection))
    wanted, held = _digests({marts.ZONE: text}), _held(connection)
    if held == wanted:
        return
    with sql.atomic(connection):
        _remove(connection)
        connection.execute(text.replace("CREATE MACRO", "CREATE OR REPLACE MACRO"))
        _comment(connection, marts.ZONE, describe(text))
        if held.get(MART) != wanted[MART]:
            _drop_mart(connection)
            for name, types in _types(template(folder)).items():
                connection.execute(derivation.table(name, types))
        _describe_tables(connection)
        _note(connection, wanted, clock)


def current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the views are those of this taskhouse, in any time zone of their days."""
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
    return {name: _day_zone(zone) if name == marts.ZONE else statement(name) for name in marts.ORDER}


def _day_zone(zone: str) -> str:
    """The statement that makes the macro with the time zone in which a day begins."""
    return statement(marts.ZONE).replace(UTC_ZONE, sql.literal(zone))


@functools.cache
def _version() -> str:
    """What tells the templates of two versions apart."""
    waiting = [derivation.waiting(name) for name in ("runs", *derivation.PER_RUN)]
    made = repr((sorted(_digests(_texts("UTC")).items()), waiting, migrate.MIGRATIONS[-1], duckdb.__version__))
    return hashlib.sha256(made.encode()).hexdigest()[:16]


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


def _remove(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove all views, and all macros but that of the time zone."""
    for name in _held(connection).keys() - {*HERE}:
        _drop(connection, name)
    connection.execute(f'DROP SCHEMA IF EXISTS "{_file(connection)}".waiting CASCADE')


def _drop(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    bare = name.removeprefix("macros/")
    for kind in ("MACRO", "MACRO TABLE") if "/" in name else ("VIEW",):
        connection.execute(f'DROP {kind} IF EXISTS "{_file(connection)}".main.{bare}')


def _file(connection: duckdb.DuckDBPyConnection) -> str:
    """The name of the attached file: without it, DuckDB may find a macro of the same name in its memory."""
    return str(connection.execute("SELECT current_database()").fetchall()[0][0])


def _make_waiting(connection: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
    connection.execute(f"CREATE VIEW waiting.{name} AS {text}")
    about = f"`{name}`, of the runs that are not stored in `mart` or have changed since."
    connection.execute(f"COMMENT ON VIEW waiting.{name} IS {sql.literal(about)}")


def _drop_mart(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget what is stored, because it is computed otherwise now."""
    for (name,) in sql.run(connection, "catalog/stored").fetchall():
        connection.execute(f"DROP TABLE mart.{name}")
    sql.run(connection, "derive/begin_again")


def _describe_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Say what the columns of ``raw`` and ``mart.runs`` mean."""
    for table in (each.name for each in TABLES):
        for column in columns(table):
            connection.execute(f"COMMENT ON COLUMN raw.{table}.{column.name} IS {sql.literal(column.about)}")
    known = {name for name, *_ in connection.execute("DESCRIBE mart.runs").fetchall()}  # a lake has some of them
    for name, about in derivation.RUNS.items():
        if name in known:
            connection.execute(f"COMMENT ON COLUMN mart.runs.{name} IS {sql.literal(about)}")


def _note(connection: duckdb.DuckDBPyConnection, made: Mapping[str, str], clock: Clock) -> None:
    """Remember what stands in the file, by digest."""
    sql.run(connection, "ledger/views_forget")
    sql.run(connection, "ledger/views_made", names=list(made), digests=list(made.values()), now=clock.now())


def _types(made: Path) -> dict[str, dict[str, str]]:
    """The types of the columns of each stored view, in their order."""
    with connect(made, read_only=True) as connection:
        found = sql.run(connection, "catalog/waiting_columns").fetchall()
    types: dict[str, dict[str, str]] = {}
    for view, column, kind in found:
        types.setdefault(view, {})[column] = kind
    return {name: types[name] for name in derivation.STORED}


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
        make(scratch)
        sys.stdout.write(document(scratch))
