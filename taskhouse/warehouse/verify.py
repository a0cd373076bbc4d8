"""Read everything that a warehouse contains, and compare it with what was recorded when it arrived.

Each check is a query of ``statements/verify.sql`` that returns rows of ``what`` and ``fine``, where NULL means "not
known", or one of the functions here. A check finds what is wrong; it repairs nothing.
"""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.errors import ConfigurationError, Corrupt
from taskhouse.resources.registry import RESOURCES, TABLES
from taskhouse.spool import folder, line
from taskhouse.warehouse import damage, identity, migrate, sql, views
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import COMPATIBILITY, connect
from taskhouse.warehouse.maintenance import PAGES_DAYS
from taskhouse.warehouse.publish import crc32, publish

EXAMPLES = 5
AT_ONCE = 5000
"""How many rows are in memory at once."""

KEYS = {
    **{f"raw.{table.name}": ", ".join(("project_id", *table.key)) for table in TABLES},
    "ledger.passes": "pass_id",
    "ledger.pages": "pass_id, page",
    "ledger.cursors": "project_id, resource, key",
    "ledger.segments": "segment",
    "ledger.migrations": "version",
    "ledger.views": "name",
}
"""The key of a row, by table; an event without a stream id has none."""

REFERENCES = (
    *((f"raw.{table.name}", "pass_id, page", "ledger.pages") for table in TABLES if table.paged),
    *((f"raw.{table.name}", "segment", "ledger.segments") for table in TABLES if table.kind == "captured"),
    *(
        (f"raw.{table.name}", f"{column} AS pass_id", "ledger.passes")
        for table in TABLES
        if table.kind == "sightings"
        for column in ("last_pass_id", "absent_pass_id")
    ),
    ("ledger.pages", "pass_id", "ledger.passes"),
    ("ledger.stream_connections", "segment", "ledger.segments"),
)
"""Which rows refer to a row of another table."""

NAMES = {
    "tables": " UNION ALL ".join(
        f"SELECT pass_id FROM raw.{table.name}"  # noqa: S608 - our own names
        for table in TABLES
        if table.paged and not table.first
    ),
    "stretches": " UNION ALL ".join(
        f"SELECT project_id, concat_ws(' ', {', '.join(table.thing)}) AS thing,"  # noqa: S608 - our own names
        f" first_seen_at, last_seen_at, absent_since, absent_pass_id FROM raw.{table.name}"
        for table in TABLES
        if table.kind == "sightings"
    ),
    "alone": ", ".join(f"'{resource.name}'" for resource in RESOURCES.values() if resource.alone),
}
"""What the queries name: rows that stay those of the pass that brought them, periods of presence, and resources that
alone write theirs."""

QUERIES = {
    "verify/passes": "counts of passes",
    "verify/segments": "counts of segments",
    "verify/sightings": "periods of presence",
    "verify/times": "times of passes",
    "verify/cursors": "cursors of logs",
}
"""The other queries, and what each is about."""


READABLE = "readable rows"
SPOOL = "entries in the spool"


@dataclass(slots=True)
class Check:
    """How much was checked, how much could not be known, and what is wrong, with some examples."""

    looked_at: int = 0
    unknown: int = 0
    wrong: int = 0
    examples: tuple[str, ...] = ()

    def add(self, looked_at: int = 1, unknown: int = 0, wrong: Iterable[str] = ()) -> None:
        """More of the same."""
        for example in wrong:
            self.wrong += 1
            if len(self.examples) < EXAMPLES:
                self.examples = (*self.examples, example)
        self.looked_at += looked_at
        self.unknown += unknown


Hashes = Callable[[str, str], set[str]]
"""The content hashes that a payload of a table may have; none if that cannot be known."""


def copy(warehouse: Warehouse) -> Path:
    """A copy of the warehouse as it is now, which can be read while others write.

    Raises:
        ConfigurationError: There is nothing to copy yet.
        Corrupt: Nothing was written since the last copy, but the file differs from it.
        Locked: Another process has locked the warehouse for too long.
    """
    if warehouse.exists():
        with warehouse.reading("bringing it up to date"):
            pass
    publication = publish(warehouse, warehouse.copies, read=True) if warehouse.copies else None
    if publication is None:
        raise warehouse.empty()
    if not publication.fresh:
        with warehouse.still("comparing it with its copy") as (file, _):
            summed = crc32(file)
        if summed != identity.about(publication.path).get("crc32"):
            raise Corrupt(
                f"The warehouse {warehouse.path} differs from what its copy {publication.path} was made of, although"
                " nothing was written since.",
                hint="Run `taskhouse verify` on that file to check the copy; `taskhouse restore --replace`"
                " restores it.",
            )
    return publication.path


