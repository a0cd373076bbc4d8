"""When to retry a failed request, and after how long. Only decisions; nothing here sleeps except ``pausing``.

Our own rather than a library's, since one call has two purses: its faults (full jitter, a bounded total) and what
the server itself asked us to wait, which is known exactly and must not be cut short or jittered away.
"""

import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from taskhouse.clock import Clock

Sleep = Callable[[float], Coroutine[Any, Any, None]]

LONGEST = 100
"""Characters of a ``Retry-After`` at most; an HTTP date has 29."""

YEAR_S = 366 * 86_400.0

_switch = {"instant": False}


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient one call is.

    Attributes:
        attempts: Requests that one call makes at most.
        faults_s: Time after the first attempt in which faults are retried, waiting included.
        base_s: Upper bound of the first wait after a fault; it doubles each time.
        cap_s: Upper bound of every wait after a fault.
        asked_s: What one call waits at most, in total, because the server asked it to (``Retry-After``).
    """

    attempts: int = 8
    faults_s: float = 120.0
    base_s: float = 0.5
    cap_s: float = 30.0
    asked_s: float = 90.0


@dataclass(slots=True)
class Spent:
    """What one call has used up so far."""

    attempts: int = 0
    faults: int = 0
    asked_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Again:
    """Ask again after ``wait_s`` seconds; ``asked`` when the server named that time."""

    wait_s: float
    asked: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not ask again; ``throttled`` when the server asked for more time than the call has."""

    throttled: bool


def backoff(fault: int, *, base_s: float, cap_s: float, draw: Callable[[], float] = random.random) -> float:
    """Full jitter: seconds drawn evenly from zero to ``base_s`` doubled ``fault - 1`` times, at most ``cap_s``."""
    return draw() * min(cap_s, base_s * 2.0 ** min(fault - 1, 32))


def decide(
    policy: Policy,
    spent: Spent,
    *,
    elapsed_s: float,
    retry_after_s: float | None = None,
    draw: Callable[[], float] = random.random,
) -> Again | GiveUp:
    """What follows a retryable failure; books it in ``spent``.

    Args:
        policy: How patient the call is.
        spent: What it has used up, ``attempts`` including the one that just failed.
        elapsed_s: Seconds since the call began.
        retry_after_s: What the server asked for, if it did.
        draw: Source of jitter, 0 to 1.
    """
    if retry_after_s is not None and spent.asked_s + retry_after_s > policy.asked_s:
        return GiveUp(throttled=True)
    if spent.attempts >= policy.attempts:
        return GiveUp(throttled=False)
    if retry_after_s:
        spent.asked_s += retry_after_s
        return Again(retry_after_s, asked=True)
    spent.faults += 1
    wait = backoff(spent.faults, base_s=policy.base_s, cap_s=policy.cap_s, draw=draw)
    if elapsed_s - spent.asked_s + wait > policy.faults_s:
        return GiveUp(throttled=False)
    return Again(wait, asked=False)


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for; None when it is absent, unreadable or more than a year.

    Django sends whole seconds (API facts 1.6); intermediaries may send an HTTP date.
    """
    if value is None or len(value) > LONGEST:
        return None
    text = value.strip()
    try:
        seconds = float(text) if text.isascii() and text.isdigit() else _until(text, now)
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if seconds <= YEAR_S else None


def _until(date: str, now: datetime) -> float:
    when = parsedate_to_datetime(date)
    return ((when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - now).total_seconds()


def come_back(seconds: float, *, now: datetime) -> str:
    """The moment ``seconds`` from now, as people read it: ``2026-09-01 10:00:00 UTC``."""
    return f"{now + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"


def pausing(clock: Clock) -> Sleep:
    """How to wait on a clock: it only yields to the loop while waiting is made instant."""

    async def pause(seconds: float) -> None:
        await clock.sleep(0 if _switch["instant"] else seconds)

    return pause


@contextmanager
def instant() -> Iterator[None]:
    """Make every wait of this package instant, for tests."""
    before, _switch["instant"] = _switch["instant"], True
    try:
        yield
    finally:
        _switch["instant"] = before
