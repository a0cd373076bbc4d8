"""What may be missing where a stream was taken up again, and at its end."""

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskhouse.spool import line
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import gaps
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from tests.warehouse.gap_kinds import agree

START = datetime(2026, 9, 1, tzinfo=UTC)
BASE = int(START.timestamp() * 1000)
HOUR = 3_600_000
WINDOWS = (200,)
"""A small window keeps these tests quick; what is known of real servers is tested apart."""


class Server:
    """One run's stream as a reader captures it: events stand at milliseconds after the start."""

    def __init__(self, warehouse: Warehouse, spool: Spool) -> None:
        self.warehouse, self.spool = warehouse, spool
        self.run = RunKey(1, "t", secrets.token_hex(8))

    def hold_at_once(self, ms: int, count: int) -> None:
        """Receive events that the server took in one millisecond."""
        entries = [Entry(at(ms, n), None, b'{"n":1}', redacted=False) for n in range(count)]
        with SpoolWriter(self.spool) as writer:
            writer.append("live", self.run, entries, leg="django")

    def hold(self, numbers: Iterable[int], *, texts: dict[int, dict[str, Any]] | None = None, boot: str = "") -> None:
        """Receive events."""
        named = {n: {"event_id": f"{boot}-{n}"} for n in numbers} if boot else {}
        entries = [
            Entry(
                at(n),
                None,
                json.dumps(((texts or {}).get(n) or named.get(n) or {}) | {"n": n}).encode(),
                redacted=False,
            )
            for n in numbers
        ]
        with SpoolWriter(self.spool) as writer:
            writer.append("live", self.run, entries, leg="django")

    def connect(
        self,
        first: int,
        at_ms: int,
        *,
        after: int | None = None,
        heard_ms: int | None = None,
        joined: bool | None = None,
        sequence: int = 0,
    ) -> None:
        """A connection that began at a moment by the server's clock."""
        with SpoolWriter(self.spool) as writer:
            writer.resume(
                "live",
                self.run,
                leg="django",
                after=None if after is None else at(after),
                first=at(first, sequence),
                connected_at=when(at_ms),
                heard_at=None if heard_ms is None else when(heard_ms),
                joined=joined,
            )

    def end(self, ending: str, leg: str = "django", *, after: int | None = None) -> None:
        with SpoolWriter(self.spool) as writer:
            writer.ended("live", self.run, leg=leg, after=None if after is None else at(after), ending=ending)

    def log(self, *event_ids: str) -> None:
        entries = [
            Entry(None, position, json.dumps({"event_id": name}).encode(), redacted=False)
            for position, name in enumerate(event_ids)
        ]
        with SpoolWriter(self.spool) as writer:
            writer.append("log", self.run, entries, leg="pass")
            writer.mark("log", self.run, resource="run_log", position=str(len(entries)), state="settled")

    def over(self, completed_ms: int, status: str = "completed") -> None:
        """The run has ended, as a pass over the runs found it."""
        with self.warehouse.transaction("a version") as connection:
            connection.execute(
                "INSERT INTO raw.run_versions BY NAME SELECT 1 AS project_id, 't' AS task_id, $1 AS run_id,"
                " $2 AS status, 'run' AS observed_in, 'x' AS content_hash, 'p' AS pass_id, 0 AS page,"
                " $3::TIMESTAMPTZ AS completed_at, $3::TIMESTAMPTZ AS valid_from, $4::TIMESTAMPTZ AS created_at",
                [self.run.run_id, status, when(completed_ms), START],
            )

    def find_gaps(self, *, now_ms: int = HOUR, windows: tuple[int, ...] | None = WINDOWS) -> list[tuple[Any, ...]]:
        """After, before and certain of every gap; searching again changes nothing."""
        load_spool(self.warehouse, self.spool)
        found = []
        for _ in range(2):
            with self.warehouse.transaction("searching for gaps") as connection:
                gaps.find_gaps(connection, 1, [self.run.run_id], since=START, now=when(now_ms), windows=windows)
                rows = connection.execute(
                    "SELECT after_stream_id, before_stream_id, certain FROM ledger.gaps"
                    " WHERE run_id = ? AND NOT repaired_from_log ORDER BY before_stream_id NULLS LAST, certain",
                    [self.run.run_id],
                ).fetchall()
                assert all(agree(*row) for row in connection.execute("SELECT kind, how FROM ledger.gaps").fetchall())
            found.append([tuple(_number(part) for part in row) for row in rows])
        assert found[0] == found[1]
        return found[0]


