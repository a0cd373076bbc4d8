"""Load sealed spool segments: a batch in one transaction with its cursors and its proof, then delete the files.

What a batch goes through is in ``load_batch``; here is which segments make one, and what happens if it fails.

No line can stop the others. A batch that DuckDB refuses is loaded segment by segment, and a segment by halves, down to
the line that it refuses: that one goes to quarantine with its text.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import duckdb
from filelock import FileLock

from taskhouse.spool import line
from taskhouse.spool.folder import Segment, Spool
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load_batch import Loaded, Whole, enter_segment, load_batch

LAYERS = ("live", "log")
BATCH_BYTES = 64 << 20
"""How much is loaded at once, which is in memory meanwhile."""

BATCH_SEGMENTS = 200
MOST_REFUSED = 100
"""How many lines one load puts into quarantine at most; if there are more, the lines are not the cause."""

NOT_THE_LINES = (
    duckdb.OperationalError,  # the disk, the memory, the lock
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.InterruptException,
    duckdb.FatalException,
)
"""Errors that no line causes; a load ends with them."""


def load_spool(
    warehouse: Warehouse, spool: Spool, *, report: Callable[[str], None] = lambda _: None
) -> dict[str, Loaded]:
    """Load the segments that are sealed now, oldest first; returns what was done, by layer (``live``, ``log``).

    Loading a segment twice, or after a crash at any point, adds nothing.

    Args:
        warehouse: Where the events go.
        spool: Where the segments are.
        report: Called with one line about each damaged file.

    Raises:
        Locked: Another process has locked the warehouse; the segments stay where they are.
        Corrupt: A segment's lines do not add up; nothing of its batch was loaded.
    """
    total = {layer: Loaded() for layer in LAYERS}
    refused = Counter[str]()
    with FileLock(spool.root / "load.lock", thread_local=False):
        for batch in _batches(spool.segments()):
            intact = [good for segment in batch if (good := _intact(warehouse, spool, segment, report)) is not None]
            if intact:
                total[intact[0].segment.layer] += _load_halving(warehouse, spool, intact, refused, report)
    return total


def _batches(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Segments of one layer that are loaded together, because a commit is expensive and a further row is cheap."""
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


def _intact(warehouse: Warehouse, spool: Spool, segment: Segment, report: Callable[[str], None]) -> Whole | None:
    """The segment, or what could be saved of a damaged one; none if it is empty, as some of earlier versions are."""
    content = segment.content()
    if content is not None:
        if segment.lines:
            return Whole(segment, content)
        segment.path.unlink(missing_ok=True)
        return None
    damaged, saved = spool.salvage(segment)
    report(f"the spool segment {segment.name} was damaged and is kept as {damaged}")
    _record_damage(warehouse, segment, saved)
    return Whole(saved, saved.path.read_bytes()) if saved else None


def _load_halving(
    warehouse: Warehouse, spool: Spool, batch: list[Whole], refused: Counter[str], report: Callable[[str], None]
) -> Loaded:
    """Load a batch; if DuckDB refuses it, load it part by part, in the order of its lines."""
    try:
        return _load(warehouse, batch)
    except NOT_THE_LINES:
        raise
    except duckdb.Error as problem:
        single = len(batch) == 1 and batch[0].segment.lines == 1
        if single and refused.total() == MOST_REFUSED:
            raise
        why = f"{type(problem).__name__}: {str(problem).splitlines()[0][:200]}"
    if single:
        refused[batch[0].segment.layer] += 1
        return _refuse(warehouse, batch[0], why, report)
    parts = batch
    if len(batch) == 1:
        parts = [Whole(half, half.path.read_bytes()) for half in spool.halve(batch[0].segment)]
    return sum((_load_halving(warehouse, spool, [part], refused, report) for part in parts), Loaded())


def _refuse(warehouse: Warehouse, whole: Whole, why: str, report: Callable[[str], None]) -> Loaded:
    """Put the only entry of a segment into quarantine, because it cannot be loaded."""
    segment = whole.segment
    (entry,) = line.entries(whole.content)
    identity = entry["i"] if segment.layer == "live" else entry["o"]
    key = f"{entry['r']}@{'' if identity is None else identity}"
    now, done = warehouse.clock.now(), Loaded(1, 1, quarantined=1)
    with warehouse.transaction(f"putting into quarantine {segment.name}") as connection:
        sql.run(
            connection,
            "load/refused",
            resource="run_events" if segment.layer == "live" else "run_log",
            project_id=entry["p"],
            record_key=key,
            reason=f"this {entry['k']} cannot be loaded: {why}",
            payload=entry["d"],
            now=now,
            segment=segment.name,
        )
        enter_segment(connection, whole, done, {"first_ms": None, "last_ms": None, "checksum": 0}, now)
    report(f"the {entry['k']} {key} cannot be loaded and is in quarantine")
    segment.path.unlink()
    return done


def _load(warehouse: Warehouse, batch: list[Whole]) -> Loaded:
    names = [segment.name for segment, _ in batch]
    with warehouse.transaction(f"loading {names[-1]}") as connection:
        known = sql.run(connection, "load/known", names=names).fetchall()
        new = [whole for whole in batch if (whole.segment.name,) not in known]
        connection.execute("SET threads = 1")  # about as fast as two, in less memory
        loaded = load_batch(connection, new, warehouse.clock.now()) if new else Loaded()
    for segment, _ in batch:
        segment.path.unlink(missing_ok=True)
    return loaded


def _record_damage(warehouse: Warehouse, segment: Segment, intact: Segment | None) -> None:
    saved = intact.lines if intact else 0
    with warehouse.transaction(f"recording the damage of {segment.name}") as connection:
        sql.run(
            connection,
            "load/note_damage",
            segment=segment.name,
            reason=f"the segment is damaged: {saved} of {segment.lines} lines were whole and are loaded",
            now=warehouse.clock.now(),
        )
