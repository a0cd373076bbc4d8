"""The stream store: ids, trimming, lives, sentinels, and what a reader that comes and goes receives."""

import asyncio
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.emulator.clock import Clock
from taskhouse.emulator.sse import KEEPALIVE, ROTATED, STREAM_END, error_frame, frames
from taskhouse.emulator.streams import (
    START,
    CursorError,
    RunStream,
    StreamId,
    StreamSettings,
    StreamStore,
    parse_cursor,
)

NOW = 1_795_541_018_000
BEGIN = datetime.fromtimestamp(NOW / 1000, UTC)
ID = re.compile(rb"id: (\S+)\n")


class Live:
    """A run that goes on."""

    id = "run"

    def is_terminal(self) -> bool:
        return False

    def state_frame(self) -> str:
        raise AssertionError("a run that goes on has no last word")


class Over(Live):
    """A finished run."""

    def is_terminal(self) -> bool:
        return True

    def state_frame(self) -> str:
        return '{"type": "task_run_state"}'


def all_ids(stream: RunStream, now_ms: int = NOW) -> list[str]:
    batch = stream.read(START, 1_000_000, now_ms)
    return [found.decode() for frame in batch.frames for found in ID.findall(frame)]


def test_ids_follow_redis_rules() -> None:
    stream = RunStream(StreamSettings())
    assert stream.append("{}", NOW) == f"{NOW}-0"
    assert stream.append("{}", NOW) == f"{NOW}-1"
    assert stream.append("{}", NOW + 2) == f"{NOW + 2}-0"
    assert stream.append("{}", NOW - 500) == f"{NOW + 2}-1"
    assert stream.append("{}", NOW + 3) == f"{NOW + 3}-0"


def test_ids_compare_by_both_numbers_not_as_text() -> None:
    assert parse_cursor("5-10") > parse_cursor("5-9")
    assert parse_cursor("10-0") > parse_cursor("9-99")
    assert str(StreamId(7, 3)) == "7-3"


@pytest.mark.parametrize(("text", "read"), [("0", (0, 0)), ("12", (12, 0)), ("12-3", (12, 3)), ("007-01", (7, 1))])
def test_cursors_that_redis_reads(text: str, read: tuple[int, int]) -> None:
    assert parse_cursor(text) == read


@pytest.mark.parametrize(
    "text", ["not-a-redis-id", "log-3", "", "-", "1-", "-1", "1-2-3", "1.5", "$", "٣-0", str(2**64), "1" * 128]
)
def test_cursors_that_redis_refuses(text: str) -> None:
    with pytest.raises(CursorError):
        parse_cursor(text)


@pytest.mark.parametrize(
    ("size", "least", "most"),
    [(60, 5000, 5099), (300, 5000, 5012), (5000, 5000, 5000)],
    ids=["small: up to a node above", "chunks: a dozen to a node", "large: each a node of its own"],
)
def test_trimming_drops_whole_nodes_and_never_below_the_cap(size: int, least: int, most: int) -> None:
    stream = RunStream(StreamSettings())
    seen = set()
    for n in range(6000):
        stream.append("x" * size, NOW + n)
        if n >= 5500:
            seen.add(stream.count(NOW + n))
    assert min(seen) == least
    assert max(seen) <= most


def test_an_older_servers_cap_is_a_setting() -> None:
    stream = RunStream(StreamSettings(max_entries=2000))
    for n in range(9000):
        stream.append("{}", NOW + n)
    assert 2000 <= stream.count(NOW + 9000) < 2100
    assert stream.oldest(NOW + 9000) == (NOW + 9000 - stream.count(NOW + 9000), 0)


def test_a_stream_lives_six_hours_after_its_newest_write() -> None:
    stream = RunStream(StreamSettings())
    stream.append("{}", NOW)
    stream.append("{}", NOW + 6 * 3_600_000 - 1)
    assert stream.exists(NOW + 12 * 3_600_000 - 2)
    assert not stream.exists(NOW + 12 * 3_600_000 - 1)
    assert stream.newest(NOW + 12 * 3_600_000) == START


def test_a_sentinel_leaves_half_an_hour_a_state_event_keeps_it_and_a_late_event_undoes_it() -> None:
    half_hour, six_hours = 1_800_000, 21_600_000
    stream = RunStream(StreamSettings())
    stream.append("{}", NOW)
    assert stream.expires_ms(NOW) == NOW + six_hours
    stream.complete(NOW)
    assert stream.expires_ms(NOW) == NOW + half_hour
    stream.append("{}", NOW + 10, publish=True)
    assert stream.expires_ms(NOW) == NOW + 10 + half_hour
    stream.append("{}", NOW + 20)
    assert stream.expires_ms(NOW) == NOW + 20 + six_hours


def test_the_sentinel_takes_an_id_that_is_never_shown() -> None:
    stream = RunStream(StreamSettings())
    stream.append("{}", NOW)
    stream.complete(NOW)
    assert stream.newest(NOW) == (NOW, 1)
    assert stream.append("{}", NOW) == f"{NOW}-2"
    assert all_ids(stream) == [f"{NOW}-0"]
    batch = stream.read(StreamId(NOW, 1), 16, NOW)
    assert (len(batch.frames), batch.closed) == (1, None)