def at(number: int, sequence: int = 0) -> str:
    return f"{BASE + number}-{sequence}"


def when(ms: int) -> datetime:
    return START + timedelta(milliseconds=ms)


def _number(part: Any) -> Any:
    return int(part.split("-")[0]) - BASE if isinstance(part, str) else part


def state(status: str) -> dict[str, Any]:
    return {"type": "task_run_state", "status": status}


@pytest.fixture
def server(shared: tuple[Warehouse, Spool], attached: None) -> Server:  # noqa: ARG001 - opened many times
    return Server(*shared)


def test_a_backlog_that_fills_the_window_may_have_been_trimmed(server: Server) -> None:
    server.hold([1, 2, *range(1000, 1205)])
    server.connect(1000, 20_000, after=2)
    assert server.find_gaps() == [(2, 1000, False)]


def test_between_two_ids_of_one_millisecond_that_follow_each_other_nothing_can_be_missing(server: Server) -> None:
    server.hold([1])
    server.hold_at_once(1000, 205)
    server.connect(1000, 20_000, after=1000, sequence=5)
    assert server.find_gaps() == []
    server.connect(1000, 20_000, after=1)
    assert server.find_gaps() == [(1, 1000, False)]


@pytest.mark.parametrize(
    ("waiting", "suspect"),
    [(185, False), (190, True), (310, True), (311, False), pytest.param(200, True, marks=pytest.mark.worlds)],
)
def test_only_what_a_window_keeps_fills_it(server: Server, waiting: int, suspect: bool) -> None:  # noqa: FBT001
    server.hold([1, 2, *range(1000, 1000 + waiting)])
    server.connect(1000, 20_000, after=2)
    assert server.find_gaps() == ([(2, 1000, False)] if suspect else [])


@pytest.mark.parametrize(
    ("waiting", "suspect"),
    [
        (1500, False),
        (2050, True),
        (30_000, True),
        *(
            pytest.param(*more, marks=pytest.mark.worlds)
            for more in ((3000, False), (5020, True), (6000, False), (20_030, True))
        ),
    ],
)
def test_the_windows_of_all_known_servers_are_tried(server: Server, waiting: int, suspect: bool) -> None:  # noqa: FBT001
    server.hold([1, 2, *range(1000, 1000 + waiting)])
    server.connect(1000, 60_000, after=2)
    assert server.find_gaps(windows=None) == ([(2, 1000, False)] if suspect else [])


def test_a_stream_that_was_seen_to_keep_more_has_a_longer_window(server: Server) -> None:
    server.hold([1, *range(1000, 4000), *range(100_000, 102_020)])
    server.connect(1000, 10_000, after=1)
    server.connect(100_000, 110_000, after=3999)
    assert server.find_gaps(windows=None) == []


def test_500_events_fill_a_window_only_of_a_run_that_numbers_them(server: Server) -> None:
    server.hold([1, 2, *range(1000, 1510)])
    server.connect(1000, 20_000, after=2)
    assert server.find_gaps(windows=None) == []
    server.hold([1600], boot="b")
    assert (2, 1000, False) in server.find_gaps(windows=None)


def test_events_that_came_live_are_no_backlog(server: Server) -> None:
    server.hold(range(1, 40_000, 100))  # ten a second for 40 seconds
    for first, at_ms in ((1, 0), (9001, 8_950), (20_001, 19_950), (30_001, 29_950)):
        server.connect(first, at_ms, after=first - 100 if first > 1 else None)
    assert server.find_gaps() == []


def test_a_seam_that_an_interruption_split_is_one_backlog(server: Server) -> None:
    server.hold([1, *range(1000, 1205)])
    server.connect(1000, 20_000, after=1)
    server.connect(1050, 25_000, after=1049)
    assert server.find_gaps() == [(1, 1000, False)]


