"""The rules of loading, each with a test that fails without it."""

import json
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from taskhouse.clock import REAL
from taskhouse.errors import Corrupt
from taskhouse.spool.folder import Segment, Spool, sealed_name
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import load_batch, sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from taskhouse.warehouse.load_batch import Loaded
from tests.warehouse.spooled import EVENTS, event, load_live, rows, spooled, whole

pytestmark = pytest.mark.usefixtures("attached")


def test_the_exact_text_is_kept(warehouse: Warehouse, spool: Spool) -> None:
    text = '{"b":1,  "a":1.50, "a":1e400, "u":"\\u2028\u2028", "nul":"\\u0000"}'
    load_live(warehouse, spool, event("5-0", text))
    assert rows(warehouse, EVENTS) == [("5-0", 0, text)]


def test_an_id_is_two_numbers_not_a_text(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("9-0", "{}"), event("10-2", "{}"), event("10-11", "{}"))
    assert [row[0] for row in rows(warehouse, EVENTS)] == ["9-0", "10-2", "10-11"]
    assert rows(warehouse, "SELECT max(stream_ms), max(stream_seq) FROM raw.run_events") == [(10, 11)]


def test_duplicates_inside_a_segment_are_stored_once(warehouse: Warehouse, spool: Spool) -> None:
    loaded = load_live(warehouse, spool, event("1-0", "{}"), event("1-0", "{}"), event("1-1", "{}"))
    assert (loaded.inserted, loaded.duplicates) == (2, 1)


