"""Thin-tail and presence-gated streams, rule by rule: what precedes the live stream, and what never gets there."""

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest

from taskhouse.emulator.backlog import BUSY, UNAVAILABLE, Backlog, Covered, event_id_of, is_stored
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.sse import KEEPALIVE, ROTATED, STREAM_END, Mode, error_frame, frames
from taskhouse.emulator.streams import RunStream, StreamSettings, StreamStore

NOW = 1_795_541_018_000
BEGIN = datetime.fromtimestamp(NOW / 1000, UTC)
ID = re.compile(r"^id: (\S+)$", re.MULTILINE)
LOG = [
    '{"n":0,"event_id":"1-1"}',
    '{"n":1,"text":"é"}',
    '{"n":2,"first_event_id":"1-2","event_id":"1-4"}',
    '{"n":3,"event_id":"1-5"}',
]


class Run:
    """A run that is over, or not."""

    id = "run"

    def __init__(self, *, over: bool = False) -> None:
        self.over = over

    def is_terminal(self) -> bool:
        return self.over

    def state_frame(self) -> str:
        return '{"type": "task_run_state"}'


def live(number: int | None, boot: int = 1) -> str:
    return json.dumps({"live": number} if number is None else {"live": number, "event_id": f"{boot}-{number}"})


def backlog(texts: list[str] | None = None, *, most: int = 10**6, trouble: str | None = None) -> Backlog:
    entries = LOG if texts is None else texts
    return Backlog(lambda: entries, lambda: entries, most_bytes=most, trouble=trouble)


class World:
    """A store with one run's stream, and readers of it that run until the server closes."""

    def __init__(self, settings: StreamSettings | None = None) -> None:
        self.clock = Clock(speed=0, start=BEGIN)
        self.store = StreamStore(settings or StreamSettings(), self.clock)
        self.stream = self.store.stream("run")

    def write(self, *texts: str) -> list[str]:
        return [self.stream.append(text, self.clock.now_ms()) for text in texts]

    def read(
        self, mode: Mode, cursor: str | None = None, *, latest: bool = False, over: bool = False, limit_s: float = 1000
    ) -> str:
        async def story() -> bytes:
            got: list[bytes] = []

            async def reading() -> None:
                connection = frames(
                    self.store, Run(over=over), last_event_id=cursor, start_latest=latest, clock=self.clock, mode=mode
                )
                async for frame in connection:
                    got.append(frame)  # noqa: PERF401 - a cut connection keeps what came

            task = asyncio.create_task(reading())
            until_ms = self.clock.now_ms() + limit_s * 1000
            while not task.done() and self.clock.now_ms() < until_ms:
                for _ in range(8):
                    await asyncio.sleep(0)
                if (wake_s := self.clock.next_wake_s()) is not None:
                    self.clock.advance(wake_s)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return b"".join(got)

        return asyncio.run(story()).decode()

    def ids(self, cursor: str | None = None, *, latest: bool = False, log: Backlog | None = None) -> list[str]:
        return ID.findall(self.read(Mode(backlog=log or backlog()), cursor, latest=latest))


@pytest.fixture
def world() -> World:
    """Live: 1 to 4 are covered by the log, 6 is not, and neither is what has no number."""
    made = World()
    made.write(live(1), live(2), live(None), live(3), live(4), live(6))
    made.stream.complete(NOW)
    return made


ALL = ["log-0", "log-1", "log-2", "log-3", f"{NOW}-2", f"{NOW}-5"]
WINDOW = [f"{NOW}-{seq}" for seq in range(6)]


def test_without_a_cursor_the_log_comes_first_and_the_live_stream_without_what_it_covers(world: World) -> None:
    text = world.read(Mode(backlog=backlog()))
    assert ID.findall(text) == ALL
    assert text.startswith(
        'id: log-0\ndata: {"n": 0, "event_id": "1-1"}\n\nid: log-1\ndata: {"n": 1, "text": "\\u00e9"}'
    )
    assert text.endswith(STREAM_END.decode())