def test_what_is_missing_later_makes_an_earlier_backlog_uncertain(server: Server) -> None:
    server.hold([1, *range(1000, 1030), *range(30_000, 30_202)])
    server.connect(1000, 20_000, after=1)
    server.connect(30_000, 60_000, after=1029)
    assert server.find_gaps() == [(1029, 30_000, False)], "the first connection had nothing of the second backlog"
    other = Server(server.warehouse, server.spool)
    other.hold([1, *range(1000, 1030), *range(15_000, 35_200, 100)])
    other.connect(1000, 20_000, after=1)
    other.connect(15_000, 60_000, after=1029)
    assert other.find_gaps() == [(1, 1000, False), (1029, 15_000, False)], (
        "80 are held that were waiting, maybe of many more"
    )


def test_numbers_that_run_on_across_a_seam_lost_nothing(server: Server) -> None:
    server.hold([0], texts={0: state("queued")})
    server.hold(range(1, 301), boot="b")
    server.connect(0, 0)
    server.connect(101, 20_000, after=100)
    assert server.find_gaps() == []


def test_numbers_that_jump_prove_the_gap_and_it_is_told_once(server: Server) -> None:
    server.hold([*range(1, 101), *range(150, 350)], boot="b")
    server.connect(150, 20_000, after=100)
    assert server.find_gaps() == [(100, 150, True)]


def test_a_state_between_numbered_events_hides_nothing(server: Server) -> None:
    server.hold(range(1, 100), boot="b")
    server.hold([100], texts={100: state("in_progress")})
    server.hold([101], texts={101: {"event_id": "b-100"}})
    server.hold(range(102, 302), texts={n: {"event_id": f"b-{n - 1}"} for n in range(102, 302)})
    server.connect(101, 20_000, after=100)
    assert server.find_gaps() == []


def test_between_events_without_numbers_the_numbers_prove_nothing(server: Server) -> None:
    """The agent numbers some: events without a number may be missing though the numbers run on."""
    server.hold([1], boot="b")
    server.hold(range(1000, 1205), texts={1100: {"event_id": "b-2"}})
    server.hold([2])
    server.connect(1000, 20_000, after=2)
    assert server.find_gaps() == [(2, 1000, False)]


def test_without_the_server_s_clock_our_own_must_do(server: Server) -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    backlog = [now_ms - BASE - 600_000 + n for n in range(205)]
    live = [now_ms - BASE + n * 1000 for n in range(5)]
    server.hold([1, *backlog, *live])
    with SpoolWriter(server.spool) as writer:
        writer.resume(
            "live", server.run, leg="django", after=at(1), first=at(backlog[0]), connected_at=None, heard_at=None
        )
    assert server.find_gaps() == [(1, backlog[0], False)]


def test_a_fact_of_the_version_before_is_judged_by_what_is_held(server: Server) -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    backlog = [now_ms - BASE - 600_000 + n for n in range(205)]
    server.hold([1, *backlog])
    with SpoolWriter(server.spool) as writer:
        segment = writer._segment("live")
        facts = {"after": at(1), "first": at(backlog[0]), "events": 99_999}
        segment.write(
            line.encode_fact(server.run, "resume", facts, number=0, leg="django", arrived_us=now_ms * 1000), 1
        )
    assert server.find_gaps() == [(1, backlog[0], False)]
    with server.warehouse.transaction("reading") as connection:
        assert connection.execute(
            "SELECT events, connected_at FROM ledger.stream_connections WHERE run_id = ?", [server.run.run_id]
        ).fetchall() == [(99_999, None)]


def test_hostile_ids_and_times_raise_nothing(server: Server) -> None:
    server.hold([1, 2])
    with SpoolWriter(server.spool) as writer:
        texts = ["18446744073709551615-18446744073709551615", "18446744073709551616-0", "-", "x", "", "1-", "-1-1"]
        entries = [Entry(text, None, b"{}", redacted=False) for text in texts]
        for text in texts:
            writer.resume(
                "live",
                server.run,
                leg="django",
                after=text,
                first=text,
                connected_at=datetime(1, 1, 1, tzinfo=UTC),
                heard_at=datetime(9999, 12, 31, tzinfo=UTC),
            )
        writer.append("live", server.run, entries, leg="django")
    server.find_gaps(windows=None)


