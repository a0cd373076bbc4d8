"""What is a gap and what is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, Whose
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import gaps
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool

RUN = Whose(1, "t", "r")
START = datetime(2026, 9, 1, tzinfo=UTC)
BASE = int(START.timestamp() * 1000)
NOW = datetime(2026, 9, 2, tzinfo=UTC)


def live(*numbers: int, boot: str = "1", at: int = 0) -> list[Entry]:
    """Events of the stream with the agent's numbers, one a millisecond."""
    return [
        Entry(f"{BASE + at + n}-0", None, json.dumps({"event_id": f"{boot}-{n}", "at": at}).encode(), redacted=False)
        for n in numbers
    ]


def log(*ranges: tuple[int, int], boot: str = "1") -> list[Entry]:
    """Entries of the log, each standing for a range of numbers."""
    return [
        Entry(None, position, json.dumps(told).encode(), redacted=False)
        for position, told in enumerate(
            {"event_id": f"{boot}-{last}"} | ({"first_event_id": f"{boot}-{first}"} if first != last else {})
            for first, last in ranges
        )
    ]


class Judge:
    """A warehouse that is filled through the spool and judged."""

    def __init__(self, warehouse: Warehouse, spool: Spool) -> None:
        self.warehouse, self.spool = warehouse, spool

    def hold(self, *, live: list[Entry] = [], log: list[Entry] = [], resumes: list[tuple[Any, Any, int]] = []) -> None:  # noqa: B006
        with SpoolWriter(self.spool) as writer:
            if live:
                writer.append("live", RUN, live, leg="django")
            if log:
                writer.append("log", RUN, log, leg="pass")
            for after, first, events in resumes:
                writer.resume("live", RUN, leg="django", after=after, first=first, events=events)
        load_spool(self.warehouse, self.spool)

    def judge(self) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction("judging") as connection:
            open_ = gaps.judge(connection, 1, ["r"], since=START, now=NOW)
            rows = connection.execute(
                "SELECT after_stream_id, before_stream_id, certain, repaired_from_log FROM ledger.gaps ORDER BY ALL"
            ).fetchall()
            assert open_ == sum(not row[3] for row in rows)
            return rows


def at(number: int) -> str:
    return f"{BASE + number}-0"


@pytest.fixture
def judge(warehouse: Warehouse, spool: Spool) -> Judge:
    return Judge(warehouse, spool)


def test_a_whole_stream_has_no_gap(judge: Judge) -> None:
    judge.hold(live=live(1, 2, 3), log=log((1, 1), (2, 3)))
    assert judge.judge() == []


def test_a_hole_that_the_log_does_not_fill_is_certain(judge: Judge) -> None:
    judge.hold(live=live(1, 2, 6, 7), log=log((1, 2)))
    assert judge.judge() == [(at(2), at(6), True, False)]


def test_a_hole_that_the_log_fills_is_repaired(judge: Judge) -> None:
    judge.hold(live=live(1, 2, 6, 7), log=log((1, 2), (3, 5), (6, 7)))
    assert judge.judge() == [(at(2), at(6), True, True)]


def test_what_was_before_the_first_look_and_stands_in_the_log_is_no_gap(judge: Judge) -> None:
    judge.hold(live=live(5, 6), log=log((1, 4), (5, 6)))
    assert judge.judge() == []


def test_what_was_before_the_first_look_and_is_nowhere_is_certain(judge: Judge) -> None:
    judge.hold(live=live(5, 6))
    assert judge.judge() == [(None, at(5), True, False)]


def test_what_came_after_the_last_look_and_stands_in_the_log_is_no_gap(judge: Judge) -> None:
    judge.hold(live=live(1, 2), log=log((1, 9)))
    assert judge.judge() == []


def test_a_run_of_which_only_the_log_is_held_has_no_gap(judge: Judge) -> None:
    judge.hold(log=log((1, 2), (5, 6)))
    assert judge.judge() == []


def test_stream_ids_that_are_not_dense_are_no_gap(judge: Judge) -> None:
    events = [Entry(f"{BASE + n * 1000}-{n}", None, b"{}", redacted=False) for n in range(5)]
    judge.hold(live=[*events, Entry(None, None, b"{}", redacted=False)])
    assert judge.judge() == []


def test_each_boot_counts_for_itself(judge: Judge) -> None:
    judge.hold(live=[*live(1, 2), *live(1, 3, boot="2", at=100)])
    assert judge.judge() == [(at(101), at(103), True, False)]


def test_a_short_resume_cannot_have_crossed_a_trim(judge: Judge) -> None:
    events = [Entry(f"{BASE + n}-0", None, b"{}", redacted=False) for n in range(5)]
    judge.hold(live=events, resumes=[(at(1), at(2), gaps.WINDOW - 1)])
    assert judge.judge() == []


def test_a_long_resume_may_have_crossed_a_trim(judge: Judge) -> None:
    events = [Entry(f"{BASE + n}-0", None, b"{}", redacted=False) for n in range(5)]
    judge.hold(live=events, resumes=[(at(1), at(4), gaps.WINDOW), (None, at(0), 9999)])
    assert judge.judge() == [(at(1), at(4), False, False)]


def test_a_long_resume_across_which_the_numbers_run_on_lost_nothing(judge: Judge) -> None:
    judge.hold(live=live(1, 2, 3, 4), resumes=[(at(2), at(3), gaps.WINDOW)])
    assert judge.judge() == []


def test_judging_again_keeps_the_time_and_a_repair_shows(judge: Judge) -> None:
    judge.hold(live=live(1, 4))
    judge.judge()
    with judge.warehouse.transaction("later") as connection:
        gaps.judge(connection, 1, ["r"], since=START, now=datetime(2026, 10, 1, tzinfo=UTC))
        assert connection.execute("SELECT detected_at FROM ledger.gaps").fetchall() == [(NOW,)]
    judge.hold(log=log((2, 3)))
    assert judge.judge() == [(at(1), at(4), True, True)]


@settings(max_examples=40, deadline=None)
@given(
    held=st.sets(st.integers(1, 12), min_size=1),
    logged=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=5),
)
def test_every_number_is_held_or_in_a_gap(
    tmp_path_factory: pytest.TempPathFactory, held: set[int], logged: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("gaps")
    judge = Judge(Warehouse(folder / "w.duckdb", host="http://localhost:1"), Spool(folder / "spool"))
    judge.hold(live=live(*sorted(held)), log=log(*[(first, first + more) for first, more in logged]))
    covered = {number for first, more in logged for number in range(first, first + more + 1)}
    lost = set(range(1, max(held | covered) + 1)) - held - covered
    judge.judge()
    with judge.warehouse.transaction("reading") as connection:
        told = connection.execute("SELECT how FROM ledger.gaps WHERE NOT repaired_from_log").fetchall()
    spans = [[int(part.split("-")[1]) for part in how.split() if part.startswith("1-")] for (how,) in told]
    assert {number for first, last in spans for number in range(first, last + 1)} == lost
