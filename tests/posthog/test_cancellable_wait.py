"""Waits of one task, one after the other: each has its own limit, and a stop ends them all."""

import asyncio
from collections.abc import Iterator

import pytest

from taskhouse.posthog.cancellable_wait import Patience, Stopped


class Hurried(asyncio.SelectorEventLoop):
    """An event loop that does not wait: its time is moved to that of its next timer."""

    moved = 0.0

    def time(self) -> float:
        return self.moved

    def _run_once(self) -> None:
        timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if timers and not self._ready:  # type: ignore[attr-defined]
            self.moved = max(self.moved, min(timers))
        super()._run_once()  # type: ignore[misc]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=Hurried) as found:
        yield found


async def lasted(patience: Patience, seconds: float, limit: float | None) -> bool:
    """Whether a wait for something goes on until it ends, after the given seconds."""
    try:
        await patience.wait(asyncio.sleep(seconds), limit)
    except TimeoutError:
        return False
    return True


def test_each_wait_has_its_own_limit(runner: asyncio.Runner) -> None:
    async def story() -> list[tuple[bool, float]]:
        loop, patience, seen = asyncio.get_running_loop(), Patience(None), []
        for seconds, limit in ((40, 60), (40, 60), (70, 60), (50, 60), (9, 5), (600, None), (70, 60)):
            began = loop.time()
            whole = await lasted(patience, seconds, limit)
            seen.append((whole, loop.time() - began))
        patience.close()
        return seen

    waits = runner.run(story())
    assert waits == [(True, 40), (True, 40), (False, 60), (True, 50), (False, 5), (True, 600), (False, 60)]


def test_a_stop_ends_the_present_wait_and_every_later_one(runner: asyncio.Runner) -> None:
    async def story() -> list[float]:
        stop, seen = asyncio.Event(), []
        patience = Patience(stop)
        asyncio.get_running_loop().call_later(3, stop.set)
        for limit in (60, None):
            with pytest.raises(Stopped):
                await lasted(patience, 40, limit)
            seen.append(asyncio.get_running_loop().time())
        patience.close()
        return seen

    assert runner.run(story()) == [3, 3]