@pytest.mark.parametrize("first", ["complete", "error"])
def test_complete_after_a_sentinel_writes_nothing(first: str) -> None:
    stream = RunStream(StreamSettings())
    stream.append("{}", NOW)
    if first == "error":
        stream.error("x" * 600, NOW)
    else:
        stream.complete(NOW)
    count = stream.count(NOW)
    stream.complete(NOW + 5)
    assert stream.count(NOW) == count
    batch = stream.read(START, 16, NOW)
    assert batch.closed == first
    assert len(batch.error) == (500 if first == "error" else 0)


def test_reset_forgets_everything_and_the_next_life_can_complete() -> None:
    stream = RunStream(StreamSettings())
    stream.append("{}", NOW)
    stream.complete(NOW)
    stream.reset()
    assert not stream.exists(NOW)
    stream.append("{}", NOW + 1)
    stream.complete(NOW + 1)
    assert stream.read(START, 16, NOW + 1).closed == "complete"


async def _take(store: StreamStore, clock: Clock, cursor: str | None, count: int) -> list[bytes]:
    connection = frames(store, Live(), last_event_id=cursor, start_latest=False, clock=clock)
    got = [await anext(connection) for _ in range(count)]
    await connection.aclose()
    return got


_MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 25), st.integers(-2, 3)),
        st.tuples(st.just("read"), st.integers(0, 40), st.just(0)),
    ),
    max_size=30,
)


@given(_MOVES, st.integers(1, 6), st.integers(1, 40))
def test_any_mix_of_writes_and_reconnects_delivers_exactly_the_surviving_suffix(
    moves: list[tuple[str, int, int]], node: int, cap: int
) -> None:
    async def story() -> None:
        clock = Clock(speed=0, start=BEGIN)
        store = StreamStore(StreamSettings(max_entries=cap, node_entries=node), clock)
        stream = store.stream("run")
        cursor: str | None = None
        written: list[str] = []
        for what, count, gap_ms in moves:
            if what == "write":
                for _ in range(count):
                    written.append(stream.append("{}", clock.now_ms() + gap_ms * len(written)))
                continue
            survivors = written[len(written) - stream.count(NOW) :]
            missing = [each for each in survivors if cursor is None or parse_cursor(each) > parse_cursor(cursor)]
            got = await _take(store, clock, cursor, min(count, len(missing)))
            assert [ID.findall(frame)[0].decode() for frame in got] == missing[:count]
            cursor = ID.findall(got[-1])[0].decode() if got else cursor
        assert len(set(written)) == len(written)
        assert written == sorted(written, key=parse_cursor)
        assert min(cap, len(written)) <= stream.count(NOW) < cap + node

    asyncio.run(story())


