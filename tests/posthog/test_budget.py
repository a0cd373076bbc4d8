"""One budget for a key: never exceeded, fair to the urgent, shared between processes, kept over restarts."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taskhouse.clock import REAL, Clock
from taskhouse.errors import Corrupt, Throttled
from taskhouse.posthog.budget import Budget, KeyWindows, Priority, Window, fingerprint, rates

KEY = "phx_very_secret"


class Slept(Clock):
    """Time that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.ms // 1000, UTC) + timedelta(milliseconds=self.ms % 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ms += int(seconds * 1000) + 1


@pytest.fixture
def clock() -> Slept:
    return Slept()


def use(path: Path, work: Callable[[Budget], Awaitable[object]], clock: Slept | None = None, **limits: int) -> None:
    async def run() -> None:
        most = {"per_minute": 20, "per_hour": 100} | limits
        per_minute, per_hour = most["per_minute"], most["per_hour"]
        budget = Budget(KeyWindows(path, KEY, per_minute=per_minute, per_hour=per_hour, clock=clock or REAL))
        try:
            await work(budget)
        finally:
            await budget.close()

    asyncio.run(run())


def test_no_minute_and_no_hour_holds_more_than_its_limit(tmp_path: Path, clock: Slept) -> None:
    granted: list[int] = []

    async def work(budget: Budget) -> None:
        for _ in range(150):
            await budget.acquire(Priority.LIVE)
            granted.append(clock.ms)

    use(tmp_path / "b.sqlite", work, clock)
    for at in granted:
        assert sum(at - 60_000 < other <= at for other in granted) <= 20
        assert sum(at - 3_600_000 < other <= at for other in granted) <= 100
    assert granted[-1] - granted[0] < 3_730_000, "150 requests fit into an hour and three minutes"
    assert len(clock.slept) < 20, "waits are computed, not polled"


@pytest.mark.parametrize(
    ("priority", "most"),
    [
        (Priority.LIVE, 20),
        (Priority.LOG, 17),
        (Priority.CHANGES, 15),
        (Priority.READINESS, 12),
        (Priority.SWEEP, 9),
        (Priority.FIRST, 7),
    ],
)
def test_each_class_stops_at_its_ceiling(tmp_path: Path, clock: Slept, priority: Priority, most: int) -> None:
    async def work(budget: Budget) -> None:
        for _ in range(most):
            assert await budget.acquire(priority) == 0
        with pytest.raises(Throttled, match=r"no room for .* before 20\d\d-.* UTC"):
            await budget.acquire(priority, within_s=1)
        for _ in range(20 - most):
            assert await budget.acquire(Priority.LIVE) == 0, "what is above the ceiling is left to the live streams"
        assert budget.windows.peek() == (Window(60, 20, 20), Window(3600, 20, 100))

    use(tmp_path / "b.sqlite", work, clock)


def test_the_count_survives_a_restart_and_holds_no_key(tmp_path: Path, clock: Slept) -> None:
    path = tmp_path / "state" / "b.sqlite"

    async def spend(budget: Budget) -> None:
        for _ in range(7):
            await budget.acquire(Priority.LIVE)

    async def look(budget: Budget) -> None:
        assert [window.used for window in budget.windows.peek()] == [7, 7]

    use(path, spend, clock)
    use(path, look, clock)
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert KEY.encode() not in content
    assert fingerprint(KEY).encode() in content


def test_a_clock_that_was_set_back_blocks_nobody(tmp_path: Path, clock: Slept) -> None:
    async def spend(budget: Budget) -> None:
        for _ in range(20):
            await budget.acquire(Priority.LIVE)

    async def again(budget: Budget) -> None:
        assert await budget.acquire(Priority.LIVE) == 0

    use(tmp_path / "b.sqlite", spend, clock)
    clock.ms -= 86_400_000
    use(tmp_path / "b.sqlite", again, clock)


