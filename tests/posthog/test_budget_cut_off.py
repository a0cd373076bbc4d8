"""A budget that machines share: one that is cut off has a part of its own, and all parts fit into the limits."""

import asyncio
import importlib.util
import logging
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrate_limiter.buckets.redis_bucket import LuaScript

from taskhouse.clock import Clock
from taskhouse.errors import ConfigurationError, Throttled
from taskhouse.posthog.budget import Budget, KeyWindows, Priority, address
from taskhouse.posthog.budget.limits import HOUR_MS, MINUTE_MS, Limits
from taskhouse.posthog.budget.store import Unreachable
from taskhouse.settings import Settings
from tests.posthog.test_budget import Slept

CLOSED = "redis://me:hunter2@127.0.0.1:1/0"


def most(limits: Limits, window_ms: int) -> int:
    """Most requests in a window."""
    return min(rate.limit * -(-window_ms // rate.interval) for rate in limits.rates(Priority.LIVE))


@given(st.integers(100, 100_000), st.integers(1, 1000))
def test_what_is_shared_and_every_part_together_fit_into_the_limits(per_hour: int, shards: int) -> None:
    limits = Limits(-(-per_hour // 10), per_hour)
    for window_ms, limit in ((MINUTE_MS, limits.per_minute), (HOUR_MS, limits.per_hour)):
        parts = shards * most(limits.cut_off(shards), window_ms)
        if limit >= 10 * shards:
            assert most(limits.shared(), window_ms) + parts <= limit
    for priority in (Priority.LOG, Priority.CHANGES, Priority.READINESS, Priority.SWEEP, Priority.FIRST):
        assert repr(limits.shared().rates(priority)) == repr(limits.rates(priority)), "only live streams notice"


@pytest.mark.parametrize(("shards", "allowed"), [(1, 48), (4, 12), (10, 4), (48, 1), (96, 1)])
def test_a_machine_that_is_cut_off_goes_on_with_its_part(tmp_path: Path, shards: int, allowed: int) -> None:
    clock = Slept()

    async def work() -> None:
        purse = cut_off(tmp_path, clock, shards)
        for _ in range(allowed):
            assert await purse.acquire(Priority.LIVE) == 0
        with pytest.raises(Throttled):
            await purse.acquire(Priority.LIVE, within_s=1)
        assert purse.windows.outage == "ConnectionError"
        await purse.close()

    asyncio.run(work())
    if shards == 96:
        clock.ms += 60_000
        with pytest.raises(Throttled):
            asyncio.run(once(tmp_path, clock, shards))
        clock.ms += 60_001
        asyncio.run(once(tmp_path, clock, shards))


def cut_off(folder: Path, clock: Clock, shards: int) -> Budget:
    limits = {"per_minute": 480, "per_hour": 4800, "shards": shards}
    return Budget(KeyWindows(folder / "b", "key", clock=clock, address=CLOSED, **limits))


async def once(folder: Path, clock: Clock, shards: int) -> None:
    purse = cut_off(folder, clock, shards)
    try:
        await purse.acquire(Priority.LIVE, within_s=1)
    finally:
        await purse.close()


def test_the_script_of_the_bucket_has_the_arguments_that_the_stamp_moves() -> None:
    script = LuaScript.PUT_ITEM
    assert "local now = ARGV[1]" in script
    assert "local offset = (i - 1) * 3" in script
    assert "local window_start = tonumber(ARGV[5 + offset])" in script


class Flaky:
    """A store that answers if it is told to."""

    place = "redis://there/0"

    def __init__(self) -> None:
        self.answers = False
        self.asked = 0

    def take(self, _: Priority) -> float:
        self.asked += 1
        if not self.answers:
            raise Unreachable("ConnectionError")
        return 0.0

    def close(self) -> None:
        """Nothing is open."""


class Moving(Slept):
    """A clock whose other hand moves too."""

    def monotonic(self) -> float:
        return self.ms / 1000


def test_it_says_so_once_and_returns_while_somebody_still_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, clock = Flaky(), Moving()
    monkeypatch.setattr(address, "shared_store", lambda *_: store)
    monkeypatch.setattr(random, "random", lambda: 0.5)  # so that the last pause ends before the store is due again

    async def work() -> None:
        purse = cut_off(tmp_path, clock, 48)
        await purse.acquire(Priority.LIVE)
        await purse.acquire(Priority.LIVE)
        assert clock.ms - began == pytest.approx(60_000, abs=200), "a minute for the next request of its own"
        assert store.asked == 2 + 3, "twice at first, and then after each pause"
        store.answers = True
        clock.ms += 1
        before = clock.ms
        await purse.acquire(Priority.LIVE)
        assert clock.ms - before < 15_100
        assert not purse.windows.outage
        await purse.close()

    began = clock.ms
    with caplog.at_level(logging.WARNING):
        asyncio.run(work())
    assert [record.getMessage() for record in caplog.records] == [
        (
            "The request budget redis://there/0 does not answer (ConnectionError). Until it does, this shard makes at"
            " most 1 request in 1 minute and 10 requests in 60 minutes."
        ),
        "The request budget redis://there/0 answers again.",
    ]


def test_nothing_shows_the_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(host="http://localhost:1", api_key="phx_x", home=tmp_path, budget=CLOSED)

    async def work() -> str:
        purse = Budget.of(settings)
        await purse.acquire(Priority.LIVE)
        await purse.close()
        windows = purse.windows
        return f"{purse!r} {windows!r} {windows.shared_at} {windows.outage} {windows.least}"

    said = f"{asyncio.run(work())} {settings!r} {settings.model_dump()} {caplog.text}"
    assert "redis://127.0.0.1:1/0 does not answer" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(("at", "extra"), [(CLOSED, "redis"), ("postgresql://a:b@h/d", "postgres")])
def test_the_client_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, extra: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=rf"not installed.*taskhouse\[{extra}\]"):
        KeyWindows(tmp_path / "b", "key", per_minute=1, per_hour=0, address=at)
