"""Worlds that their authors did not design: no verdict is false, and every red heals.

The long form lives through SURPRISES worlds, twenty with each seed from SURPRISE_SEED on. A world that fails is made
smaller and printed as a program; where it showed a defect, that program stays here.
"""

import contextlib
import os
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from taskhouse.emulator.world.surprise import ASPECTS, surprising
from tests.surprise import held
from tests.surprise.house import KEYS, START, House
from tests.surprise.judge import Judge
from tests.surprise.machine import ORDER, SurprisedHouse

WORLDS = int(os.environ.get("SURPRISES", "200"))
FIRST = int(os.environ.get("SURPRISE_SEED", "1"))
AT_ONCE = 20


def live(number: int, worlds: int) -> None:
    """Live through a number of worlds, and make a failing one smaller."""
    how = settings(
        max_examples=worlds,
        stateful_step_count=10,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(type("Seeded", (SurprisedHouse,), {})), settings=how)


def test_no_verdict_of_a_surprised_house_is_false() -> None:
    live(2, 2)


@pytest.mark.worlds
@pytest.mark.parametrize("number", range(FIRST, FIRST + -(-WORLDS // AT_ONCE)))
def test_no_verdict_of_many_surprised_houses_is_false(number: int) -> None:
    live(number, AT_ONCE)


SPOILT = {
    "events-missing": "DELETE FROM raw.run_events WHERE kind = 'task_run_state'",
    "log-settled-short": "DELETE FROM raw.run_log_entries WHERE position = 1",
    "task-missing": "DELETE FROM raw.task_sightings WHERE task_id = (SELECT max(task_id) FROM raw.task_sightings)",
    "task-stale": "UPDATE raw.task_versions SET title = (SELECT min(title) FROM raw.task_versions)",
    "run-missing": "DELETE FROM raw.run_versions WHERE run_id = (SELECT max(run_id) FROM raw.run_versions)",
    "repository-missing": "UPDATE raw.repository_sightings SET absent_since = now()",
    "readiness-missing": "DELETE FROM raw.readiness_snapshots",
    "never-was-or-twice": "UPDATE raw.run_events SET payload = payload || ' '",
    "never-was-or-misplaced": "UPDATE raw.run_log_entries SET position = 99 - position",
    "doubled": "INSERT INTO raw.run_log_entries FROM raw.run_log_entries LIMIT 1",
    "never-was": "UPDATE raw.run_versions SET status = 'of_tomorrow'",
}


@pytest.mark.worlds
def test_the_judge_sees_what_is_wrong() -> None:
    house = House(surprising(1, frozenset(), start=START, keys=KEYS, throttle=False, tasks=6, events=0.3))
    with contextlib.closing(house):
        house.passes(20 * 60)
        assert [house.sync(resource) for resource in ORDER] == ["done"] * 5

        def wrong(spoilt: str) -> set[str]:
            with house.writing() as base:
                base.execute(spoilt)
                judge = Judge(house.service, held.read(base), START, house.ahead)
                return {one.kind for one in judge.judge()}

        assert wrong("SELECT 1") == set()
        assert [kind for kind, spoilt in SPOILT.items() if kind not in wrong(spoilt)] == []


def test_what_a_process_wrote_is_there_and_nothing_after_its_death() -> None:
    house = House(surprising(1, frozenset(), start=START, keys=KEYS, throttle=False, tasks=2, events=0.1))
    with contextlib.closing(house):
        assert house.sync("tasks", steps=6) == "killed"
        with house.reading() as base:
            (begun,) = base.execute("SELECT finished_at FROM ledger.passes").fetchall()[0]
        assert begun is None, "nothing closed the pass behind the dead process's back"
        assert house.sync("tasks") == "done"
        with house.reading() as base:
            assert isinstance(base.execute("SELECT max(finished_at) FROM ledger.passes").fetchall()[0][0], datetime)


def test_the_silence_of_a_redis_that_does_not_answer_proves_nothing() -> None:
    house = House(surprising(1, frozenset(), start=START, keys=KEYS, throttle=False, tasks=0))
    with contextlib.closing(house):
        house.change("new_task", run=True)
        house.passes(300)
        ends = []
        for state in ("silent", "up"):
            house.change("redis", state=state)
            assert [house.sync(resource) for resource in ("tasks", "run_events")] == ["done"] * 2
            with house.reading() as base:
                found = held.read(base)
            ends.append((found.claims["run_events"].verdict, sum(map(len, found.events.values())) > 0))
        assert ends == [("incomplete", False), ("complete", True)]


@pytest.mark.worlds
def test_a_stream_that_expired_between_two_syncs_leaves_a_gap() -> None:
    """Streams of spring 2026 live for an hour from their first event; nothing that only they held is in any log."""
    world = SurprisedHouse()
    world.begin(seed=154902, without={"modes", "queries", "ties"}, capture_s=1.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.a_run_ends(run=24, status="cancelled")
        world.a_run_ends(run=64, status="failed")
        world.somebody_makes_a_task(mine=True, repository=17, run=True)
        world.sync()
        world.sync_later(seconds=7200.0)


@pytest.mark.worlds
def test_the_empty_log_of_a_run_that_was_resumed_and_never_said_anything_is_settled() -> None:
    """A server that leaves out ancestors' entries, and a parent whose entries have no times: nothing else decides."""
    world = SurprisedHouse()
    world.begin(seed=106007, without=set(), capture_s=1.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world._heal()


@pytest.mark.worlds
def test_the_stream_of_a_run_that_ended_long_ago_is_not_asked_for_when_it_is_no_longer_refused() -> None:
    """A server that keeps a finished stream for hours: its log has what counts."""
    world = SurprisedHouse()
    world.begin(seed=904592329, without=set(), capture_s=6.0, ahead_s=-20.0)
    with contextlib.closing(world.house):
        world.time_goes_by(seconds=7200.0)
        world.a_run_is_refused_or_no_longer(ended=True, run=95)
        world._heal()


@pytest.mark.worlds
@pytest.mark.parametrize("again", [True, False])
def test_what_a_failover_took_from_under_a_reader_is_a_gap(*, again: bool) -> None:
    world = SurprisedHouse()
    world.begin(seed=3, without=set(ASPECTS), capture_s=1.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.somebody_makes_a_task(mine=True, repository=0, run=True)
        world.sync_later(seconds=40.0)
        world.time_goes_by(seconds=1.0)
        world.redis_fails_over(run=0, ended=False, events=12, again=again)
        world.sync_later(seconds=40.0)
        with world.house.reading() as base:
            gaps = [gap for of_run in held.read(base).gaps.values() for gap in of_run]
        assert [gap.certain for gap in gaps] == [not again], "the agent's numbers tell what never came again"


@pytest.mark.worlds
def test_a_stream_that_was_gone_on_one_connection_is_gone_on_the_next_until_something_comes() -> None:
    """A server that ends a connection after its first keepalive, and ids that lie before the last one that was read."""
    world = SurprisedHouse()
    world.begin(seed=3006843, without={"modes", "texts", "ids"}, capture_s=30.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.sync_later(seconds=1.0)
        world.redis_is_set_back(run=75)
        world.redis_is_set_back(run=11)
        world.a_run_starts(resume=True, task=81, waits=0)
        world.tail(seconds=40.0, steps=22)
        world._heal()


@pytest.mark.worlds
def test_a_stream_that_nobody_looked_at_for_longer_than_it_lives_may_have_held_more() -> None:
    """A Redis that was set back, a few events that nobody read, and a month in which nobody looked."""
    world = SurprisedHouse()
    world.begin(seed=18447, without={"modes", "ids", "activity", "notation"}, capture_s=6.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.sync_later(seconds=300.0)
        world.sync_until_death(steps=15)
        world.somebody_makes_a_task(mine=True, repository=13, run=True)
        world.somebody_makes_a_task(mine=False, repository=38, run=True)
        world.a_run_starts(resume=False, task=6, waits=0)
        world.redis_is_set_back(run=22)
        world.sync_later(seconds=2678400.0)


@pytest.mark.worlds
def test_the_end_of_a_run_whose_stream_ended_long_before_is_missing_if_its_stream_does_not_bring_it() -> None:
    """A stream that came to its end while its run went on, a Redis that was set back, and ids before the last one."""
    world = SurprisedHouse()
    world.begin(seed=173, without={"activity", "windows", "pages"}, capture_s=30.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.tail(seconds=3.0, steps=None)
        world.somebody_makes_a_task(mine=False, repository=73, run=False)
        world.redis_is_set_back(run=73)
        world.time_goes_by(seconds=1.0)
        world.sync()
        world.redis_is_set_back(run=60)
        world.time_goes_by(seconds=108000.0)
        world._heal()


@pytest.mark.worlds
def test_an_end_that_was_read_a_second_before_the_end_of_the_run_is_not_that_of_the_run() -> None:
    """Where the stream that ended is no longer there when its run has ended."""
    world = SurprisedHouse()
    world.begin(seed=16777216, without={"queries"}, capture_s=1.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.redis_fails_over(again=True, ended=True, events=2, run=61)
        world.a_line_of_a_log_is_unreadable(ended=True, run=92)
        world.a_run_starts(resume=True, task=45, waits=7200.0)
        world.sync_until_death(steps=59)
        world.somebody_makes_a_task(mine=False, repository=38, run=False)
        world.a_run_starts(resume=False, task=52, waits=777600.0)
        world.redis_is_set_back(run=88)
        world.a_run_is_refused_or_no_longer(ended=True, run=30)
        world.somebody_makes_a_task(mine=True, repository=99, run=False)
        world._heal()


@pytest.mark.worlds
def test_a_story_ends_the_same_way_whenever_it_is_told() -> None:
    """Names, draws and moments are the same, so a world that failed fails again."""
    endings = []
    for _ in range(2):
        house = House(surprising(2, frozenset(), start=START, keys=KEYS, throttle=False, tasks=3, events=0.2))
        with contextlib.closing(house):
            house.passes(20 * 60)
            ends = [house.sync("tasks", steps=4), *map(house.sync, ("tasks", "runs", "run_events"))]
            assert ends == ["killed", "done", "done", "done"]
            with house.reading() as base:
                passes = base.execute("SELECT pass_id, started_at, requests, reason FROM ledger.passes").fetchall()
                parts = base.execute("SELECT segment, count(*) FROM raw.run_events GROUP BY ALL").fetchall()
            endings.append((sorted(passes), sorted(parts)))
    assert endings[0] == endings[1]
    assert endings[0][1]


@pytest.mark.worlds
def test_nothing_is_written_after_a_death() -> None:
    """A process that dies in the middle of a write while others of its streams would like to write, too."""
    world = SurprisedHouse()
    world.begin(seed=10300, without=set(), capture_s=6.0, ahead_s=0.0)
    with contextlib.closing(world.house):
        world.sync_until_death(steps=52)
        world.redis_is_in_trouble(state="silent")
        world.sync()
        world._heal()
