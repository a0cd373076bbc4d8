"""Segments that an earlier version of taskhouse left in the spool, in which each event is a line of JSON."""

import json
import zlib
from pathlib import Path

import pytest

from taskhouse.spool import line
from taskhouse.spool.folder import Cursor, Spool
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from tests.warehouse.spooled import EVENTS, event, load_live, rows

pytestmark = pytest.mark.usefixtures("attached")

TEXTS = ['{"type":"x"}', 'tab\there, line\nend, "quotes" and \N{GREEK SMALL LETTER ALPHA}', "", "no\0thing"]


def old_line(number: int, kind: str, stream_id: str | None, text: str, *, summed: bool = True) -> bytes:
    """A line as earlier versions wrote it, long ago without the checksum of its event."""
    told = {"h": line.checksum("r", stream_id, text.encode())} if summed else {}
    of_run = {"k": kind, "n": number, "p": 1, "t": "t", "r": "r", "l": "django", "i": stream_id, "o": None}
    facts = {**of_run, "a": 1_764_336_000_000_000 + number, "x": False, **told, "d": text}
    rest = json.dumps(facts, separators=(",", ":"))[1:].encode() + b"\n"
    return b'{"c":"%08x",%b' % (zlib.crc32(rest), rest)


def old_lines(*, summed: bool = True) -> list[bytes]:
    lines = [old_line(n, "event", f"{n + 1}-0", text, summed=summed) for n, text in enumerate(TEXTS)]
    began = json.dumps({"after": None, "first": "1-0", "connected_at": None, "heard_at": None, "joined": None})
    return [*lines, old_line(len(lines), "resume", None, began, summed=False)]


def sealed(spool: Spool, lines: list[bytes]) -> Path:
    content = b"".join(lines)
    path = spool.sealed / f"live-1-2-abc-000001.{len(lines)}.{zlib.crc32(content):08x}.ndjson"
    path.write_bytes(content)
    return path


STORED = [(f"{n + 1}-0", 0, text) for n, text in enumerate(TEXTS)]


def test_a_spool_of_an_earlier_version_is_loaded_with_that_of_this_one(warehouse: Warehouse, spool: Spool) -> None:
    old = sealed(spool, old_lines())
    loaded = load_live(warehouse, spool, event("9-0", '{"new":1}'), event("2-0", TEXTS[1]))
    assert (loaded.segments, loaded.lines, loaded.inserted, loaded.duplicates, loaded.control_lines) == (2, 7, 5, 1, 1)
    assert rows(warehouse, EVENTS) == [*STORED, ("9-0", 0, '{"new":1}')]
    sums = [line.checksum("r", f"{n + 1}-0", text.encode()) for n, text in enumerate(TEXTS)]
    assert rows(warehouse, "SELECT checksum FROM ledger.segments WHERE segment LIKE 'live-1-%'") == [(sum(sums),)]
    assert rows(warehouse, "SELECT first_stream_id FROM ledger.stream_connections") == [("1-0",)]
    assert not old.exists()


def test_events_without_a_checksum_leave_that_of_their_segment_unknown(warehouse: Warehouse, spool: Spool) -> None:
    sealed(spool, old_lines(summed=False))
    assert load_spool(warehouse, spool)["live"].inserted == len(TEXTS)
    assert rows(warehouse, "SELECT checksum FROM ledger.segments") == [(None,)]


def test_what_a_killed_earlier_version_left_open_is_sealed_and_loaded(warehouse: Warehouse, spool: Spool) -> None:
    lines = old_lines()
    (spool.open / "live-1-2-abc-000001.part").write_bytes(b"".join(lines) + lines[0][:-5])
    found = spool.recover()
    assert (found.torn_bytes, found.damaged) == (len(lines[0]) - 5, ())
    last = f"{len(TEXTS)}-0"
    assert spool.cursors() == {"r": Cursor("django", last, line.checksum("r", last, TEXTS[-1].encode()))}
    assert load_spool(warehouse, spool)["live"].inserted == len(TEXTS)
    assert rows(warehouse, EVENTS) == STORED


def test_a_damaged_segment_of_an_earlier_version_keeps_its_whole_lines(warehouse: Warehouse, spool: Spool) -> None:
    path = sealed(spool, old_lines())
    path.write_bytes(path.read_bytes().replace(b'"type\\":\\"x', b'"type\\":\\"y'))
    loaded = load_spool(warehouse, spool)["live"]
    assert (loaded.inserted, [kept.name for kept in spool.damaged.iterdir()]) == (len(TEXTS) - 1, [path.name])
    assert rows(warehouse, EVENTS) == STORED[1:]
