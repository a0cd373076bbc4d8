"""Loading entries of logs: by their position, the newest proved reading of each."""

import time

import pytest

from taskhouse.clock import REAL
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import load_batch
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from tests.warehouse.spooled import LOG_CURSOR, entry, rows, spooled, whole

pytestmark = pytest.mark.usefixtures("attached")


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
        writer.append("log", RunKey(1, "t", "r"), [entry(at, f'{{"a":{at + 1}}}') for at in range(4)], leg="pass")
        writer.mark("log", RunKey(1, "t", "r"), resource="run_log", position="4", state="settled", cut_us=began_us)
    loaded = load_spool(warehouse, spool)["log"]
    assert (loaded.inserted, loaded.duplicates, loaded.quarantined, loaded.control_lines) == (4, 0, 0, 1)
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
            writer.mark("log", RunKey(1, "t", "r"), resource="run_log", position="1", state="settled", cut_us=cut_us)
        load_spool(warehouse, spool)
        assert rows(warehouse, LOG_CURSOR) == [("2", "settled")]
        assert rows(warehouse, "SELECT count(*) FROM raw.run_log_entries") == [(2,)]


def test_entries_of_a_log_move_its_cursor_and_a_mark_says_the_rest(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(0, "{}"), entry(1, "{}"))
    load_spool(warehouse, spool)
    assert rows(warehouse, LOG_CURSOR) == [("2", "unproved")], "whoever read it died before its end"
    with SpoolWriter(spool) as writer:
        writer.append("log", RunKey(1, "t", "r"), [entry(2, "{}")], leg="pass")
        writer.mark("log", RunKey(1, "t", "r"), resource="run_log", position="3", state="settled")
    load_spool(warehouse, spool)
    assert rows(warehouse, LOG_CURSOR) == [("3", "settled")]


def test_only_entries_before_the_cursor_are_looked_up(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(0, "{}"), entry(1, "{}"))
    load_spool(warehouse, spool)
    batch = spooled(spool, "log", entry(1, "{}"), entry(2, "{}"))
    with warehouse.transaction("loading") as connection:
        load_batch.load_batch(connection, [whole(segment) for segment in batch], REAL.now())
        assert connection.execute("SELECT position FROM doubtful_positions").fetchall() == [(1,)]
    assert rows(warehouse, "SELECT position FROM raw.run_log_entries ORDER BY 1") == [(0,), (1,), (2,)]


def test_a_batch_of_log_entries_keeps_the_last_text_of_a_position(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(1, '{"a":1}'), entry(2, "{}"))
    spooled(spool, "log", entry(1, '{"a":2}'), entry(3, "{}"))
    loaded = load_spool(warehouse, spool)["log"]
    assert (loaded.segments, loaded.inserted, loaded.quarantined, loaded.duplicates) == (2, 3, 1, 0)
    assert rows(warehouse, "SELECT record_key, payload, kind FROM ledger.quarantine") == [
        ("r@1", '{"a":1}', "replaced")
    ]
    assert rows(warehouse, "SELECT position, payload FROM raw.run_log_entries ORDER BY position") == [
        (1, '{"a":2}'),
        (2, "{}"),
        (3, "{}"),
    ]