def test_a_stream_that_began_anew_before_its_end_was_read_is_a_gap(server: Server) -> None:
    server.hold([1, 2, 3, 9000, 9001], texts={1: state("queued"), 9000: state("queued")})
    server.connect(1, 0)
    server.connect(9000, 9_500, after=3)
    assert server.find_gaps() == [(3, 9000, False)]


@pytest.mark.parametrize("whole", ["state", "end"])
def test_a_stream_that_began_anew_after_its_end_is_none(server: Server, whole: str) -> None:
    server.connect(1, 0)
    server.hold([1, 2, 3], texts={1: state("queued"), 3: state("failed") if whole == "state" else {}})
    if whole == "end":
        server.end("stream_end")
    server.connect(9000, 9_500, after=3)
    server.hold([9000, 9001], texts={9000: state("queued")})
    assert server.find_gaps() == []


def test_a_stream_that_no_longer_held_the_last_event_is_a_gap_even_if_nothing_is_numbered(server: Server) -> None:
    server.hold([1, 2, 3, 500], texts={1: state("queued")})
    server.connect(1, 0)
    server.connect(500, 900, after=3, joined=False)
    assert server.find_gaps() == [(3, 500, False)]


def test_a_life_that_came_and_went_after_an_end_that_was_read_is_a_gap(server: Server) -> None:
    server.hold([1, 2, 3, 9000], texts={1: state("queued"), 3: state("completed")})
    server.connect(1, 0)
    server.connect(9000, 9_500, after=3, joined=False)
    assert server.find_gaps() == [(3, 9000, False)]


def test_an_id_that_came_again_with_another_text_is_a_gap_whatever_stood_before_it(server: Server) -> None:
    server.hold([1])
    server.connect(1, 0)
    server.connect(1, 900, after=1, joined=False)
    server.hold([1, 2], texts={1: {"other": True}})
    server.connect(2, 950, after=1, joined=True)
    assert server.find_gaps() == [(1, 1, False)]


def test_a_stream_that_still_held_it_has_none_however_much_was_waiting(server: Server) -> None:
    server.hold([1, 2, 3, *range(10_000, 10_200)])
    server.connect(1, 0)
    server.connect(10_000, 20_000, after=3, joined=True)
    assert server.find_gaps() == []


def test_what_numbers_tell_is_told_once(server: Server) -> None:
    server.hold([1, 2, 3, 5, 6], boot="b")
    server.connect(1, 0)
    server.connect(5, 900, after=3, joined=False)
    assert server.find_gaps() == [(3, 5, True)]


def test_a_second_state_at_the_start_is_no_new_beginning(server: Server) -> None:
    server.hold([1, 2, 3], texts={1: state("queued"), 2: state("queued")})
    server.connect(1, 0)
    server.connect(2, 1, after=1)
    assert server.find_gaps() == []


def test_a_stream_that_rested_until_it_was_gone_is_a_gap_if_nobody_read_it(server: Server) -> None:
    server.hold([1, 2, 7 * HOUR], texts={1: state("queued")})
    server.connect(1, 0)
    server.connect(7 * HOUR, 7 * HOUR - 1000, after=2)
    assert server.find_gaps() == [(2, 7 * HOUR, False)]


def test_a_stream_that_rested_while_it_was_read_is_none(server: Server) -> None:
    server.hold([1, 2, 7 * HOUR], texts={1: state("queued")})
    server.connect(1, 0)
    server.connect(7 * HOUR, 7 * HOUR - 1000, after=2, heard_ms=7 * HOUR - 3000)
    assert server.find_gaps() == []


@pytest.mark.parametrize("ended", [True, False])
def test_a_stream_that_its_log_outgrew_is_a_gap_whatever_end_was_read_before(server: Server, *, ended: bool) -> None:
    server.connect(1, 0)
    server.hold([1, 2, 3], texts={1: state("queued")})
    if ended:
        server.end("stream_end")
    server.end("outgrown", after=3)
    assert server.find_gaps() == [(3, None, False)]
    server.connect(9000, 9_500, after=3)
    server.hold([9000, 9001])
    assert server.find_gaps() == [(3, 9000, False)]
