"""Load sealed spool segments: a batch in one transaction with its cursors and its proof, then delete the files.

No line can stop the others. A batch that DuckDB refuses is loaded segment by segment, and a segment by halves, down to
the line that it refuses: that one goes to quarantine with its text.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
from filelock import FileLock

from taskhouse.errors import Corrupt
from taskhouse.spool import line
from taskhouse.spool.folder import Segment, Spool
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse

LAYERS = ("live", "log")
BATCH_BYTES = 128 << 20
BATCH_SEGMENTS = 200
MOST_REFUSED = 100
"""Lines that one load sets aside at most: more is no matter of the lines."""

NOT_THE_LINES = (
    duckdb.OperationalError,  # the disk, the memory, the lock
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.InterruptException,
    duckdb.FatalException,
)
"""Errors that no line causes; a load ends with them."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading did, in lines: every line is inserted, a duplicate, set aside, or a mark."""

    segments: int = 0
    lines: int = 0
    inserted: int = 0
    duplicates: int = 0
    set_aside: int = 0
    marks: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.segments + other.segments,
            self.lines + other.lines,
            self.inserted + other.inserted,
            self.duplicates + other.duplicates,
            self.set_aside + other.set_aside,
            self.marks + other.marks,
        )


@dataclass(slots=True)
class Removed:
    """Entries of logs that a load took out again, by the segment that brought them: how many, and their checksums."""

    rows: Counter[str] = field(default_factory=Counter)
    checksums: Counter[str] = field(default_factory=Counter)

    def delete(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        """Take out what a statement names."""
        for segment, run_id, position, payload in connection.execute(sql.query(path)).fetchall():
            self.rows[segment] += 1
            self.checksums[segment] += line.checksum(run_id, position, payload.encode())

    def enter(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take it off what the ledger says of the segments."""
        for segment, rows in self.rows.items():
            less = {"segment": segment, "rows": rows, "checksum": self.checksums[segment]}
            connection.execute(sql.query("load/segment_less"), less)


def load_spool(
    warehouse: Warehouse, spool: Spool, *, report: Callable[[str], None] = lambda _: None
) -> dict[str, Loaded]:
    """Load the segments that are sealed now, oldest first; what that did, by layer (``live``, ``log``).

    Loading a segment twice, or after a crash at any point, adds nothing.

    Args:
        warehouse: Where the events go.
        spool: Where the segments lie.
        report: Told in one line about each damaged file that was set aside.

    Raises:
        Locked: The warehouse is held by somebody else; the segments stay where they are.
        Corrupt: A segment's lines do not add up; nothing of its batch was loaded.
    """
    total = {layer: Loaded() for layer in LAYERS}
    refused = Counter[str]()
    with FileLock(spool.root / "load.lock", thread_local=False):
        for batch in _batches(spool.segments()):
            whole = [good for segment in batch if (good := _whole(warehouse, spool, segment, report)) is not None]
            if whole:
                total[whole[0].layer] += _load_apart(warehouse, spool, whole, refused, report)
    return total


def _batches(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Segments of one layer that are loaded together: a commit costs much, and a row more costs little."""
    for layer in LAYERS:
        batch: list[Segment] = []
        size = 0
        for segment in segments:
            if segment.layer == layer:
                size += segment.path.stat().st_size
                if batch and (size > BATCH_BYTES or len(batch) == BATCH_SEGMENTS):
                    yield batch
                    batch, size = [], segment.path.stat().st_size
                batch.append(segment)
        if batch:
            yield batch


def _whole(warehouse: Warehouse, spool: Spool, segment: Segment, report: Callable[[str], None]) -> Segment | None:
    """The segment, or what could be saved of a damaged one; none if it is empty, as earlier versions left some."""
    if segment.is_whole():
        if segment.lines:
            return segment
        segment.path.unlink(missing_ok=True)
        return None
    aside, saved = spool.salvage(segment)
    report(f"the spool segment {segment.name} was damaged and is set aside as {aside}")
    _record_damage(warehouse, segment, saved)
    return saved


def _load_apart(
    warehouse: Warehouse, spool: Spool, batch: list[Segment], refused: Counter[str], report: Callable[[str], None]
) -> Loaded:
    """Load a batch; one that DuckDB refuses part by part, in the order of its lines."""
    try:
        return _load(warehouse, batch)
    except NOT_THE_LINES:
        raise
    except duckdb.Error as problem:
        single = len(batch) == 1 and batch[0].lines == 1
        if single and refused.total() == MOST_REFUSED:
            raise
        why = f"{type(problem).__name__}: {str(problem).splitlines()[0][:200]}"
    if single:
        refused[batch[0].layer] += 1
        return _set_aside(warehouse, batch[0], why, report)
    parts = batch if len(batch) > 1 else spool.halve(batch[0])
    return sum((_load_apart(warehouse, spool, [part], refused, report) for part in parts), Loaded())


def _set_aside(warehouse: Warehouse, segment: Segment, why: str, report: Callable[[str], None]) -> Loaded:
    """Keep the only line of a segment in quarantine, since it cannot be loaded."""
    told = json.loads(segment.path.read_bytes())
    identity = told["i"] if segment.layer == "live" else told["o"]
    key = f"{told['r']}@{'' if identity is None else identity}"
    now, done = warehouse.clock.now(), Loaded(1, 1, set_aside=1)
    with warehouse.transaction(f"setting aside {segment.name}") as connection:
        connection.execute(
            sql.query("load/refused"),
            {
                "resource": "run_events" if segment.layer == "live" else "run_log",
                "project_id": told["p"],
                "record_key": key,
                "reason": f"this {told['k']} cannot be loaded: {why}",
                "payload": told["d"],
                "now": now,
                "segment": segment.name,
            },
        )
        _remember(connection, segment, done, {"first_ms": None, "last_ms": None, "checksum": 0}, now)
    report(f"the {told['k']} {key} cannot be loaded and is in quarantine")
    segment.path.unlink()
    return done


def _load(warehouse: Warehouse, batch: list[Segment]) -> Loaded:
    with warehouse.transaction(f"loading {batch[-1].name}") as connection:
        held = "SELECT segment FROM ledger.segments WHERE list_contains($names, segment)"
        known = connection.execute(held, {"names": [segment.name for segment in batch]}).fetchall()
        new = [segment for segment in batch if (segment.name,) not in known]
        connection.execute("SET threads = 1")  # about as fast as two, in less memory
        loaded = load_segments(connection, new, warehouse.clock.now()) if new else Loaded()
    for segment in batch:
        segment.path.unlink(missing_ok=True)
    return loaded


def load_segments(connection: duckdb.DuckDBPyConnection, batch: Sequence[Segment], now: datetime) -> Loaded:
    """Load whole segments of one layer inside the caller's transaction.

    Raises:
        Corrupt: DuckDB did not read the lines that a segment's name states, or not all of them have an end.
    """
    names = [segment.name for segment in batch]
    connection.execute("SET VARIABLE paths = $paths", {"paths": [str(segment.path) for segment in batch]})
    connection.execute("SET VARIABLE segments = $names", {"names": names})
    connection.execute("SET VARIABLE longest = $longest", {"longest": max(s.line_bytes() for s in batch)})
    for step in ("load/lines", "load/fields", "load/typed", "load/staged"):
        connection.execute(sql.query(step))
    read = {row["segment"]: row for row in sql.rows(connection.execute(sql.query("load/lengths")))}
    for segment in batch:
        lines = read[segment.name]["lines"] if segment.name in read else 0
        if lines != segment.lines:
            raise Corrupt(
                f"Segment {segment.name} should have {segment.lines} lines, but {lines} could be read.",
                hint="None of it was loaded; the file is still in the spool.",
            )
    removed = Removed()
    resource = "run_events" if batch[0].layer == "live" else "run_log"
    if batch[0].layer == "live":
        inserted, set_aside = _live(connection, list(read.values()), now)
    else:
        inserted, set_aside = _log(connection, removed, now)
    set_aside += _brought_by(connection, "load/bytes", now, resource=resource)
    since = min(row["first_received_at"] for row in read.values())
    connection.execute(sql.query("load/oddities"), {"since": since, "now": now})
    connection.execute(sql.query("load/resumes"))
    _move_cursors(connection)
    _prove(connection, removed, now)
    counts = {row["segment"]: row for row in sql.rows(connection.execute(sql.query("load/counts")))}
    total = Loaded()
    for segment in batch:
        told, became = read[segment.name], counts[segment.name]
        aside = set_aside[segment.name]
        duplicates = segment.lines - became["marks"] - became["inserted"] - aside
        one = Loaded(1, segment.lines, became["inserted"], duplicates, aside, became["marks"])
        total += one
        _remember(connection, segment, one, told | {"checksum": became["checksum"]}, now)
        if duplicates < 0:
            raise Corrupt(f"Segment {segment.name} does not add up: {one}.")
    removed.enter(connection)
    if inserted != total.inserted:
        raise Corrupt(f"The segments {', '.join(names)} do not add up: {inserted} of {total} rows were inserted.")
    return total


def _remember(connection: duckdb.DuckDBPyConnection, segment: Segment, one: Loaded, told: Row, now: datetime) -> None:
    """Enter a segment into the ledger."""
    connection.execute(
        sql.query("load/segment"),
        {
            "segment": segment.name,
            "layer": segment.layer,
            "bytes": segment.path.stat().st_size,
            **{name: getattr(one, name) for name in ("lines", "inserted", "duplicates", "set_aside", "marks")},
            "first_ms": told["first_ms"],
            "last_ms": told["last_ms"],
            "checksum": told["checksum"],
            "now": now,
        },
    )


def _live(connection: duckdb.DuckDBPyConnection, read: list[Row], now: datetime) -> tuple[int, Counter[str]]:
    """Insert events; how many, and how many lines of each segment were set aside."""
    numbers = [row[name] for row in read for name in ("first_ms", "last_ms") if row[name] is not None]
    bounds = {"first_ms": min(numbers, default=None), "last_ms": max(numbers, default=None)}
    connection.execute(sql.query("load_live/known_ids"), bounds)
    connection.execute(sql.query("load_live/doubtful"))
    if connection.execute("SELECT EXISTS (FROM doubtful)").fetchall()[0][0]:
        connection.execute(sql.query("load_live/contested"))
        connection.execute(sql.query("load_live/known"))
        if any(row["unnumbered"] for row in read):
            connection.execute(sql.query("load_live/known_unnumbered"))
        connection.execute(sql.query("load_live/judged"))
    else:
        connection.execute("CREATE OR REPLACE TEMP TABLE judged (line BIGINT, incarnation BIGINT)")
    inserted = connection.execute(sql.query("load_live/insert")).fetchall()[0][0]
    return inserted, _brought_by(connection, "load_live/oversize", now)


def _log(connection: duckdb.DuckDBPyConnection, removed: Removed, now: datetime) -> tuple[int, Counter[str]]:
    """Insert entries of logs; how many, and how many lines of each segment were set aside."""
    set_aside: Counter[str] = Counter()
    connection.execute(sql.query("load_log/doubtful"))
    if connection.execute("SELECT EXISTS (FROM doubtful)").fetchall()[0][0]:
        connection.execute(sql.query("load_log/contested"))
        connection.execute(sql.query("load_log/judged"))
        set_aside = _brought_by(connection, "load_log/displaced", now)
        removed.delete(connection, "load_log/replace")
    else:
        connection.execute("CREATE OR REPLACE TEMP TABLE judged (line BIGINT, incarnation BIGINT)")
    set_aside += _brought_by(connection, "load_log/unplaced", now)
    inserted = connection.execute(sql.query("load_log/insert")).fetchall()[0][0]
    return inserted, set_aside


def _prove(connection: duckdb.DuckDBPyConnection, removed: Removed, now: datetime) -> None:
    """Settle what had no place in a log that is proved now, and take out what is held beyond its end."""
    connection.execute(sql.query("load_log/placed"), {"now": now})
    connection.execute(sql.query("load_log/cuts"))
    if connection.execute("SELECT EXISTS (FROM cuts)").fetchall()[0][0]:
        connection.execute(sql.query("load_log/cut_off"), {"now": now})
        removed.delete(connection, "load_log/shorten")
        connection.execute(sql.query("load_log/cursors"))


def _move_cursors(connection: duckdb.DuckDBPyConnection) -> None:
    for step in ("load_cursors/moved", "load_cursors/keep", "load_cursors/delete", "load_cursors/insert"):
        connection.execute(sql.query(step))


def _brought_by(connection: duckdb.DuckDBPyConnection, path: str, now: datetime, **named: str) -> Counter[str]:
    return Counter(name for (name,) in connection.execute(sql.query(path), {"now": now, **named}).fetchall())


def _record_damage(warehouse: Warehouse, segment: Segment, whole: Segment | None) -> None:
    saved = whole.lines if whole else 0
    with warehouse.transaction(f"recording the damage of {segment.name}") as connection:
        connection.execute(
            sql.query("load/damage"),
            {
                "segment": segment.name,
                "reason": f"the segment is damaged: {saved} of {segment.lines} lines were whole and are loaded",
                "now": warehouse.clock.now(),
            },
        )
