"""Load a batch: whole segments of one layer, inside the caller's transaction.

``load_batch`` has the steps in order. Each is a few queries of ``statements/load*.sql``; those files tell what the temp
tables hold that go from one to the next.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from taskhouse.errors import Corrupt
from taskhouse.spool import line
from taskhouse.spool.folder import Segment
from taskhouse.warehouse import arrow, sql

Row = dict[str, Any]
Quarantined = Counter[str]
"""How many lines of each segment went to quarantine."""


class Whole(NamedTuple):
    """A segment that is whole, and its content."""

    segment: Segment
    content: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading did, in lines: every line is inserted, a duplicate, in quarantine, or a control line."""

    segments: int = 0
    lines: int = 0
    inserted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    control_lines: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.segments + other.segments,
            self.lines + other.lines,
            self.inserted + other.inserted,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
            self.control_lines + other.control_lines,
        )


@dataclass(slots=True)
class Removed:
    """Entries of logs that a load took out again, by the segment that brought them: how many, and their checksums."""

    rows: Counter[str] = field(default_factory=Counter)
    checksums: Counter[str] = field(default_factory=Counter)

    def delete(self, connection: duckdb.DuckDBPyConnection, address: str) -> None:
        """Take out what a query names."""
        for segment, run_id, position, payload in sql.run(connection, address).fetchall():
            self.rows[segment] += 1
            self.checksums[segment] += line.checksum(run_id, position, payload.encode())

    def enter(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take it off what the ledger says of the segments."""
        for segment, rows in self.rows.items():
            less = {"segment": segment, "rows": rows, "checksum": self.checksums[segment]}
            sql.run(connection, "load/take_off_segment", **less)


def load_batch(connection: duckdb.DuckDBPyConnection, batch: Sequence[Whole], now: datetime) -> Loaded:
    """Load whole segments of one layer.

    Raises:
        Corrupt: A segment has not as many entries as its name states.
    """
    segments = [(segment.name, content) for segment, content in batch]
    with arrow.registered(connection, "spooled", segments) as kinds:
        return _load_batch(connection, batch, kinds, now)


def _load_batch(
    connection: duckdb.DuckDBPyConnection, batch: Sequence[Whole], kinds: Collection[str], now: datetime
) -> Loaded:
    """The steps; what only concerns a kind of lines is left out if there are none, because it takes time to plan."""
    live = batch[0].segment.layer == "live"
    removed, quarantined = Removed(), Quarantined()
    read = _read(connection, [segment for segment, _ in batch])
    inserted = _insert_live(connection, read) if live else _insert_log(connection, removed, quarantined, kinds, now)
    if "oversize" in kinds:
        quarantined += _quarantine(connection, "load_live/note_oversize", now=now)
    if "bytes" in kinds:
        resource = "run_events" if live else "run_log"
        quarantined += _quarantine(connection, "load/keep_bytes", resource=resource, now=now)
    since = min(row["first_received_at"] for row in read.values())
    sql.run(connection, "load/note_not_json", since=since, now=now)
    if "resume" in kinds:
        sql.run(connection, "load/insert_connections")
    _move_cursors(connection)
    if "mark" in kinds:
        _close_logs(connection, removed, now)
    sql.run(connection, "derive/mark_loaded", now=now)
    return _enter(connection, batch, read, inserted, quarantined, removed, now)


def _read(connection: duckdb.DuckDBPyConnection, batch: Sequence[Segment]) -> dict[str, Row]:
    """Read the lines of the batch; how many each segment has, of which times."""
    connection.execute("SET VARIABLE segments = $names", {"names": [segment.name for segment in batch]})
    sql.run(connection, "load/lines", "load/fields", "load/typed_events", "load/batch_lines", "load/decisions")
    read = {row["segment"]: row for row in sql.rows(sql.run(connection, "load/lengths"))}
    for segment in batch:
        lines = read[segment.name]["lines"] if segment.name in read else 0
        if lines != segment.lines:
            raise Corrupt(
                f"Segment {segment.name} should have {segment.lines} lines, but {lines} could be read.",
                hint="None of it was loaded; the file is still in the spool.",
            )
    return read


def _insert_live(connection: duckdb.DuckDBPyConnection, read: Mapping[str, Row]) -> int:
    """Insert the events that are not stored; how many."""
    numbers = [row[name] for row in read.values() for name in ("first_ms", "last_ms") if row[name] is not None]
    bounds = {"first_ms": min(numbers, default=None), "last_ms": max(numbers, default=None)}
    sql.run(connection, "load_live/stored_ids", "load_live/doubtful_lines", **bounds)
    if _holds_any(connection, "doubtful_lines"):
        sql.run(connection, "load_live/doubtful_events", "load_live/stored_events")
        if any(row["unnumbered"] for row in read.values()):
            sql.run(connection, "load_live/stored_unnumbered")
        sql.run(connection, "load_live/decide")
    inserted: int = sql.run(connection, "load_live/insert").fetchall()[0][0]
    return inserted


def _insert_log(
    connection: duckdb.DuckDBPyConnection,
    removed: Removed,
    quarantined: Quarantined,
    kinds: Collection[str],
    now: datetime,
) -> int:
    """Insert the entries that are not held, in place of those that another reading displaces; how many."""
    sql.run(connection, "load_log/doubtful_positions")
    if _holds_any(connection, "doubtful_positions"):
        sql.run(connection, "load_log/doubtful_entries", "load_log/decide")
        quarantined.update(_quarantine(connection, "load_log/keep_displaced", now=now))
        removed.delete(connection, "load_log/remove_displaced")
    if "unplaced" in kinds:
        quarantined.update(_quarantine(connection, "load_log/keep_unplaced", now=now))
    inserted: int = sql.run(connection, "load_log/insert").fetchall()[0][0]
    return inserted


def _move_cursors(connection: duckdb.DuckDBPyConnection) -> None:
    sql.run(connection, "load_cursors/moved_cursors", "load_cursors/keep", "load_cursors/delete", "load_cursors/insert")


def _close_logs(connection: duckdb.DuckDBPyConnection, removed: Removed, now: datetime) -> None:
    """Close in quarantine what had no place in a log that is proved now, and take out what is held beyond its end."""
    sql.run(connection, "load_log/close_placed", "load_log/shortened_logs", now=now)
    if _holds_any(connection, "shortened_logs"):
        sql.run(connection, "load_log/keep_cut_off", now=now)
        removed.delete(connection, "load_log/remove_cut_off")
        sql.run(connection, "load_log/set_cursors_back")


def _enter(
    connection: duckdb.DuckDBPyConnection,
    batch: Sequence[Whole],
    read: Mapping[str, Row],
    inserted: int,
    quarantined: Quarantined,
    removed: Removed,
    now: datetime,
) -> Loaded:
    """Account for every line in the ledger."""
    counts = {row["segment"]: row for row in sql.rows(sql.run(connection, "load/counts"))}
    total = Loaded()
    for whole in batch:
        segment = whole.segment
        read_row, loaded_row = read[segment.name], counts[segment.name]
        bad = quarantined[segment.name]
        duplicates = segment.lines - loaded_row["control_lines"] - loaded_row["inserted"] - bad
        one = Loaded(1, segment.lines, loaded_row["inserted"], duplicates, bad, loaded_row["control_lines"])
        total += one
        enter_segment(connection, whole, one, read_row | {"checksum": loaded_row["checksum"]}, now)
        if duplicates < 0:
            raise Corrupt(f"Segment {segment.name} does not add up: {one}.")
    removed.enter(connection)
    if inserted != total.inserted:
        names = ", ".join(segment.name for segment, _ in batch)
        raise Corrupt(f"The segments {names} do not add up: {inserted} of {total} rows were inserted.")
    return total


def enter_segment(connection: duckdb.DuckDBPyConnection, whole: Whole, one: Loaded, facts: Row, now: datetime) -> None:
    """Enter a segment into the ledger, with ``first_ms``, ``last_ms`` and ``checksum`` of its events."""
    sql.run(
        connection,
        "load/enter_segment",
        segment=whole.segment.name,
        layer=whole.segment.layer,
        bytes=len(whole.content),
        **{name: getattr(one, name) for name in ("lines", "inserted", "duplicates", "quarantined", "control_lines")},
        **{name: facts[name] for name in ("first_ms", "last_ms", "checksum")},
        now=now,
    )


def _holds_any(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(connection.execute(f"SELECT EXISTS (FROM {table})").fetchall()[0][0])


def _quarantine(connection: duckdb.DuckDBPyConnection, address: str, **named: object) -> Quarantined:
    return Counter(segment for (segment,) in sql.run(connection, address, **named).fetchall())
