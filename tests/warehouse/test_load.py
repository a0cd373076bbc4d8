"""The rules of loading, each with a test that fails without it."""

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.errors import Corrupt
from taskhouse.spool.folder import Segment, Spool
from taskhouse.spool.line import Entry, Whose
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import load, sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import Loaded, load_spool


def event(stream_id: str | None, data: str | bytes, *, redacted: bool = False) -> Entry:
    return Entry(stream_id, None, data if isinstance(data, bytes) else data.encode(), redacted)


def entry(position: int, data: str) -> Entry:
    return Entry(None, position, data.encode(), redacted=False)


def spooled(spool: Spool, layer: str, *entries: Entry, run: str = "r", leg: str = "django") -> list[Segment]:
    """One sealed segment, not yet loaded."""
    with SpoolWriter(spool) as writer:
        writer.append(layer, Whose(1, "t", run), entries, leg=leg)
    return spool.segments()


def rows(warehouse: Warehouse, text: str) -> list[tuple[Any, ...]]:
    with warehouse.transaction("reading") as connection:
        return connection.execute(text).fetchall()


EVENTS = "SELECT stream_id, incarnation, payload FROM raw.run_events ORDER BY stream_ms, stream_seq, incarnation"


def load_live(warehouse: Warehouse, spool: Spool, *entries: Entry, run: str = "r", leg: str = "django") -> Loaded:
    spooled(spool, "live", *entries, run=run, leg=leg)
    return load_spool(warehouse, spool)["live"]


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
    assert rows(warehouse, "SELECT resource, record_key FROM ledger.quarantine") == [("run_events", "r@1-0")]


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
    assert (loaded.inserted, loaded.set_aside) == (1, 1)
    assert rows(warehouse, "SELECT record_key, reason FROM ledger.quarantine") == [
        ("r@7-0", "an event of 9000000 bytes is more than is kept")
    ]
    assert load_live(warehouse, spool, big).duplicates == 1


def test_a_log_entry_is_known_by_its_position(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(0, '{"a":1}'), entry(1, '{"a":1}'), leg="pass-1")
    assert load_spool(warehouse, spool)["log"].inserted == 2
    spooled(spool, "log", entry(1, '{"a":1}'), entry(2, "{}"), leg="pass-2")
    assert load_spool(warehouse, spool)["log"].inserted == 1
    assert rows(warehouse, "SELECT position, pass_id FROM raw.run_log_entries ORDER BY 1") == [
        (0, "pass-1"),
        (1, "pass-1"),
        (2, "pass-2"),
    ]


ASIDE = "SELECT record_key, payload, outcome FROM ledger.quarantine ORDER BY record_key, payload"


def test_of_two_texts_at_a_log_position_the_newest_counts_and_the_other_is_kept(
    warehouse: Warehouse, spool: Spool
) -> None:
    spooled(spool, "log", entry(0, '{"a":1}'))
    load_spool(warehouse, spool)
    for inserted in (1, 0):
        spooled(spool, "log", entry(0, '{"a":2}'))
        assert load_spool(warehouse, spool)["log"].inserted == inserted
    assert rows(warehouse, "SELECT payload FROM raw.run_log_entries") == [('{"a":2}',)]
    assert rows(warehouse, ASIDE) == [("r@0", '{"a":1}', "superseded")]


def test_a_text_that_was_redacted_replaces_no_whole_one_and_no_whole_one_it(warehouse: Warehouse, spool: Spool) -> None:
    whole = '{"timestamp":"2026-09-14T10:00:01.200Z","event_id":"1-1","text":"%s"}'
    for at, first, second in ((0, "word", "[text 4 1f]"), (1, "[text 4 1f]", "word")):
        for text in (first, second):
            spooled(spool, "log", Entry(None, at, (whole % text).encode(), redacted=text != "word"))
            load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT position, redacted FROM raw.run_log_entries ORDER BY 1") == [(0, False), (1, True)]
    assert rows(warehouse, ASIDE) == []


