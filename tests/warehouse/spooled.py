"""Events and entries put into a spool and loaded, for tests of loading."""

from typing import Any

from taskhouse.spool.folder import Segment, Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from taskhouse.warehouse.load_batch import Loaded, Whole
from tests.asked import ask


def event(stream_id: str | None, data: str | bytes, *, redacted: bool = False) -> Entry:
    return Entry(stream_id, None, data if isinstance(data, bytes) else data.encode(), redacted)


def entry(position: int, data: str) -> Entry:
    return Entry(None, position, data.encode(), redacted=False)


def spooled(spool: Spool, layer: str, *entries: Entry, run: str = "r", leg: str = "django") -> list[Segment]:
    """One sealed segment, not yet loaded."""
    with SpoolWriter(spool) as writer:
        writer.append(layer, RunKey(1, "t", run), entries, leg=leg)
    return spool.segments()


def whole(segment: Segment) -> Whole:
    return Whole(segment, segment.path.read_bytes())


def rows(warehouse: Warehouse, text: str) -> list[tuple[Any, ...]]:
    return ask(warehouse, text)


LOG_CURSOR = "SELECT position, state FROM ledger.cursors WHERE resource = 'run_log'"
EVENTS = "SELECT stream_id, incarnation, payload FROM raw.run_events ORDER BY stream_ms, stream_seq, incarnation"


def load_live(warehouse: Warehouse, spool: Spool, *entries: Entry, run: str = "r", leg: str = "django") -> Loaded:
    spooled(spool, "live", *entries, run=run, leg=leg)
    return load_spool(warehouse, spool)["live"]
