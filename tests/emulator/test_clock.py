"""The emulator's time stands, runs and jumps as told, and a wait in it is an ordinary wait."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from taskhouse.emulator import sse
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.sse import KEEPALIVE, frames
from taskhouse.emulator.streams import StreamSettings, StreamStore

START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


async def _turn(times: int = 8) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def test_a_standing_clock_moves_only_by_hand_and_lands_exactly() -> None:
    clock = Clock(speed=0, start=START)
    assert clock.now() == START
    for _ in range(10):
        clock.advance(0.1)
    assert clock.now_us() == round((START.timestamp() + 1) * 1_000_000)
    assert clock.now_ms() * 1000 == clock.now_us()


def test_advance_wakes_exactly_the_sleepers_whose_time_has_come() -> None:
    async def story() -> list[float]:
        clock = Clock(speed=0, start=START)
        woken: list[float] = []

        async def sleeper(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3.0, 1.0, 2.0)]
        await _turn()
        assert clock.next_wake_s() == 1.0
        clock.advance(2.0)
        await _turn()
        assert sorted(woken) == [1.0, 2.0]
        assert clock.next_wake_s() == 1.0
        clock.advance(1.0)
        await asyncio.gather(*tasks)
        assert clock.next_wake_s() is None
        return woken

    assert sorted(asyncio.run(story())) == [1.0, 2.0, 3.0]


def test_wait_for_tells_the_event_from_the_end_and_the_event_wins_a_tie() -> None:
    async def story() -> tuple[bool, bool, bool]:
        clock = Clock(speed=0, start=START)
        event = asyncio.Event()
        first = asyncio.create_task(clock.wait_for(event, 5))
        await _turn()
        clock.advance(5)
        ended = await first
        second = asyncio.create_task(clock.wait_for(event, 5))
        await _turn()
        event.set()
        return ended, await second, await clock.wait_for(event, 0)

    assert asyncio.run(story()) == (False, True, True)


def test_cancelling_the_caller_cancels_the_wait_and_leaves_nothing_behind() -> None:
    async def story() -> None:
        clock = Clock(speed=0, start=START)
        task = asyncio.create_task(clock.wait_for(asyncio.Event(), 60))
        await _turn()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert clock.next_wake_s() is None
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())


def test_a_cancel_that_meets_the_end_of_the_wait_is_not_swallowed() -> None:
    async def story() -> None:
        clock = Clock(speed=0, start=START)
        task = asyncio.create_task(clock.sleep(1))
        await _turn()
        clock.advance(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def test_an_outer_timeout_of_real_time_ends_a_wait_that_never_would() -> None:
    async def story() -> None:
        clock = Clock(speed=0, start=START)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await clock.sleep(1)

    asyncio.run(story())


def test_speed_divides_real_time_and_can_change_under_a_sleeper() -> None:
    async def story() -> float:
        clock = Clock(speed=0, start=START)
        task = asyncio.create_task(clock.sleep(3600))
        await _turn()
        began = time.monotonic()
        clock.set_speed(360_000)
        await task
        assert (clock.now() - START).total_seconds() >= 3600
        return time.monotonic() - began

    assert 0.01 <= asyncio.run(story()) < 1.0


def test_two_thousand_waiters_need_no_task_of_their_own_and_wake_in_one_move() -> None:
    async def story() -> float:
        clock = Clock(speed=0, start=START)
        event = asyncio.Event()
        tasks = [asyncio.create_task(clock.wait_for(event, 20)) for _ in range(2000)]
        await _turn()
        assert len(asyncio.all_tasks()) == 2001
        began = time.process_time()
        clock.advance(20)
        assert not any(await asyncio.gather(*tasks))
        return time.process_time() - began

    assert asyncio.run(story()) < 2.0


class _GoesOn:
    """A run that is not over."""

    id = "run"

    def is_terminal(self) -> bool:
        return False

    def state_frame(self) -> str:
        raise AssertionError("a run that goes on has no last word")


@pytest.mark.parametrize("written", [True, False])
def test_while_the_clock_stands_a_reader_is_told_that_the_store_answers(monkeypatch: Any, *, written: bool) -> None:
    monkeypatch.setattr(sse, "_STANDING_S", 0.01)
    clock = Clock(speed=0, start=START)
    store = StreamStore(StreamSettings(), clock)
    if written:
        store.stream("run").append("{}", clock.now_ms())

    async def last() -> bytes:
        reading = frames(store, _GoesOn(), last_event_id=None, start_latest=False, clock=clock)
        async with asyncio.timeout(5), contextlib.aclosing(reading):
            return [await anext(reading) for _ in range(2 if written else 1)][-1]

    assert asyncio.run(last()) == KEEPALIVE
    assert clock.now() == START
