"""What is a gap and what is none."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.capture.logs import SHOWN
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import gaps
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from tests.warehouse.gap_kinds import agree

pytestmark = pytest.mark.usefixtures("attached")

RUN = RunKey(1, "t", "r")
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
        Entry(None, position, json.dumps(ids).encode(), redacted=False)
        for position, ids in enumerate(
            {"event_id": f"{boot}-{last}"} | ({"first_event_id": f"{boot}-{first}"} if first != last else {})
            for first, last in ranges
        )
    ]


class SearchedRun:
    """One run in a warehouse that is filled through the spool and searched for gaps."""

    def __init__(self, warehouse: Warehouse, spool: Spool) -> None:
        self.warehouse, self.spool = warehouse, spool
        self.run = RunKey(1, "t", secrets.token_hex(8))

    def hold(self, *, live: list[Entry] = [], log: list[Entry] = []) -> None:  # noqa: B006
        with SpoolWriter(self.spool) as writer:
            if live:
                writer.append("live", self.run, live, leg="django")
            if log:
                writer.append("log", self.run, log, leg="pass")
        load_spool(self.warehouse, self.spool)

    def find_gaps(self) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction("searching for gaps") as connection:
            open_ = gaps.find_gaps(connection, 1, [self.run.run_id], since=START, now=NOW)
        rows = self.rows("after_stream_id, before_stream_id, certain, repaired_from_log")
        assert open_ == sum(not row[3] for row in rows)
        assert all(agree(*row) for row in self.rows("kind, how"))
        return rows

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction("reading") as connection:
            return connection.execute(
                f"SELECT {columns} FROM ledger.gaps WHERE run_id = ? ORDER BY ALL", [self.run.run_id]
            ).fetchall()


def test_a_log_that_a_later_run_showed_and_that_was_never_read_is_a_gap(searched: SearchedRun) -> None:
    with SpoolWriter(searched.spool) as writer:
        writer.mark("log", searched.run, resource="run_log", position="0", state="settled")
    load_spool(searched.warehouse, searched.spool)
    assert searched.find_gaps() == []
    with SpoolWriter(searched.spool) as writer:
        writer.mark("log", searched.run, resource=SHOWN, position="10", state="shown")
    load_spool(searched.warehouse, searched.spool)
    assert searched.find_gaps() == [(None, None, False, False)]
    searched.hold(log=log((1, 3)))
    assert searched.find_gaps() == []


def at(number: int) -> str:
    return f"{BASE + number}-0"


@pytest.fixture
def searched(shared: tuple[Warehouse, Spool]) -> SearchedRun:
    return SearchedRun(*shared)


def test_a_whole_stream_has_no_gap(searched: SearchedRun) -> None:
    searched.hold(live=live(1, 2, 3), log=log((1, 1), (2, 3)))
    assert searched.find_gaps() == []


def test_a_hole_that_the_log_does_not_fill_is_certain(searched: SearchedRun) -> None:
    searched.hold(live=live(1, 2, 6, 7), log=log((1, 2)))
    assert searched.find_gaps() == [(at(2), at(6), True, False)]


def test_a_hole_that_the_log_fills_is_repaired(searched: SearchedRun) -> None:
    searched.hold(live=live(1, 2, 6, 7), log=log((1, 2), (3, 5), (6, 7)))
    assert searched.find_gaps() == [(at(2), at(6), True, True)]


def test_what_was_before_the_first_look_and_stands_in_the_log_is_no_gap(searched: SearchedRun) -> None:
    searched.hold(live=live(5, 6), log=log((1, 4), (5, 6)))
    assert searched.find_gaps() == []


def test_what_was_before_the_first_look_and_is_nowhere_is_certain(searched: SearchedRun) -> None:
    searched.hold(live=live(5, 6))
    assert searched.find_gaps() == [(None, at(5), True, False)]


def test_what_came_after_the_last_look_and_stands_in_the_log_is_no_gap(searched: SearchedRun) -> None:
    searched.hold(live=live(1, 2), log=log((1, 9)))
    assert searched.find_gaps() == []


def test_a_run_of_which_only_the_log_is_held_has_no_gap(searched: SearchedRun) -> None:
    searched.hold(log=log((1, 2), (5, 6)))
    assert searched.find_gaps() == []


def test_stream_ids_that_are_not_dense_are_no_gap(searched: SearchedRun) -> None:
    events = [Entry(f"{BASE + n * 1000}-{n}", None, b"{}", redacted=False) for n in range(5)]
    searched.hold(live=[*events, Entry(None, None, b"{}", redacted=False)])
    assert searched.find_gaps() == []


def test_each_boot_counts_for_itself(searched: SearchedRun) -> None:
    searched.hold(live=[*live(1, 2), *live(1, 3, boot="2", at=100)])
    assert searched.find_gaps() == [(at(101), at(103), True, False)]


def logged(boot: str, *ranges: tuple[int, int], at: int) -> list[Entry]:
    """Entries of the log that say when they happened."""
    stamp = (START + timedelta(milliseconds=at)).isoformat()
    said = [json.loads(entry.data) | {"timestamp": stamp, "type": "notification"} for entry in log(*ranges, boot=boot)]
    return [Entry(None, position, json.dumps(each).encode(), redacted=False) for position, each in enumerate(said)]


def test_a_boot_that_only_the_log_knows_is_a_gap_between_boots_that_came_live(searched: SearchedRun) -> None:
    searched.hold(live=[*live(1, 2), *live(1, 2, boot="3", at=5000)], log=logged("2", (1, 30), at=3000))
    assert searched.find_gaps() == [(at(2), at(5001), True, True)]
    assert searched.rows("how") == [("the agent's events 2-1 to 2-30 came only from the log",)]


def test_what_the_log_lacks_of_a_boot_that_only_it_knows_is_lost(searched: SearchedRun) -> None:
    searched.hold(live=[*live(1, 2), *live(1, 2, boot="3", at=5000)], log=logged("2", (5, 30), at=3000))
    assert searched.find_gaps() == [(at(2), at(5001), True, False), (at(2), at(5001), True, True)]


@pytest.mark.parametrize("moment", [-3000, 9000])
def test_a_boot_that_only_the_log_knows_is_no_gap_before_the_first_look_or_after_the_last(
    searched: SearchedRun, moment: int
) -> None:
    searched.hold(live=[*live(1, 2), *live(1, 2, boot="3", at=5000)], log=logged("2", (1, 30), at=moment))
    assert searched.find_gaps() == []


def update(event_id: str | None) -> bytes:
    said = {"type": "notification", "notification": {"params": {"update": {"sessionUpdate": "agent_message"}}}}
    return json.dumps(said | ({"event_id": event_id} if event_id else {})).encode()


@pytest.mark.parametrize(
    ("ids", "state", "repaired"),
    [
        (["1-1", "1-2", "1-3"], "settled", True),
        (["1-1", "1-2", "1-3"], "drained", False),
        (["1-1", "1-3"], "settled", False),
        (["1-1", None, "1-2"], "settled", False),
        ([None, None], "settled", False),
        ([], "settled", False),
    ],
)
def test_a_lost_stream_is_filled_by_a_log_only_where_numbers_prove_it(
    searched: SearchedRun, ids: list[str | None], state: str, *, repaired: bool
) -> None:
    searched.hold(log=[Entry(None, place, update(event_id), redacted=False) for place, event_id in enumerate(ids)])
    with searched.warehouse.transaction("a stream is lost") as connection:
        connection.execute("DELETE FROM ledger.cursors WHERE key = ?", [searched.run.run_id])
        for resource, now in (("run_stream_lost", "not_found"), ("run_log", state)):
            connection.execute(
                "INSERT INTO ledger.cursors BY NAME SELECT 1 AS project_id, ? AS resource, ? AS key, ? AS state,"
                " ? AS updated_at, 'test' AS updated_by",
                [resource, searched.run.run_id, now, NOW],
            )
    assert searched.find_gaps() == [(None, None, False, repaired)]


def test_searching_again_keeps_the_time_and_a_repair_shows(searched: SearchedRun) -> None:
    searched.hold(live=live(1, 4))
    searched.find_gaps()
    with searched.warehouse.transaction("later") as connection:
        gaps.find_gaps(connection, 1, [searched.run.run_id], since=START, now=datetime(2026, 10, 1, tzinfo=UTC))
    assert searched.rows("detected_at") == [(NOW,)]
    searched.hold(log=log((2, 3)))
    assert searched.find_gaps() == [(at(1), at(4), True, True)]


@settings(max_examples=15)
@given(
    held=st.sets(st.integers(1, 12), min_size=1),
    logged=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=5),
)
def test_every_number_is_held_or_in_a_gap(
    shared: tuple[Warehouse, Spool], held: set[int], logged: list[tuple[int, int]]
) -> None:
    searched = SearchedRun(*shared)
    searched.hold(live=live(*sorted(held)), log=log(*[(first, first + more) for first, more in logged]))
    covered = {number for first, more in logged for number in range(first, first + more + 1)}
    top = max(held | covered)
    lost = set(range(1, top + 1)) - held - covered
    repaired = {number for number in covered - held if min(held) < number < max(held)}
    searched.find_gaps()
    found: dict[bool, set[int]] = {False: set(), True: set()}
    for how, in_log in searched.rows("how, repaired_from_log"):
        first, last = (int(part.split("-")[1]) for part in how.split() if part.startswith("1-"))
        stretch = set(range(first, last + 1))
        assert not stretch & (held | found[False] | found[True])
        assert first - 1 not in found[in_log]
        assert last + 1 not in found[in_log], "an unbroken stretch is one gap"
        found[in_log] |= stretch
    assert found == {False: lost, True: repaired}


def text(event_id: Any, **more: Any) -> bytes:
    return json.dumps({"event_id": event_id, **more}).encode()


NO_NUMBERS = (
    "x-9223372036854775807",
    "x-9223372036854775808",
    "x-170141183460469231731687303715884105728",
    "x-" + "9" * 400,
    "x-1000000000000000",
    "y" * 300 + "-3",
    "x-٣",
    "x-+3",
    "x-3 ",
    "x-",
    "-",
    "-3",
    "3",
    "",
    "x-1e3",
    "x-0x3",
)


def test_what_is_no_number_or_beyond_all_counting_is_none(searched: SearchedRun) -> None:
    events = [Entry(at(9 + n), None, text(name), redacted=False) for n, name in enumerate(NO_NUMBERS)]
    entries = [
        Entry(None, position, content, redacted=False)
        for position, content in enumerate(
            [
                *(text(name) for name in NO_NUMBERS),
                *(text(name, first_event_id="x-1") for name in NO_NUMBERS),
                *(text("1-3", first_event_id=name) for name in NO_NUMBERS),
            ]
        )
    ]
    searched.hold(live=[*live(1, 2, 4), *events], log=entries)
    assert searched.find_gaps() == [(at(2), at(4), True, True)]


def test_a_boot_is_any_text(searched: SearchedRun) -> None:
    boots = ("k9d2x", "bootA", "a-b", "-", "1-", "ü\n", "a\u0000b", " ")
    held = [event for n, boot in enumerate(boots) for event in live(1, 2, 5, boot=boot, at=n * 10)]
    entries = [Entry(None, n, text(f"{boot}-3"), redacted=False) for n, boot in enumerate(boots)]
    searched.hold(live=held, log=entries)
    wanted = [(at(n * 10 + 2), at(n * 10 + 5), True, in_log) for n in range(len(boots)) for in_log in (False, True)]
    assert searched.find_gaps() == sorted(wanted)


def test_zeros_before_a_number_change_nothing(searched: SearchedRun) -> None:
    events = [Entry(at(n), None, text(name), redacted=False) for n, name in ((1, "b-0001"), (2, "b-" + "0" * 40 + "3"))]
    searched.hold(live=events)
    assert searched.find_gaps() == [(at(1), at(2), True, False)]


def test_a_hole_is_one_row_and_costs_the_same_however_long_it_is(searched: SearchedRun) -> None:
    far = 999_999_999_999_999
    events = [Entry(at(n), None, text(f"b{n}-{far}"), redacted=False) for n in range(200)]
    entries = [Entry(None, n, text(f"b{n}-{far - 5}"), redacted=False) for n in range(200)]
    searched.hold(live=[*live(1, 2_000_000_000, at=300), *events], log=entries)
    assert len(searched.find_gaps()) == 1 + 2 * 200
    hows = {how for (how,) in searched.rows("how")}
    assert "the agent's events 1-2 to 1-1999999999 are in neither layer" in hows


def test_an_entry_of_the_log_that_claims_more_than_a_million_events_is_believed_for_its_last_alone(
    searched: SearchedRun,
) -> None:
    searched.hold(live=live(1, 3_000_000), log=log((2, 2_999_999)))
    assert searched.find_gaps() == [(at(1), at(3_000_000), True, False), (at(1), at(3_000_000), True, True)]
    assert searched.rows("how") == [
        ("the agent's events 1-2 to 1-2999998 are in neither layer",),
        ("the agent's events 1-2999999 to 1-2999999 came only from the log",),
    ]


def test_a_run_that_cannot_be_searched_stops_no_other_and_is_a_possible_gap(
    shared: tuple[Warehouse, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [SearchedRun(*shared) for _ in range(5)]
    for run in runs:
        run.hold(live=live(1, 3))
    bad, whole = runs[3].run.run_id, gaps.find_gaps

    def refusing(connection: Any, project_id: int, run_ids: Any, **moments: Any) -> int:
        if bad in run_ids:
            connection.execute("SELECT CAST('x' AS BIGINT)")
        return whole(connection, project_id, run_ids, **moments)

    monkeypatch.setattr(gaps, "find_gaps", refusing)
    failed = gaps.search_runs(shared[0], 1, {run.run.run_id: START for run in runs}, now=NOW)
    assert list(failed) == [bad]
    assert "Could not convert string 'x'" in failed[bad]
    assert [run.rows("certain") for run in runs] == [[(run is not runs[3],)] for run in runs]
    monkeypatch.undo()
    assert runs[3].find_gaps() == [(at(1), at(3), True, False)], "a later search takes its place"
