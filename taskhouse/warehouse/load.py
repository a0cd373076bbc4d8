"""Load sealed spool segments: each in one transaction with its cursors and its proof, then delete the file."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
from filelock import FileLock

from taskhouse.errors import Corrupt
from taskhouse.spool.folder import Segment, Spool
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse

LAYERS = ("live", "log")


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


def load_spool(
    warehouse: Warehouse, spool: Spool, *, report: Callable[[str], None] = lambda _: None
) -> dict[str, Loaded]:
    """Load every sealed segment, oldest first; what that did, by layer (``live``, ``log``).

    Loading a segment twice, or after a crash at any point, adds nothing.

    Args:
        warehouse: Where the events go.
        spool: Where the segments lie.
        report: Told in one line about each damaged file that was set aside.

    Raises:
        Locked: The warehouse is held by somebody else; the segments stay where they are.
        Corrupt: A segment's lines do not add up; nothing of it was loaded.
    """
    total = {layer: Loaded() for layer in LAYERS}
    with FileLock(spool.root / "load.lock", thread_local=False):
        for segment in spool.segments():
            whole: Segment | None = segment
            if not segment.is_whole():
                aside, whole = spool.salvage(segment)
                report(f"the spool segment {segment.name} was damaged and is set aside as {aside}")
                _record_damage(warehouse, segment, whole)
            if whole is not None:
                total[whole.layer] += _load(warehouse, whole)
    return total


def _load(warehouse: Warehouse, segment: Segment) -> Loaded:
    with warehouse.transaction(f"loading {segment.name}") as connection:
        known = connection.execute("SELECT 1 FROM ledger.segments WHERE segment = ?", [segment.name]).fetchone()
        loaded = Loaded() if known else load_segment(connection, segment)
    segment.path.unlink(missing_ok=True)
    return loaded


def load_segment(connection: duckdb.DuckDBPyConnection, segment: Segment) -> Loaded:
    """Load one whole segment inside the caller's transaction.

    Raises:
        Corrupt: DuckDB did not read the lines that the segment's name states.
    """
    connection.execute(sql.warehouse("load/stage"), {"path": str(segment.path)})
    lines, marks, numbered, unnumbered, first_ms, last_ms = _prepare(connection)
    if lines != segment.lines:
        raise Corrupt(
            f"Segment {segment.name} states {segment.lines} lines, and {lines} could be read.",
            hint="Nothing of it was loaded; the file is still in the spool.",
        )
    now = datetime.now(UTC)
    marked = {"segment": segment.name, "now": now}
    if segment.layer == "live":
        connection.execute(sql.warehouse("load/live_known"), {"first_ms": first_ms, "last_ms": last_ms})
        if unnumbered:
            connection.execute(sql.warehouse("load/live_known_unnumbered"))
        connection.execute(sql.warehouse("load/live_contested"))
        inserted = _changes(connection, "load/live_insert", {"segment": segment.name})
        set_aside = _changes(connection, "load/oversize", marked)
    else:
        set_aside = _changes(connection, "load/log_conflicts", marked)
        inserted = _changes(connection, "load/log_insert", {"segment": segment.name})
    connection.execute(sql.warehouse("load/oddities"), marked)
    connection.execute(sql.warehouse("load/resumes"), {"segment": segment.name})
    _move_cursors(connection, segment.name)
    duplicates = lines - marks - inserted - set_aside
    connection.execute(
        sql.warehouse("load/segment"),
        {
            **marked,
            "layer": segment.layer,
            "bytes": segment.path.stat().st_size,
            "lines": lines,
            "inserted": inserted,
            "duplicates": duplicates,
            "set_aside": set_aside,
            "marks": marks,
            "first_ms": first_ms,
            "last_ms": last_ms,
        },
    )
    if duplicates < 0 or (not numbered and not unnumbered and inserted):
        raise Corrupt(f"Segment {segment.name} does not add up: {inserted} inserted of {lines} lines.")
    return Loaded(1, lines, inserted, duplicates, set_aside, marks)


def _prepare(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int, int | None, int | None]:
    """Lines, marks, events with and without a numeric id, and the first and last millisecond among the ids."""
    connection.execute(sql.warehouse("load/typed"))
    row = connection.execute(sql.warehouse("load/counts")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row


def _move_cursors(connection: duckdb.DuckDBPyConnection, segment: str) -> None:
    connection.execute(sql.warehouse("load/marks"), {"segment": segment})
    for step in ("cursors_keep", "cursors_delete", "cursors_insert"):
        connection.execute(sql.warehouse(f"load/{step}"))


def _changes(connection: duckdb.DuckDBPyConnection, path: str, parameters: dict[str, object]) -> int:
    row = connection.execute(sql.warehouse(path), parameters).fetchone()
    return int(row[0]) if row else 0


def _record_damage(warehouse: Warehouse, segment: Segment, whole: Segment | None) -> None:
    saved = whole.lines if whole else 0
    with warehouse.transaction(f"recording the damage of {segment.name}") as connection:
        connection.execute(
            sql.warehouse("load/damage"),
            {
                "segment": segment.name,
                "reason": f"the segment is damaged: {saved} of {segment.lines} lines were whole and are loaded",
                "now": datetime.now(UTC),
            },
        )