def checks(connection: duckdb.DuckDBPyConnection, *, hashes: Hashes, now: datetime) -> dict[str, Callable[[], Check]]:
    """The checks of all stored data, by subject; the others are useless if the first one fails.

    Args:
        connection: The warehouse, or better a copy of it, because no process can write while it is read.
        hashes: Computes the content hash of a version again.
        now: The present moment.

    Raises:
        ConfigurationError: Another version of taskhouse wrote the file.
    """
    written, version = migrate.version(connection), len(migrate.MIGRATIONS)
    if written != version:
        raise ConfigurationError(
            f"This file has schema version {written}, but this taskhouse verifies version {version}.",
            hint="Use the taskhouse version that wrote it, or restore it into another TASKHOUSE_HOME and verify that.",
        )
    named = {"pages_since": now - timedelta(days=PAGES_DAYS - 1)}
    return {
        READABLE: partial(_readable, connection),
        "identity": partial(_identity, connection),
        "migrations": partial(_migrations, connection),
        "unique keys": partial(_unique, connection),
        "references between rows": partial(_references, connection),
        **{about: partial(_query, connection, query, named) for query, about in QUERIES.items()},
        "content hashes of versions": partial(_versions, connection, hashes),
        "checksums of segments": partial(_texts, connection),
        "views and macros": partial(_views, connection),
    }


def spool(root: Path) -> Check:
    """What waits in the spools of all projects for the warehouse."""
    check = Check()
    for path in sorted(root.glob("*/sealed/*")):
        if (segment := folder.parse(path)) is not None:
            with contextlib.suppress(FileNotFoundError):  # it was loaded meanwhile
                wrong = [] if segment.is_whole() else [f"{path} is damaged; the next sync loads what is whole of it"]
                check.add(segment.lines, wrong=wrong)
    return check


def _readable(connection: duckdb.DuckDBPyConnection) -> Check:
    """Whether every block of every table can be read."""
    check = Check()
    for table, rows, wrong in damage.tables(connection):
        check.add(rows, wrong=[f"{table}: {wrong}"] if wrong else [])
    return check


def _identity(connection: duckdb.DuckDBPyConnection) -> Check:
    check = Check()
    count = connection.execute("SELECT count(*) FROM ledger.origin").fetchall()[0][0]
    origin = identity.read(connection)
    fine = count == 1 and origin is not None and origin.id and origin.generation is not None
    check.add(wrong=[] if fine else [f"ledger.origin has {count} rows, or an incomplete one"])
    return check


def _migrations(connection: duckdb.DuckDBPyConnection) -> Check:
    """Whether the schema was made by the statements that this taskhouse knows."""
    check = Check()
    for version, digest in connection.execute("SELECT version, sha256 FROM ledger.migrations").fetchall():
        check.add(wrong=[] if migrate.is_known(version, digest) else [f"version {version}"])
    return check


def _unique(connection: duckdb.DuckDBPyConnection) -> Check:
    check = Check()
    for table, key in KEYS.items():
        where = "stream_id IS NOT NULL" if "stream_id" in key else "TRUE"
        text = f"SELECT ({key}) AS what, count(*) = 1 AS fine FROM {table} WHERE {where} GROUP BY {key}"  # noqa: S608 - our own names
        _add(connection, check, text, {}, f"{table}: ")
    return check


def _references(connection: duckdb.DuckDBPyConnection) -> Check:
    check = Check()
    for table, columns, other in REFERENCES:
        key = columns.split(" AS ")[-1]
        text = f"""
            SELECT ({key}) AS what, there IS NOT NULL AS fine
            FROM (SELECT DISTINCT {columns} FROM {table} WHERE {columns.split(" AS ")[0].split(",")[0]} IS NOT NULL)
            LEFT JOIN (SELECT DISTINCT {key}, TRUE AS there FROM {other}) USING ({key})
        """  # noqa: S608 - our own names
        _add(connection, check, text, {}, f"{table} names in {other}: ")
    return check