@pytest.mark.parametrize(
    ("cursor", "ids"),
    [
        ("log-1", ALL[2:]),
        ("log-3", ALL[4:]),
        ("log-4", ALL),
        ("log-99999999999999999999999999", ALL),
        ("log-", ALL),
        ("log--1", ALL),
        ("log-٣", ALL),
        ("LOG-1", ALL),
        ("not-a-redis-id", ALL),
        (f"{NOW}-0", WINDOW[1:]),
        (f"{NOW}-4", WINDOW[5:]),
        (f"{NOW - 1}-0", ALL),
        ("", ALL),
    ],
)
def test_a_log_cursor_resumes_a_stored_id_resumes_and_drops_nothing_any_other_begins_anew(
    world: World, cursor: str, ids: list[str]
) -> None:
    assert world.ids(cursor) == ids


def test_a_cursor_past_the_end_is_a_stored_one(world: World) -> None:
    text = world.read(Mode(backlog=backlog()), f"{NOW + 9}-0", limit_s=100)
    assert text == KEEPALIVE.decode() * 4


def test_start_latest_makes_the_run_a_plain_one_whatever_the_cursor() -> None:
    world = World()
    world.write(live(1), live(2))
    assert world.read(Mode(backlog=backlog()), latest=True, limit_s=30) == KEEPALIVE.decode()
    world.stream.complete(NOW)
    assert world.ids(f"{NOW}-0", latest=True) == [f"{NOW}-1"]
    assert world.read(Mode(backlog=backlog()), "log-3", latest=True) == error_frame("Stream read error").decode()


@pytest.mark.parametrize("cursor", [None, "log-2", "garbage", "5-0"])
def test_a_log_that_is_too_large_is_passed_over_and_the_cursor_is_lost(world: World, cursor: str | None) -> None:
    assert world.ids(cursor, log=backlog(most=50)) == WINDOW
    assert world.ids(f"{NOW}-4", log=backlog(most=50)) == WINDOW[5:]


@pytest.mark.parametrize("trouble", [BUSY, UNAVAILABLE])
def test_a_log_in_trouble_is_an_error_only_for_those_who_need_it(world: World, trouble: str) -> None:
    broken = Mode(backlog=backlog(trouble=trouble))
    for cursor in (None, "log-1", "garbage"):
        assert world.read(broken, cursor) == error_frame(trouble).decode()
    assert ID.findall(world.read(broken, f"{NOW}-4")) == WINDOW[5:]


def test_when_the_stream_is_gone_the_log_comes_then_the_state_then_the_end() -> None:
    world = World()
    for cursor in (None, f"{NOW}-0"):
        text = world.read(Mode(backlog=backlog()), cursor, over=True)
        assert ID.findall(text) == ALL[:4]
        assert text.endswith('data: {"type": "task_run_state"}\n\n' + STREAM_END.decode())


def test_an_empty_log_is_replayed_as_nothing(world: World) -> None:
    assert world.ids(log=backlog([])) == WINDOW
    assert world.ids("log-0", log=backlog([])) == WINDOW


def test_covered_entries_send_nothing_and_put_off_the_keepalive() -> None:
    world = World()
    world.write(live(6))
    log = backlog([f'{{"first_event_id":"1-10","event_id":"1-{10 + n}"}}' for n in range(90)])

    async def story() -> list[bytes]:
        connection = frames(
            world.store, Run(), last_event_id=None, start_latest=False, clock=world.clock, mode=Mode(backlog=log)
        )
        got: list[bytes] = []

        async def reading() -> None:
            async for frame in connection:
                got.append(frame)  # noqa: PERF401

        task = asyncio.create_task(reading())
        for number in range(10, 30):
            for _ in range(8):
                await asyncio.sleep(0)
            world.clock.advance(10)
            world.write(live(number))
        for _ in range(8):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return got[90:]

    assert ID.findall(b"".join(asyncio.run(story())).decode()) == [f"{NOW}-0"]