def test_a_look_writes_nothing_and_does_not_count_what_a_clock_that_was_ahead_left(
    tmp_path: Path, clock: Slept
) -> None:
    async def spend(budget: Budget) -> None:
        for _ in range(20):
            await budget.acquire(Priority.LIVE)

    def used(key: str = KEY) -> list[int]:
        with closing(KeyWindows(path, key, per_minute=20, per_hour=100, clock=clock)) as windows:
            return [window.used for window in windows.peek()]

    path = tmp_path / "b.sqlite"
    assert used() == [0, 0]
    assert list(tmp_path.iterdir()) == []
    use(path, spend, clock)
    clock.ms += 3_599_000
    assert used() == [0, 20]
    assert used("another key") == [0, 0]
    before = path.read_bytes()
    clock.ms -= 86_400_000
    assert used() == [0, 0]
    assert path.read_bytes() == before


def test_a_look_does_not_import_what_takes_room(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    use(path, lambda budget: budget.acquire(Priority.LIVE))
    program = f"""
import sys
from pathlib import Path
from taskhouse.posthog.budget import KeyWindows
windows = KeyWindows(Path({str(path)!r}), {KEY!r}, per_minute=20, per_hour=0)
print(windows.peek()[0].used, "pyrate_limiter" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "1 False\n"


def test_zero_switches_it_off_and_leaves_no_file(tmp_path: Path) -> None:
    async def work(budget: Budget) -> None:
        for _ in range(1000):
            assert await budget.acquire(Priority.SWEEP) == 0
        assert budget.windows.peek() == ()

    use(tmp_path / "b.sqlite", work, per_minute=0, per_hour=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("minute", "hour", "limits"),
    [(480, 4800, [480, 4800]), (0, 50, [50]), (50, 0, [50]), (50, 50, [50]), (50, 9000, [50]), (1, 1, [1]), (0, 0, [])],
)
def test_a_limit_that_another_implies_is_left_out(minute: int, hour: int, limits: list[int]) -> None:
    assert [rate.limit for rate in rates(minute, hour)] == limits


@pytest.mark.parametrize("share", [priority.value for priority in Priority])
@pytest.mark.parametrize(("minute", "hour"), [(1, 2), (2, 3), (3, 100), (7, 419), (7, 420), (480, 4800), (100, 101)])
def test_any_limits_make_a_bucket(tmp_path: Path, minute: int, hour: int, share: float) -> None:
    async def work(budget: Budget) -> None:
        assert await budget.acquire(Priority(share)) == 0

    use(tmp_path / "b.sqlite", work, per_minute=minute, per_hour=hour)


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    path.write_bytes(b"no database" * 1000)

    async def work(budget: Budget) -> None:
        with pytest.raises(Corrupt, match=r"b\.sqlite cannot be read.*Delete"):
            await budget.acquire(Priority.LIVE)

    use(path, work)


def test_waiting_does_not_block_the_event_loop(tmp_path: Path) -> None:
    async def work(budget: Budget) -> None:
        await budget.acquire(Priority.LIVE)
        waiting = asyncio.create_task(budget.acquire(Priority.LIVE))
        ticks = 0
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            await asyncio.sleep(0.005)
            ticks += 1
        assert ticks > 8
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert not budget._turns[Priority.LIVE].locked()

    use(tmp_path / "b.sqlite", work, per_minute=1, per_hour=0)


def test_processes_share_it(tmp_path: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from taskhouse.errors import Throttled
from taskhouse.posthog.budget import Budget, KeyWindows, Priority
async def main():
    budget = Budget(KeyWindows(Path({str(tmp_path / "b.sqlite")!r}), {KEY!r}, per_minute=50, per_hour=0))
    granted = 0
    try:
        while True:
            await budget.acquire(Priority.LIVE, within_s=0)
            granted += 1
    except Throttled:
        print(granted)
    await budget.close()
asyncio.run(main())
"""
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in running) == 50


def test_a_caller_that_waits_learns_for_how_long(tmp_path: Path, clock: Slept) -> None:
    waits: list[float] = []

    async def work(budget: Budget) -> None:
        budget.waits = waits.append
        for _ in range(8):
            await budget.acquire(Priority.FIRST)

    use(tmp_path / "b.sqlite", work, clock)
    assert waits == clock.slept
    assert len(waits) == 1