@settings(max_examples=50)
@given(st.lists(st.integers(0, 20), max_size=20), st.sampled_from([False, True]))
def test_an_attached_reader_sees_every_event_once_then_the_end(bursts: list[int], coalesce: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        clock = Clock(speed=0, start=BEGIN)
        store = StreamStore(StreamSettings(coalesce_chunks=coalesce), clock)
        stream = store.stream("run")
        written = [stream.append("{}", NOW)]
        got: list[bytes] = []

        async def read() -> None:
            got.extend([c async for c in frames(store, Live(), last_event_id=None, start_latest=False, clock=clock)])

        task = asyncio.create_task(read())
        for burst in bursts:
            for _ in range(6):
                await asyncio.sleep(0)
            written += [stream.append("{}", clock.now_ms()) for _ in range(burst)]
            clock.advance(0.001)
        stream.complete(clock.now_ms())
        await task
        body = b"".join(got)
        assert [found.decode() for found in ID.findall(body)] == written
        assert body.endswith(STREAM_END)
        assert coalesce or len(got) == len(written) + 1

    asyncio.run(story())


def _until_closed(
    store: StreamStore, clock: Clock, run: Live, *, start_latest: bool = False, limit_s: float = 3000
) -> tuple[list[bytes], float]:
    """All frames of a connection, its clock driven wait by wait, and how long it lasted."""

    async def story() -> list[bytes]:
        got: list[bytes] = []

        async def read() -> None:
            async for frame in frames(store, run, last_event_id=None, start_latest=start_latest, clock=clock):
                got.append(frame)  # noqa: PERF401 - a cut connection keeps what came

        task = asyncio.create_task(read())
        while not task.done() and clock.now_ms() < NOW + limit_s * 1000:
            for _ in range(8):
                await asyncio.sleep(0)
            if (wake_s := clock.next_wake_s()) is not None:
                clock.advance(wake_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return got

    got = asyncio.run(story())
    return got, (clock.now_ms() - NOW) / 1000


def test_an_idle_connection_gets_45_keepalives_and_is_rotated_at_900_seconds() -> None:
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(StreamSettings(), clock)
    store.stream("run").append("{}", NOW)
    got, lasted_s = _until_closed(store, clock, Live())
    assert got[1:] == [KEEPALIVE] * 45 + [ROTATED]
    assert lasted_s == pytest.approx(900, abs=0.1)


def test_without_rotation_a_connection_lasts_the_six_hours() -> None:
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(StreamSettings(rotation=False, keepalive_s=600, block_s=300, connection_s=7200), clock)
    store.stream("run").append("{}", NOW)
    got, _ = _until_closed(store, clock, Live(), limit_s=9000)
    assert ROTATED not in got
    assert got[-1] == error_frame("Stream timeout — task run took too long")


def test_in_spring_a_connection_of_six_hours_and_a_finished_stream_just_end() -> None:
    settings = StreamSettings(rotation=False, end_marker=False, keepalive_s=600, block_s=0.1, connection_s=7200)
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(settings, clock)
    event = b"id: %d-0\ndata: {}\n\n" % NOW
    store.stream("run").append("{}", NOW)
    got, lasted_s = _until_closed(store, clock, Live(), limit_s=9000)
    assert got == [event] + [KEEPALIVE] * 12
    assert lasted_s == pytest.approx(7200, abs=1)
    store.stream("run").complete(clock.now_ms())
    assert _until_closed(store, clock, Live(), limit_s=20_000)[0] == [event]


def test_a_long_finished_run_is_drained_at_once_and_on_older_servers_waited_for() -> None:
    clock = Clock(speed=0, start=BEGIN)
    got, _ = _until_closed(StreamStore(StreamSettings(), clock), clock, Over())
    assert got == [b'data: {"type": "task_run_state"}\n\n', STREAM_END]
    got, lasted_s = _until_closed(StreamStore(StreamSettings(drained=False), clock), clock, Over())
    assert got == [KEEPALIVE] * 5 + [error_frame("Stream not available")]
    assert lasted_s == 120.35  # 0.05 s, 0.15 s more each time, at most 2 s


def test_a_trimmed_sentinel_stops_nobody() -> None:
    stream = RunStream(StreamSettings(max_entries=5, node_entries=1))
    stream.append("{}", NOW)
    stream.error("gone", NOW)
    for n in range(1, 9):
        stream.append("{}", NOW + n)
    batch = stream.read(START, 16, NOW + 9)
    assert (len(batch.frames), batch.closed) == (5, None)


def test_the_keepalive_of_the_reading_starts_when_the_waiting_ends() -> None:
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(StreamSettings(), clock)

    async def story() -> list[float]:
        connection = frames(store, Live(), last_event_id=f"{NOW * 2}-0", start_latest=False, clock=clock)
        sent: list[float] = []

        async def read() -> None:
            async for frame in connection:
                assert frame == KEEPALIVE
                sent.append((clock.now_ms() - NOW) / 1000)

        task = asyncio.create_task(read())
        while len(sent) < 3:
            for _ in range(8):
                await asyncio.sleep(0)
            if clock.now_ms() >= NOW + 30_000:
                store.stream("run").append("{}", clock.now_ms())
            clock.advance(clock.next_wake_s() or 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return sent

    waited_s, *read_s = asyncio.run(story())
    assert waited_s == 20.35
    assert read_s == [52.35, 72.35]


def test_a_stream_that_expires_under_a_reader_turns_silent_and_its_next_life_is_heard() -> None:
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(StreamSettings(ttl_s=60, keepalive_s=30, rotation_s=200), clock)

    async def story() -> list[bytes]:
        stream = store.stream("run")
        stream.append('{"n": 1}', NOW)
        got: list[bytes] = []

        async def read() -> None:
            async for frame in frames(
                store,
                Live(),
                last_event_id=None,
                start_latest=False,
                clock=clock,
                settings=StreamSettings(rotation_s=200),
            ):
                got.append(frame)  # noqa: PERF401

        task = asyncio.create_task(read())
        wrote = False
        while not task.done():
            for _ in range(8):
                await asyncio.sleep(0)
            if not wrote and clock.now_ms() >= NOW + 100_000:
                wrote = bool(stream.append('{"n": 2}', clock.now_ms()))
            elif (wake_s := clock.next_wake_s()) is not None:
                clock.advance(wake_s)
        return got

    got = asyncio.run(story())
    assert [frame for frame in got if frame.startswith(b"id:")] == [
        f'id: {NOW}-0\ndata: {{"n": 1}}\n\n'.encode(),
        f'id: {NOW + 100_000}-0\ndata: {{"n": 2}}\n\n'.encode(),
    ]
    assert got[-1] == ROTATED


def test_start_latest_on_an_errored_stream_is_silence() -> None:
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(StreamSettings(), clock)
    store.stream("run").append("{}", NOW)
    store.stream("run").error("gone", NOW)
    got, _ = _until_closed(store, clock, Live(), start_latest=True)
    assert got == [KEEPALIVE] * 45 + [ROTATED]


def test_a_sweep_lets_go_of_expired_streams_only() -> None:
    clock = Clock(speed=0, start=BEGIN)
    store = StreamStore(StreamSettings(), clock)
    for n in range(10):
        store.stream(str(n)).append("{}", NOW - 3_600_000 * n)
    assert store.sweep() == 6
    assert store.stream("3") is store.stream("3")