def _query(connection: duckdb.DuckDBPyConnection, query: str, named: dict[str, datetime]) -> Check:
    check = Check()
    text = sql.query(query).format(**NAMES)
    _add(connection, check, text, {key: value for key, value in named.items() if f"${key}" in text})
    return check


def _add(
    connection: duckdb.DuckDBPyConnection, check: Check, text: str, named: dict[str, datetime], before: str = ""
) -> None:
    """Add the rows of ``what`` and ``fine``."""
    looked_at, unknown, wrong, examples = connection.execute(
        sql.query("verify/count").format(rows=text, examples=EXAMPLES), named
    ).fetchall()[0]
    shown = [f"{before}{example}" for example in examples or ()]
    check.add(looked_at, unknown, shown)
    check.wrong += wrong - len(shown)


def _versions(connection: duckdb.DuckDBPyConnection, hashes: Hashes) -> Check:
    """Whether each version still has the content from which its hash was computed."""
    check = Check()
    for table in (table for table in TABLES if table.kind == "versions"):
        text = f"SELECT {table.thing[0]}, valid_from, payload, content_hash FROM raw.{table.name}"  # noqa: S608 - our own names
        for key, valid_from, payload, stated in _rows(connection, text):
            try:
                valid = {stated} if payload is None else hashes(table.name, payload)
            except Exception:  # noqa: BLE001 - what cannot be read is not what was kept
                valid = {""}
            wrong = bool(valid) and stated not in valid
            check.add(
                unknown=int(payload is None or not valid),
                wrong=[f"raw.{table.name}: {key} from {valid_from:%Y-%m-%d %H:%M:%S}"] if wrong else [],
            )
    return check


def _texts(connection: duckdb.DuckDBPyConnection) -> Check:
    """Whether each segment's events and entries are those that it contained, by the sum of their checksums."""
    check = Check()
    segments = connection.execute("SELECT segment, held, checksum FROM ledger.segments").fetchall()
    rows, sums = Counter[str](), Counter[str]()
    for table, place in (("run_events", "stream_id"), ("run_log_entries", "position")):
        text = f"SELECT segment, run_id, {place}, payload FROM raw.{table}"  # noqa: S608 - our own names
        for segment, run_id, where, payload in _rows(connection, text):
            rows[segment] += 1
            sums[segment] += line.checksum(run_id, where, (payload or "").encode())
    for segment, held, checksum in segments:
        wrong = []
        if held is not None and rows[segment] != held:
            wrong = [f"{segment}: {rows[segment]} rows of {held}"]
        elif checksum is not None and sums[segment] != checksum:
            wrong = [f"{segment}: a run, a position or a text differs from what was captured"]
        check.add(unknown=int(checksum is None), wrong=wrong)
    return check


def _views(connection: duckdb.DuckDBPyConnection) -> Check:
    """Whether the views are those of this taskhouse, and can be read."""
    check = Check()
    views_here = views.definitions(connection)
    if not views.current(connection):
        check.add(len(views_here), unknown=len(views_here))
        return check
    views_expected = _wanted(views.current_zone(connection))
    for name in sorted(views_expected.keys() | views_here.keys()):
        fine = views_expected.get(name) == views_here.get(name)
        check.add(
            wrong=[]
            if fine
            else [f"{name} is {'another' if name in views_expected and name in views_here else 'missing'}"]
        )
    return check


@cache
def _wanted(zone: str) -> dict[str, list[str]]:
    """The views and macros as this taskhouse creates them, and as they read once they were in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "scratch.duckdb")
        with connect(path, storage_compatibility_version=COMPATIBILITY) as scratch:
            migrate.upgrade(scratch)
            views.make(scratch, zone=zone)
        with connect(path, read_only=True) as scratch:
            return views.definitions(scratch)


def _rows(connection: duckdb.DuckDBPyConnection, text: str) -> Iterator[tuple[Any, ...]]:
    """Rows, some thousand in memory at a time; nothing else may be executed meanwhile."""
    connection.execute(text)
    while rows := connection.fetchmany(AT_ONCE):
        yield from rows