def test_a_log_that_was_proved_to_end_sooner_loses_what_it_does_not_hold(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", *(entry(at, f'{{"a":{at}}}') for at in range(5)))
    load_spool(warehouse, spool)
    began_us = time.time_ns() // 1000
    with SpoolWriter(spool) as writer:
        writer.append("log", Whose(1, "t", "r"), [entry(at, f'{{"a":{at + 1}}}') for at in range(4)], leg="pass")
        writer.mark("log", Whose(1, "t", "r"), resource="run_log", position="4", state="settled", cut_us=began_us)
    loaded = load_spool(warehouse, spool)["log"]
    assert (loaded.inserted, loaded.duplicates, loaded.set_aside, loaded.marks) == (4, 0, 0, 1)
    assert rows(warehouse, "SELECT position, payload FROM raw.run_log_entries ORDER BY 1") == [
        (at, f'{{"a":{at + 1}}}') for at in range(4)
    ]
    assert rows(warehouse, ASIDE) == [(f"r@{at}", f'{{"a":{at}}}', "superseded") for at in range(5)]
    assert rows(warehouse, LOG_CURSOR) == [("4", "settled")]


def test_a_mark_of_a_reading_that_began_before_another_takes_nothing_of_it(warehouse: Warehouse, spool: Spool) -> None:
    began_us = time.time_ns() // 1000
    spooled(spool, "log", entry(0, "{}"), entry(1, "{}"))
    load_spool(warehouse, spool)
    for cut_us in (None, began_us):
        with SpoolWriter(spool) as writer:
            writer.mark("log", Whose(1, "t", "r"), resource="run_log", position="1", state="settled", cut_us=cut_us)
        load_spool(warehouse, spool)
        assert rows(warehouse, LOG_CURSOR) == [("2", "settled")]
        assert rows(warehouse, "SELECT count(*) FROM raw.run_log_entries") == [(2,)]


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
        writer.append("live", Whose(1, "t", "r"), [event("1-0", "{}"), event("2-0", "{}")], leg="l")
        writer.append("live", Whose(1, "t", "r"), [event(None, "{}")], leg="l")
        writer.mark("live", Whose(1, "t", "r"), resource="run_stream", position=None, state="over")
    load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT resource, key, position, state FROM ledger.cursors") == [
        ("run_stream", "r", "2-0", "over")
    ]


def test_a_mark_without_a_position_leaves_it_where_it_was(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("2-0", "{}"))
    with SpoolWriter(spool) as writer:
        writer.mark("live", Whose(1, "t", "r"), resource="run_stream", position=None, state="over")
    load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT position, state FROM ledger.cursors") == [("2-0", "over")]