def test_duplicates_of_an_earlier_segment_are_not_stored_again(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"), event("1-1", "{}"))
    loaded = load_live(warehouse, spool, event("1-1", "{}"), event("1-2", "{}"))
    assert (loaded.inserted, loaded.duplicates) == (1, 1)


def test_a_late_event_under_a_moved_cursor_is_stored(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("9-0", "{}"))
    assert load_live(warehouse, spool, event("3-0", "{}")).inserted == 1


def test_the_same_id_with_another_text_is_the_next_incarnation(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", '{"a":1}'))
    load_live(warehouse, spool, event("1-0", '{"a":2}'), event("1-0", '{"a":3}'), event("1-0", '{"a":1}'))
    assert rows(warehouse, EVENTS) == [("1-0", 0, '{"a":1}'), ("1-0", 1, '{"a":2}'), ("1-0", 2, '{"a":3}')]
    assert load_live(warehouse, spool, event("1-0", '{"a":2}')).inserted == 0


def test_ids_of_two_runs_or_two_legs_are_not_the_same(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"))
    assert load_live(warehouse, spool, event("1-0", "{}"), run="other").inserted == 1
    assert load_live(warehouse, spool, event("1-0", "{}"), leg="proxy").inserted == 1


def test_a_frame_without_an_id_is_known_by_its_content(warehouse: Warehouse, spool: Spool) -> None:
    loaded = load_live(warehouse, spool, event(None, '{"a":1}'), event(None, '{"a":1}'), event(None, '{"a":2}'))
    assert (loaded.inserted, loaded.duplicates) == (2, 1)
    assert load_live(warehouse, spool, event(None, '{"a":2}')).inserted == 0
    assert rows(warehouse, "SELECT count(*), max(incarnation) FROM raw.run_events") == [(2, 0)]


@pytest.mark.parametrize("stream_id", ["log-3", "not-a-redis-id", "7", "1-2-3", "-", "99999999999999999999-0"])
def test_an_id_of_another_form_is_kept_and_deduplicated(warehouse: Warehouse, spool: Spool, stream_id: str) -> None:
    assert load_live(warehouse, spool, event(stream_id, "{}")).inserted == 1
    assert load_live(warehouse, spool, event(stream_id, "{}"), event("1-2", "{}")).inserted == 1
    assert rows(warehouse, "SELECT count(*) FROM raw.run_events WHERE stream_ms IS NULL") == [(1,)]


HOSTILE = [
    "not json",
    "",
    "[1, 2]",
    '"text"',
    "null",
    '{"a": NaN}',
    '{"a": Infinity}',
    '{"a": "\\ud83d"}',
    '{"type": {"deep": 1}, "timestamp": 5, "notification": "x"}',
    '{"timestamp": "infinity"}',
    '{"timestamp": "9999-99-99T00:00:00Z"}',
    '{"type": "\\u0000"}',
    '{"n": 123456789012345678901234567890, "n": 2}',
    "[" * 5000 + "]" * 5000,
    "\u2028\u0085",
]


def test_no_event_is_dropped_for_its_content(warehouse: Warehouse, spool: Spool) -> None:
    loaded = load_live(warehouse, spool, *[event(f"{n}-0", text) for n, text in enumerate(HOSTILE)])
    assert loaded.inserted == len(HOSTILE)
    assert [row[2] for row in rows(warehouse, EVENTS)] == HOSTILE
    assert rows(warehouse, "SELECT count(*) FROM raw.run_events WHERE occurred_at > '2200-01-01'") == [(0,)]


def test_what_is_not_json_is_marked_beside_it_once(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "not json"), event("2-0", "{}"))
    load_live(warehouse, spool, event("1-0", "not json"))
    assert rows(warehouse, "SELECT stream_id FROM raw.run_events WHERE NOT json_ok") == [("1-0",)]
    assert rows(warehouse, "SELECT kind, record_key FROM ledger.quarantine") == [("not_json", "r@1-0")]


def test_a_lone_surrogate_does_not_hide_the_typed_columns(warehouse: Warehouse, spool: Spool) -> None:
    text = '{"type":"notification","notification":{"method":"__posthog/console","params":{"m":"\\ud83d"}}}'
    load_live(warehouse, spool, event("1-0", text))
    assert rows(warehouse, "SELECT kind, method, json_ok FROM raw.run_events") == [
        ("notification", "_posthog/console", False)
    ]


def test_typed_columns(warehouse: Warehouse, spool: Spool) -> None:
    update = {"sessionUpdate": "tool_call", "toolCallId": "toolu_1"}
    notification = {"method": "session/update", "params": {"update": update}}
    told = {
        "type": "notification",
        "timestamp": "2026-09-14T10:00:01.200Z",
        "notification": notification,
        "event_id": "1-7",
    }
    load_live(warehouse, spool, event("5-0", json.dumps(told), redacted=True))
    assert rows(
        warehouse,
        "SELECT kind, method, session_update, tool_call_id, event_id, occurred_at, redacted FROM raw.run_events",
    ) == [
        (
            "notification",
            "session/update",
            "tool_call",
            "toolu_1",
            "1-7",
            datetime(2026, 9, 14, 10, 0, 1, 200000, UTC),
            True,
        )
    ]


def test_an_event_without_a_time_takes_the_time_of_its_id(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1789381033200-0", '{"type":"permission_request","toolCall":{"toolCallId":"t"}}'))
    assert rows(warehouse, "SELECT tool_call_id, occurred_at FROM raw.run_events") == [
        ("t", datetime(2026, 9, 14, 10, 17, 13, 200000, UTC))
    ]


def test_a_frame_of_3_megabytes_is_loaded(warehouse: Warehouse, spool: Spool) -> None:
    text = json.dumps({"t": '"\\' * 800_000})
    assert len(text) > 3_000_000
    load_live(warehouse, spool, event("1-0", text))
    assert rows(warehouse, "SELECT strlen(payload) FROM raw.run_events") == [(len(text),)]


def test_an_event_too_large_to_keep_leaves_a_mark(warehouse: Warehouse, spool: Spool) -> None:
    big = Entry("7-0", None, b"9000000", redacted=False, kind="oversize")
    loaded = load_live(warehouse, spool, event("6-0", "{}"), big)
    assert (loaded.inserted, loaded.quarantined) == (1, 1)
    assert rows(warehouse, "SELECT kind, record_key, reason FROM ledger.quarantine") == [
        ("too_large", "r@7-0", "an event of 9000000 bytes is more than taskhouse keeps")
    ]
    assert load_live(warehouse, spool, big).duplicates == 1


def test_loading_the_same_segment_again_changes_nothing(warehouse: Warehouse, spool: Spool, tmp_path: Path) -> None:
    (segment,) = spooled(spool, "live", event("1-0", "not json"), event(None, "{}"))
    copy = tmp_path / segment.path.name
    shutil.copy(segment.path, copy)
    load_spool(warehouse, spool)
    shutil.copy(copy, segment.path)
    assert load_spool(warehouse, spool)["live"] == Loaded()
    assert not segment.path.exists()
    assert rows(warehouse, "SELECT count(*) FROM raw.run_events") == [(2,)]


def test_the_cursor_moves_with_the_events(warehouse: Warehouse, spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", RunKey(1, "t", "r"), [event("1-0", "{}"), event("2-0", "{}")], leg="l")
        writer.append("live", RunKey(1, "t", "r"), [event(None, "{}")], leg="l")
        writer.mark("live", RunKey(1, "t", "r"), resource="run_stream", position=None, state="over")
    load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT resource, key, position, state FROM ledger.cursors") == [
        ("run_stream", "r", "2-0", "over")
    ]


def test_a_mark_without_a_position_leaves_it_where_it_was(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("2-0", "{}"))
    with SpoolWriter(spool) as writer:
        writer.mark("live", RunKey(1, "t", "r"), resource="run_stream", position=None, state="over")
    load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT position, state FROM ledger.cursors") == [("2-0", "over")]


def test_the_lines_of_a_segment_add_up(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"), event("1-0", "{}"), event("2-0", "{}"))
    assert rows(
        warehouse,
        "SELECT lines, inserted, duplicates, quarantined, control_lines, first_ms, last_ms FROM ledger.segments",
    ) == [(3, 2, 1, 0, 0, 1, 2)]


def test_a_segment_whose_lines_do_not_add_up_is_not_loaded(warehouse: Warehouse, spool: Spool) -> None:
    (segment,) = spooled(spool, "live", event("1-0", "{}"))
    more = Segment(segment.path, segment.name, segment.layer, segment.lines + 1, segment.crc)
    with pytest.raises(Corrupt, match="should have 2 lines"), warehouse.transaction("loading") as connection:
        load_batch.load_batch(connection, [whole(more)], REAL.now())
    assert rows(warehouse, "SELECT count(*) FROM raw.run_events") == [(0,)]
    assert segment.path.exists()


SEGMENTS = "SELECT lines, inserted, duplicates, control_lines FROM ledger.segments ORDER BY segment"


def test_a_batch_is_stored_like_its_segments_one_by_one(warehouse: Warehouse, spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        for texts in ([("1-0", '{"a":1}'), ("1-1", "{}")], [("1-0", '{"a":2}'), ("1-1", "{}")], [("1-0", '{"a":1}')]):
            writer.append("live", RunKey(1, "t", "r"), [event(*text) for text in texts], leg="django")
            writer.mark("live", RunKey(1, "t", "r"), resource="run_stream", position=None, state=str(len(texts)))
            writer.seal()
    names = [segment.name for segment in spool.segments()]
    loaded = load_spool(warehouse, spool)["live"]
    assert (loaded.segments, loaded.lines, loaded.inserted, loaded.duplicates, loaded.control_lines) == (3, 8, 3, 2, 3)
    assert rows(warehouse, SEGMENTS) == [(3, 2, 0, 1), (3, 1, 1, 1), (2, 0, 1, 1)]
    assert rows(warehouse, EVENTS) == [("1-0", 0, '{"a":1}'), ("1-0", 1, '{"a":2}'), ("1-1", 0, "{}")]
    assert rows(warehouse, "SELECT segment FROM raw.run_events ORDER BY stream_seq, incarnation") == [
        (names[0],),
        (names[1],),
        (names[0],),
    ]
    assert rows(warehouse, "SELECT position, state, updated_by FROM ledger.cursors") == [("1-0", "1", names[2])]


def test_a_segment_that_was_loaded_before_adds_nothing_to_its_batch(warehouse: Warehouse, spool: Spool) -> None:
    (first,) = spooled(spool, "live", event("1-0", "{}"))
    copy = first.path.read_bytes()
    load_spool(warehouse, spool)
    spooled(spool, "live", event("2-0", "{}"))
    first.path.write_bytes(copy)
    loaded = load_spool(warehouse, spool)["live"]
    assert (loaded.segments, loaded.inserted, loaded.duplicates) == (1, 1, 0)
    assert spool.segments() == []
    assert len(rows(warehouse, SEGMENTS)) == 2


@pytest.mark.parametrize("damage", ["flip", "nul", "cut"])
def test_a_damaged_segment_is_set_aside_and_its_whole_lines_are_loaded(
    warehouse: Warehouse, spool: Spool, damage: str
) -> None:
    (segment,) = spooled(spool, "live", event("1-0", '{"a":1}'), event("2-0", '{"a":2}'))
    content = segment.path.read_bytes()
    at = content.index(b'{"a":2}')
    segment.path.write_bytes(
        {"flip": content[:at] + b"3" + content[at + 1 :], "nul": content[:at] + bytes(64), "cut": content[:at]}[damage]
    )
    told: list[str] = []
    assert load_spool(warehouse, spool, report=told.append)["live"].inserted == 1
    assert [path.name for path in spool.damaged.iterdir()] == [segment.path.name]
    assert segment.name in told[0]
    found = rows(warehouse, "SELECT resource, record_key, kind FROM ledger.quarantine")
    assert found == [("spool", segment.name, "damaged")]


def test_a_crash_inside_the_transaction_leaves_the_segment(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (segment,) = spooled(spool, "live", event("1-0", "{}"))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(load_batch, "_move_cursors", crash)
        with pytest.raises(KeyboardInterrupt):
            load_spool(warehouse, spool)
    assert segment.path.exists()
    assert rows(warehouse, "SELECT count(*) FROM raw.run_events") == [(0,)]
    assert load_spool(warehouse, spool)["live"].inserted == 1


def test_the_anti_join_reads_only_the_range_of_the_segment(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"))
    load_live(warehouse, spool, event("500-0", "{}"))
    batch = spooled(spool, "live", event("500-0", "{}"))
    with warehouse.transaction("loading") as connection:
        load_batch.load_batch(connection, [whole(segment) for segment in batch], REAL.now())
        assert connection.execute("SELECT stream_id FROM stored_events").fetchall() == [("500-0",)]
        plan = connection.execute("EXPLAIN " + sql.query("load_live/stored_ids"), {"first_ms": 5, "last_ms": 9})
        told = plan.fetchall()[0][1].lower().replace("_", "").replace(" ", "")
        assert "emptyresult" in told or "streamms>=5" in told  # nothing is read where no event lies; 1.5 sees it late


@pytest.mark.parametrize("others", [(), (event("1-0", "{}"),)])
def test_an_empty_segment_that_an_earlier_version_left_is_removed(
    warehouse: Warehouse, spool: Spool, others: tuple[Entry, ...]
) -> None:
    (spool.sealed / sealed_name("live-1-1-abc-000001", 0, 0)).touch()
    if others:
        spooled(spool, "live", *others)
    assert load_spool(warehouse, spool)["live"].inserted == len(others)
    assert spool.segments() == []


def test_ordinary_events_are_read_once_and_take_no_statement_for_what_is_not_there(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_live(warehouse, spool, event("1-0", "{}"))
    for number in (2, 3):
        spooled(spool, "live", event(f"{number}-0", '{"type":"x"}'), event(f"{number}-1", "{}"))
    looks, statements = Counter[str](), Counter[str]()
    read, run = Path.read_bytes, sql.run

    def looked(path: Path) -> bytes:
        looks[path.suffix] += 1
        return read(path)

    def counted(connection: duckdb.DuckDBPyConnection, *addresses: str, **named: object) -> duckdb.DuckDBPyConnection:
        statements.update(address for address in addresses if address.startswith("load"))
        return run(connection, *addresses, **named)

    monkeypatch.setattr(Path, "read_bytes", looked)
    monkeypatch.setattr(sql, "run", counted)
    assert load_spool(warehouse, spool)["live"].inserted == 4
    assert looks[".batches"] == 2
    assert statements.pop("load/enter_segment") == 2
    assert set(statements.values()) == {1}
    assert len(statements) <= 16
