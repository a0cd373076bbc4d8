"""When something is computed from events and stored: marked by a load or a version, due by its growth, once each."""

from typing import Any

import duckdb
import pytest

from taskhouse.spool.folder import Spool
from taskhouse.warehouse import derive
from taskhouse.warehouse.clock import set_back
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from tests.clocks import GivenClock
from tests.warehouse.spooled import entry, event, load_live, rows, spooled

MARKS = "SELECT run_id, is_stored, lines, derived_lines FROM mart.runs ORDER BY run_id"
SHOWN = "SELECT run_id, count(*) FROM main.run_timeline GROUP BY ALL ORDER BY ALL"
KEPT = "SELECT run_id, count(*) FROM mart.run_timeline GROUP BY ALL ORDER BY ALL"


def everything(warehouse: Warehouse) -> derive.Derived:
    return derive.derive(warehouse, everything=True)


def test_a_load_marks_the_runs_that_it_changed_and_no_others(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"), run="one")
    load_live(warehouse, spool, event("1-0", "{}"), run="two")
    assert (everything(warehouse).runs, everything(warehouse).runs) == (2, 0)
    load_live(warehouse, spool, event("1-0", "{}"), run="one")
    assert rows(warehouse, MARKS) == [("one", True, 1, 1), ("two", True, 1, 1)]  # a duplicate changes nothing
    load_live(warehouse, spool, event("1-0", "{}"), event("2-0", '{"a":1}'), run="one")
    assert rows(warehouse, MARKS) == [("one", False, 2, 1), ("two", True, 1, 1)]
    assert rows(warehouse, SHOWN) == [("one", 2), ("two", 1)]
    assert rows(warehouse, KEPT) == [("one", 1), ("two", 1)]
    assert everything(warehouse).runs == 1
    assert rows(warehouse, KEPT) == rows(warehouse, SHOWN) == [("one", 2), ("two", 1)]


def test_an_entry_that_another_reading_replaces_marks_its_run(warehouse: Warehouse, spool: Spool) -> None:
    spooled(spool, "log", entry(0, '{"type":"a"}'), entry(1, '{"type":"b"}'))
    load_spool(warehouse, spool)
    everything(warehouse)
    spooled(spool, "log", entry(1, '{"type":"c"}'))
    load_spool(warehouse, spool)
    assert everything(warehouse).runs == 1
    assert rows(warehouse, "SELECT payload FROM main.run_timeline ORDER BY ordinal") == [
        ('{"type":"a"}',),
        ('{"type":"c"}',),
    ]


def test_a_large_run_is_computed_when_it_has_grown_or_is_quiet(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derive, "SMALL_LINES", 5)
    given_clock = GivenClock(warehouse.clock.now)
    warehouse.clock = given_clock
    load_live(warehouse, spool, *(event(f"{number}-0", "{}") for number in range(8)))
    assert derive.derive(warehouse).runs == 1
    load_live(warehouse, spool, event("10-0", "{}"))
    done = derive.derive(warehouse)
    assert (done.runs, done.waiting_runs, done.waiting_lines) == (0, 1, 9)  # an eighth more
    assert rows(warehouse, SHOWN) == [("r", 9)]
    load_live(warehouse, spool, event("11-0", "{}"))
    assert derive.derive(warehouse).runs == 1  # a quarter more
    load_live(warehouse, spool, event("12-0", "{}"))
    assert derive.derive(warehouse).runs == 0
    later = given_clock.now() + derive.QUIET
    warehouse.clock = GivenClock(lambda: later)
    assert derive.derive(warehouse).runs == 1
    assert rows(warehouse, KEPT) == [("r", 11)]


def test_what_a_batch_computes_is_stored_whole_or_not_at_all(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_live(warehouse, spool, event("1-0", "{}"), run="one")
    everything(warehouse)
    load_live(warehouse, spool, event("2-0", "{}"), run="one")

    compute = derive.batch

    def interrupted(*given: Any, **named: Any) -> tuple[int, int]:
        compute(*given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(derive, "batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        everything(warehouse)
    monkeypatch.setattr(derive, "batch", compute)
    assert rows(warehouse, KEPT) == [("one", 1)]
    assert rows(warehouse, SHOWN) == [("one", 2)]
    assert everything(warehouse).runs == 1
    assert rows(warehouse, KEPT) == [("one", 2)]


def test_a_run_that_cannot_be_computed_does_not_hold_up_the_others(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in ("a", "bad", "c"):
        load_live(warehouse, spool, event("1-0", "{}"), run=run)
    compute = derive.batch

    def failing(connection: duckdb.DuckDBPyConnection, *given: Any, **named: Any) -> tuple[int, int]:
        done = compute(connection, *given, **named)
        stored = connection.execute("SELECT count(*) FROM mart.run_timeline WHERE run_id = 'bad'").fetchall()
        if stored[0][0]:
            raise duckdb.OutOfMemoryException("no memory")
        return done

    monkeypatch.setattr(derive, "batch", failing)
    done = everything(warehouse)
    assert (done.runs, done.waiting_runs) == (2, 1)
    assert rows(warehouse, KEPT) == [("a", 1), ("c", 1)]
    assert rows(warehouse, SHOWN) == [("a", 1), ("bad", 1), ("c", 1)]
    assert everything(warehouse).runs == 0


def test_time_is_up_after_a_batch(warehouse: Warehouse, spool: Spool) -> None:
    for run in ("a", "b", "c"):
        load_live(warehouse, spool, event("1-0", "{}"), run=run)
    assert derive.derive(warehouse, within_s=0, most=1).runs == 1
    assert derive.derive(warehouse, within_s=60, most=1).runs == 2


def test_forgetting_everything_computes_it_again(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"))
    everything(warehouse)
    derive.rebuild(warehouse)
    assert rows(warehouse, KEPT) == []
    assert rows(warehouse, SHOWN) == [("r", 1)]
    assert everything(warehouse).runs == 1
    assert rows(warehouse, KEPT) == [("r", 1)]


def test_moments_that_are_set_back_are_computed_again(warehouse: Warehouse, spool: Spool) -> None:
    load_live(warehouse, spool, event("1-0", "{}"))
    everything(warehouse)
    real = warehouse.clock.now()
    with warehouse.transaction("setting the clock back") as connection:
        connection.execute("UPDATE raw.run_events SET received_at = received_at + INTERVAL 2 DAY")
        set_back(connection, real)
    assert rows(warehouse, MARKS) == [("r", False, 1, None)]
    assert rows(warehouse, "SELECT last_received_at = received_at FROM mart.runs, raw.run_events") == [(True,)]
    assert everything(warehouse).runs == 1
    assert rows(warehouse, KEPT) == [("r", 1)]