def test_the_lines_of_a_segment_add_up(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"), event("1-0", "{}"), event("2-0", "{}"))
    assert rows(
        warehouse, "SELECT lines, inserted, duplicates, set_aside, marks, first_ms, last_ms FROM ledger.segments"
    ) == [(3, 2, 1, 0, 0, 1, 2)]


def test_a_segment_whose_lines_do_not_add_up_is_not_loaded(warehouse: Warehouse, spool: Spool) -> None:
    (segment,) = spooled(spool, "live", event("1-0", "{}"))
    more = Segment(segment.path, segment.name, segment.layer, segment.lines + 1, segment.crc)
    with pytest.raises(Corrupt, match="states 2 lines"), warehouse.transaction("loading") as connection:
        load.load_segments(connection, [more])
    assert rows(warehouse, "SELECT count(*) FROM raw.run_events") == [(0,)]
    assert segment.path.exists()


LOG_CURSOR = "SELECT position, state FROM ledger.cursors WHERE resource = 'run_log'"


def test_entries_of_a_log_move_its_cursor_and_a_mark_says_the_rest(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(0, "{}"), entry(1, "{}"))
    load_spool(warehouse, spool)
    assert rows(warehouse, LOG_CURSOR) == [("2", "drained")]
    with SpoolWriter(spool) as writer:
        writer.append("log", Whose(1, "t", "r"), [entry(2, "{}")], leg="pass")
        writer.mark("log", Whose(1, "t", "r"), resource="run_log", position="3", state="settled")
    load_spool(warehouse, spool)
    assert rows(warehouse, LOG_CURSOR) == [("3", "settled")]


def test_only_entries_before_the_cursor_are_looked_up(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(0, "{}"), entry(1, "{}"))
    load_spool(warehouse, spool)
    batch = spooled(spool, "log", entry(1, "{}"), entry(2, "{}"))
    with warehouse.transaction("loading") as connection:
        load.load_segments(connection, batch)
        assert connection.execute("SELECT position FROM doubtful").fetchall() == [(1,)]
    assert rows(warehouse, "SELECT position FROM raw.run_log_entries ORDER BY 1") == [(0,), (1,), (2,)]


SEGMENTS = "SELECT lines, inserted, duplicates, marks FROM ledger.segments ORDER BY segment"


def test_a_batch_is_stored_like_its_segments_one_by_one(warehouse: Warehouse, spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        for texts in ([("1-0", '{"a":1}'), ("1-1", "{}")], [("1-0", '{"a":2}'), ("1-1", "{}")], [("1-0", '{"a":1}')]):
            writer.append("live", Whose(1, "t", "r"), [event(*text) for text in texts], leg="django")
            writer.mark("live", Whose(1, "t", "r"), resource="run_stream", position=None, state=str(len(texts)))
            writer.seal()
    names = [segment.name for segment in spool.segments()]
    loaded = load_spool(warehouse, spool)["live"]
    assert (loaded.segments, loaded.lines, loaded.inserted, loaded.duplicates, loaded.marks) == (3, 8, 3, 2, 3)
    assert rows(warehouse, SEGMENTS) == [(3, 2, 0, 1), (3, 1, 1, 1), (2, 0, 1, 1)]
    assert rows(warehouse, EVENTS) == [("1-0", 0, '{"a":1}'), ("1-0", 1, '{"a":2}'), ("1-1", 0, "{}")]
    assert rows(warehouse, "SELECT segment FROM raw.run_events ORDER BY stream_seq, incarnation") == [
        (names[0],),
        (names[1],),
        (names[0],),
    ]
    assert rows(warehouse, "SELECT position, state, moved_by FROM ledger.cursors") == [("1-0", "1", names[2])]


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


def test_a_batch_of_log_entries_keeps_the_last_text_of_a_position(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(1, '{"a":1}'), entry(2, "{}"))
    spooled(spool, "log", entry(1, '{"a":2}'), entry(3, "{}"))
    loaded = load_spool(warehouse, spool)["log"]
    assert (loaded.segments, loaded.inserted, loaded.set_aside, loaded.duplicates) == (2, 3, 1, 0)
    assert rows(warehouse, "SELECT record_key, payload FROM ledger.quarantine") == [("r@1", '{"a":1}')]
    assert rows(warehouse, "SELECT position, payload FROM raw.run_log_entries ORDER BY position") == [
        (1, '{"a":2}'),
        (2, "{}"),
        (3, "{}"),
    ]


@pytest.mark.parametrize("damage", ["flip", "nul", "cut"])
def test_a_damaged_segment_is_set_aside_and_its_whole_lines_are_loaded(
    warehouse: Warehouse, spool: Spool, damage: str
) -> None:
    (segment,) = spooled(spool, "live", event("1-0", '{"a":1}'), event("2-0", '{"a":2}'))
    content = segment.path.read_bytes()
    at = content.rindex(b"2-0")
    segment.path.write_bytes(
        {"flip": content[:at] + b"3" + content[at + 1 :], "nul": content[:at] + bytes(64), "cut": content[:at]}[damage]
    )
    told: list[str] = []
    assert load_spool(warehouse, spool, report=told.append)["live"].inserted == 1
    assert [path.name for path in spool.damaged.iterdir()] == [segment.path.name]
    assert segment.name in told[0]
    assert rows(warehouse, "SELECT resource, record_key FROM ledger.quarantine") == [("spool", segment.name)]


def test_a_crash_inside_the_transaction_leaves_the_segment(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (segment,) = spooled(spool, "live", event("1-0", "{}"))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(load, "_move_cursors", crash)
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
        load.load_segments(connection, batch)
        assert connection.execute("SELECT stream_id FROM known").fetchall() == [("500-0",)]
        plan = connection.execute("EXPLAIN " + sql.warehouse("load/live_known"), {"first_ms": 5, "last_ms": 9})
        told = plan.fetchall()[0][1].lower().replace("_", "").replace(" ", "")
        assert "emptyresult" in told or "streamms>=5" in told  # nothing is read where no event lies; 1.5 sees it late


NO_TASK = Whose(1, None, "r")  # type: ignore[arg-type]
"""A line of it has no task, which the table refuses: it stands for whatever DuckDB cannot load."""


@pytest.mark.parametrize("layer", ["live", "log"])
def test_a_line_that_cannot_be_loaded_goes_to_quarantine_and_the_rest_goes_on(
    warehouse: Warehouse, spool: Spool, layer: str
) -> None:
    def one(n: int) -> Entry:
        return event(f"{n}-0", f'{{"n":{n}}}') if layer == "live" else entry(n, f'{{"n":{n}}}')

    with SpoolWriter(spool) as writer:
        for first in (0, 20, 40):
            writer.append(layer, Whose(1, "t", "r"), [one(n) for n in range(first, first + 9)], leg="django")
            if first == 20:
                writer.append(layer, NO_TASK, [one(29)], leg="django")
            writer.append(layer, Whose(1, "t", "r"), [one(n) for n in range(first + 10, first + 20)], leg="django")
            writer.seal()
    told: list[str] = []
    loaded = load_spool(warehouse, spool, report=told.append)[layer]
    assert (loaded.lines, loaded.inserted, loaded.duplicates, loaded.set_aside, loaded.marks) == (58, 57, 0, 1, 0)
    assert (spool.segments(), list(spool.damaged.iterdir())) == ([], [])
    key = "r@29-0" if layer == "live" else "r@29"
    assert rows(warehouse, "SELECT record_key, payload FROM ledger.quarantine") == [(key, '{"n":29}')]
    assert told == [f"the event {key} cannot be loaded and is in quarantine"]
    table = "run_events" if layer == "live" else "run_log_entries"
    assert rows(warehouse, f"SELECT count(DISTINCT payload) FROM raw.{table}") == [(57,)]
    assert rows(warehouse, "SELECT sum(lines), sum(inserted), sum(set_aside) FROM ledger.segments") == [(58, 57, 1)]
    cursor = rows(warehouse, "SELECT position FROM ledger.cursors WHERE resource LIKE 'run_%'")
    assert cursor == [("59-0" if layer == "live" else "60",)]


def test_a_mark_that_cannot_be_loaded_is_set_aside_too(warehouse: Warehouse, spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("log", Whose(1, "t", "r"), [entry(0, "{}")], leg="pass")
        writer.mark("log", Whose(None, "t", "r"), resource="run_log", position="1", state="settled")  # type: ignore[arg-type]
        writer.append("log", Whose(1, "t", "r"), [entry(1, "{}")], leg="pass")
    assert load_spool(warehouse, spool)["log"] == Loaded(3, 3, inserted=2, set_aside=1)
    assert rows(warehouse, "SELECT project_id, reason LIKE 'this mark %' FROM ledger.quarantine") == [(None, True)]
    assert rows(warehouse, LOG_CURSOR) == [("2", "drained")]


def test_a_load_that_was_killed_while_it_halved_a_segment_loads_every_line_once(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", Whose(1, "t", "r"), [event(f"{n}-0", "{}") for n in range(1, 9)], leg="django")
        writer.append("live", NO_TASK, [event("9-0", "{}")], leg="django")
    (segment,) = spool.segments()
    content = segment.path.read_bytes()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(load, "_set_aside", crash)
        with pytest.raises(KeyboardInterrupt):
            load_spool(warehouse, spool)
    segment.path.write_bytes(content)  # the kill came before the whole segment was deleted
    load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT count(*), count(DISTINCT stream_id) FROM raw.run_events") == [(8, 8)]
    assert rows(warehouse, "SELECT count(DISTINCT payload) FROM ledger.quarantine") == [(1,)]
    assert spool.segments() == []


def test_what_no_line_causes_ends_the_load_and_keeps_the_segments(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled(spool, "live", *[event(f"{n}-0", "{}") for n in range(1, 9)])

    def full(*_: object) -> None:
        raise duckdb.IOException("no space left on device")

    def broken(*_: object) -> None:
        raise duckdb.InternalException("broken whatever the line")

    monkeypatch.setattr(load, "MOST_REFUSED", 2)
    with monkeypatch.context() as patch:
        patch.setattr(load, "_move_cursors", full)
        with pytest.raises(duckdb.IOException):
            load_spool(warehouse, spool)
        assert len(spool.segments()) == 1
        patch.setattr(load, "_move_cursors", broken)
        with pytest.raises(duckdb.InternalException):
            load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT count(*) FROM ledger.quarantine") == [(2,)]
    assert load_spool(warehouse, spool)["live"].inserted == 6