def test_coverage_is_by_number_and_range_within_one_boot() -> None:
    nested = '{"first_event_id":"1-1","event_id":"1-5"}'
    odd = ['{"first_event_id":"1-90","event_id":"2-3"}', '{"event_id":"x"}', '{"event_id":7}']
    covered = Covered([*LOG[:1], nested, *LOG[2:], *odd])

    def has(number: int, boot: int) -> bool:
        return f"id: 1-0\ndata: {live(number, boot)}\n\n".encode() in covered

    assert [number for number in range(9) if has(number, 1)] == [1, 2, 3, 4, 5]
    assert [number for number in range(9) if has(number, 2)] == [3]
    assert b"id: 1-0\ndata: no json\n\n" not in covered
    assert b"id: 1-0\ndata: {}\n\n" not in covered


@pytest.mark.parametrize("text", ["no json", "[]", '{"event_id": "1"}', '{"event_id": 5}', '{"event_id": "1-2 "}'])
def test_what_has_no_number(text: str) -> None:
    assert event_id_of(text) is None


def test_a_thin_stream_keeps_five_hundred_and_an_event_without_a_number_trims_nothing() -> None:
    stream = RunStream(StreamSettings())
    for n in range(12_000):
        stream.append(live(n), NOW + n, thin=True)
    assert 500 <= stream.count(NOW + 12_000) < 600
    before = stream.count(NOW + 12_000)
    for _ in range(300):
        stream.append(live(None), NOW + 12_000)
    assert stream.count(NOW + 12_000) == before + 300
    stream.append(live(1), NOW + 12_001, thin=True)
    assert stream.count(NOW + 12_001) < 600


def test_a_trimmed_cursor_is_not_stored_and_the_oldest_survivor_is() -> None:
    stream = RunStream(StreamSettings(max_entries=5, node_entries=1))
    for n in range(10):
        stream.append("{}", NOW + n)
    assert [is_stored(f"{NOW + n}-0", stream, NOW + 9) for n in range(3, 7)] == [False, False, True, True]
    assert not is_stored(None, stream, NOW)
    assert not is_stored(f"{NOW + 9}-0", stream, NOW + 10**9)


def test_a_gated_run_is_not_waited_for_and_says_nothing_but_the_end() -> None:
    world = World()
    assert world.read(Mode(gated=True), limit_s=200) == KEEPALIVE.decode() * 9
    world.stream.complete(world.clock.now_ms())
    for over in (True, False):
        assert world.read(Mode(gated=True), over=over) == STREAM_END.decode()


def test_an_idle_gated_run_is_rotated_like_any_other() -> None:
    assert World().read(Mode(gated=True)) == KEEPALIVE.decode() * 45 + ROTATED.decode()


def test_a_reader_watches_for_as_long_as_it_is_there_and_up_to_five_minutes_more() -> None:
    minute = 60_000
    stream = RunStream(StreamSettings())
    assert not stream.watched(NOW)
    stream.attach(NOW)
    assert stream.watched(NOW + 600 * minute), "the lease is refreshed while the reader is there"
    stream.detach(NOW, NOW + 3 * minute)
    assert stream.watched(NOW + 7 * minute - 1), "it was last refreshed after two minutes"
    assert not stream.watched(NOW + 7 * minute)


def test_one_of_two_readers_is_enough() -> None:
    stream = RunStream(StreamSettings())
    stream.attach(NOW)
    stream.attach(NOW)
    stream.detach(NOW, NOW + 1000)
    assert stream.watched(NOW + 10**9)


def test_a_connection_watches_until_it_is_closed() -> None:
    world = World()

    async def story() -> None:
        connection = frames(world.store, Run(), last_event_id=None, start_latest=False, clock=world.clock)
        assert not world.stream.watched(NOW)
        world.write("{}")
        await anext(connection)
        world.clock.advance(3600)
        assert world.stream.watched(world.clock.now_ms())
        await connection.aclose()
        world.clock.advance(300)
        assert not world.stream.watched(world.clock.now_ms())

    asyncio.run(story())


def test_a_restarted_stream_gives_its_first_ids_again_and_lives_as_long_as_any() -> None:
    stream = RunStream(StreamSettings())
    first = [stream.append("{}", NOW + n) for n in range(3)]
    stream.restart()
    assert not stream.exists(NOW + 5000)
    assert [stream.append('{"again": 1}', NOW + 5000 + n) for n in range(4)] == [*first, f"{NOW + 3}-0"]
    assert stream.expires_ms(NOW + 5003) == NOW + 5003 + 6 * 3_600_000
