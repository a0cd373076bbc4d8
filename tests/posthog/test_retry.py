"""Retry decisions: jittered, bounded, and obedient to the server."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.clock import REAL
from taskhouse.posthog import retry
from taskhouse.posthog.retry import Again, GiveUp, Policy, Spent, backoff, decide

NOW = datetime(2026, 9, 1, 10, 0, 0, tzinfo=UTC)


@given(st.integers(1, 200), st.floats(0, 1))
def test_a_wait_after_a_fault_is_never_longer_than_the_cap(fault: int, draw: float) -> None:
    assert 0 <= backoff(fault, base_s=0.5, cap_s=30, draw=lambda: draw) <= min(30, 0.5 * 2.0 ** (fault - 1))


def test_the_bound_doubles_with_each_fault() -> None:
    bounds = [backoff(fault, base_s=0.5, cap_s=30, draw=lambda: 1.0) for fault in range(1, 9)]
    assert bounds == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(st.lists(st.none() | st.floats(0, 200), min_size=20, max_size=40), st.floats(0, 1))
def test_every_call_ends(asked: list[float | None], draw: float) -> None:
    policy, spent, elapsed = Policy(), Spent(), 0.0
    for retry_after_s in asked:
        spent.attempts += 1
        step = decide(policy, spent, elapsed_s=elapsed, retry_after_s=retry_after_s, draw=lambda: draw)
        if isinstance(step, GiveUp):
            break
        elapsed += step.wait_s
    assert isinstance(step, GiveUp)
    assert spent.attempts <= policy.attempts
    assert elapsed <= policy.asked_s + policy.faults_s
    assert spent.asked_s <= policy.asked_s


def test_what_the_server_asks_for_is_waited_exactly_and_is_no_fault() -> None:
    spent = Spent(attempts=1)
    assert decide(Policy(), spent, elapsed_s=0, retry_after_s=17.0) == Again(17.0, asked=True)
    assert (spent.faults, spent.asked_s) == (0, 17.0)


def test_more_than_the_call_may_wait_is_throttled() -> None:
    assert decide(Policy(asked_s=90), Spent(1), elapsed_s=0, retry_after_s=91) == GiveUp(throttled=True)
    assert decide(Policy(asked_s=90), Spent(1, 0, 60), elapsed_s=60, retry_after_s=31) == GiveUp(throttled=True)


def test_the_time_for_faults_is_bounded() -> None:
    assert decide(Policy(faults_s=10), Spent(2), elapsed_s=10, draw=lambda: 0.5) == GiveUp(throttled=False)
    assert isinstance(decide(Policy(faults_s=10), Spent(2, 0, 60), elapsed_s=69, draw=lambda: 0.5), Again)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 37 ", 37.0),
        ("Tue, 01 Sep 2026 10:00:30 GMT", 30.0),
        ("Tue, 01 Sep 2026 09:00:00 GMT", 0.0),
        ("Tue, 01 Sep 2026 10:00:30 -0000", 30.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, None),
        ("999999999", None),
        ("31622400", 31622400.0),
        ("9999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("Tue, 01 Sep 2026 10:00:30 +99999999999999999999", None),
        ("Tue, 01 Sep 0001 10:00:30 +2359", 0.0),
        ("Tue, 01 Sep 2026 99999999999999999999:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry.retry_after(header, now=NOW) == seconds


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(["Tue,", "01", "Sep", "2026", "0", "-1", "+2359", "GMT", "24:60:60", "10:00"])
        | st.integers().map(str),
        max_size=8,
    ).map(" ".join)
)
def test_whatever_a_header_asks_for_is_a_wait_or_nothing(header: str) -> None:
    seconds = retry.retry_after(header, now=NOW)
    assert seconds is None or (seconds >= 0 and retry.come_back(seconds, now=NOW))


def test_the_moment_to_come_back_is_said_in_utc() -> None:
    assert retry.come_back(90, now=NOW) == "2026-09-01 10:01:30 UTC"


def test_waiting_can_be_made_instant() -> None:
    began = time.monotonic()
    pause = retry.pausing(REAL)
    with retry.instant():
        asyncio.run(pause(3600))
    assert time.monotonic() - began < 1
    asyncio.run(pause(0.001))
