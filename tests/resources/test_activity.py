"""An older run that has not ended: the list of its task is read when the task was active since, and not otherwise."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskhouse.posthog import retry
from taskhouse.resources.runs import sync as runs_sync
from taskhouse.resources.tasks import rounds
from taskhouse.warehouse import state
from tests.killed import killed

DAY = timedelta(days=1)
WAITS_S = 29 * 86_400
"""A run that waits so long for its time moves only if a test moves it."""


@pytest.fixture
def home(make_house: Callable[..., Any], request: pytest.FixtureRequest) -> Any:
    """An empty project, with a clock that stands still unless ``pass_time`` moves it."""
    request.getfixturevalue("attached")
    house = make_house(emulator_tasks=0, **getattr(request, "param", {}))
    start = house.emulator.now()
    house.now = lambda: start + house.later
    return house


def pass_time(house: Any, **time: float) -> None:
    """So much time passes for both."""
    house.later += timedelta(**time)
    house.emulator.clock(advance_s=timedelta(**time).total_seconds())


def run_of(house: Any, task_id: str) -> str:
    """A new run of a task, which waits for its time."""
    return str(house.emulator.mutate("schedule", task_id=task_id, delay_s=WAITS_S)["run_id"])


def two_runs(house: Any) -> tuple[str, str]:
    """A task with two runs that are stored, neither of which has ended; returns it and the older run."""
    task_id = house.emulator.mutate("new_task")["task_id"]
    older = run_of(house, task_id)
    listed(house)
    pass_time(house, minutes=1)
    run_of(house, task_id)
    listed(house)
    pass_time(house, hours=5)
    assert listed(house) == 0, "nothing moved"
    return task_id, older


def listed(house: Any) -> int:
    """How many lists of runs a pass over tasks and runs requests; both are complete."""
    house.emulator.requests(reset=True)
    for resource in ("tasks", "runs"):
        report = house.sync(resource)
        assert report.verdict == "complete", report.reason
    return int(house.emulator.requests()["by_endpoint"].get("runs.list", 0))


def status(house: Any, run_id: str) -> str:
    """The status of a run, as the views show it."""
    return str(house.rows("SELECT status FROM main.runs WHERE run_id = ?", run_id)[0][0])


def ends(house: Any, run_id: str, **time: float) -> None:
    """A run ends after some time."""
    pass_time(house, **time or {"seconds": 1})
    house.emulator.mutate("finish", run_id=run_id)


@pytest.mark.parametrize("small", [300, 0], ids=["every page", "a tick"])
def test_the_end_of_an_older_run_is_seen_by_the_next_pass(
    home: Any, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SMALL", small)
    _, older = two_runs(home)
    ends(home, older, minutes=5)
    assert (listed(home), status(home, older)) == (1, "completed")
    pass_time(home, minutes=61)
    assert [listed(home), listed(home)] == [1, 0], "a run that ended is looked at once more"


@pytest.mark.parametrize(
    "home",
    [{"emulator_older_runs_move": False}, {"emulator_omitted": {"task": ("last_activity_at",)}}],
    indirect=True,
    ids=["older runs do not move it", "no activity"],
)
def test_without_activity_an_older_run_is_asked_for_as_it_cools(home: Any) -> None:
    _, older = two_runs(home)
    ends(home, older, minutes=5)
    assert (listed(home), status(home, older)) == (0, "not_started")
    pass_time(home, days=1)
    assert (listed(home), status(home, older)) == (1, "completed")


def moves(house: Any) -> None:
    """From now on every task was active at the present moment."""
    value = f'"{house.now().isoformat()}"'
    house.emulator.faults()
    house.emulator.faults(
        {"kind": "raw_field", "endpoint": "tasks.list", "fields": {"results.*.last_activity_at": value}}
    )


def test_activity_of_tasks_without_an_older_run_that_goes_on_costs_nothing(home: Any) -> None:
    one = home.emulator.mutate("new_task")["task_id"]
    run_of(home, one)
    other = home.emulator.mutate("new_task")["task_id"]
    older = run_of(home, other)
    ends(home, older)
    run_of(home, other)
    assert listed(home) == 2
    pass_time(home, hours=2)
    assert listed(home) == 1, "a run that ended is looked at once more"
    for _ in range(3):
        pass_time(home, minutes=5)
        moves(home)
        assert listed(home) == 0
    assert home.rows("SELECT count(*) FROM ledger.cursors WHERE resource LIKE 'activity_%'") == [(0,)]


def test_the_same_activity_is_a_reason_once(home: Any) -> None:
    two_runs(home)
    for _ in range(2):
        moves(home)
        assert [listed(home), listed(home)] == [1, 0]
        pass_time(home, minutes=4)
        assert listed(home) == 0, "the walk by activity shows it again"


def test_activity_just_before_a_list_was_first_read_is_a_reason_once(home: Any) -> None:
    """The clocks may differ, so it may have come after that."""
    task_id = home.emulator.mutate("new_task")["task_id"]
    run_of(home, task_id)
    pass_time(home, minutes=1)
    run_of(home, task_id)
    pass_time(home, minutes=9)
    assert [listed(home), listed(home), listed(home)] == [1, 1, 0]
    other = home.emulator.mutate("new_task")["task_id"]
    run_of(home, other)
    pass_time(home, minutes=1)
    run_of(home, other)
    pass_time(home, minutes=10)
    assert [listed(home), listed(home)] == [1, 0]


def test_a_run_that_has_been_unchanged_for_a_day_is_asked_for_four_times_an_hour_at_most(home: Any) -> None:
    _, older = two_runs(home)
    pass_time(home, days=2)
    listed(home)
    asked = 0
    for _ in range(12):
        pass_time(home, minutes=5)
        moves(home)
        asked += listed(home)
    assert asked == 4
    ends(home, older)
    pass_time(home, minutes=15)
    moves(home)
    assert (listed(home), status(home, older)) == (1, "completed")


def test_old_activity_takes_no_query_and_new_activity_one_for_each_commit(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(home)
    run_of(home, home.emulator.mutate("new_task")["task_id"])
    listed(home)
    asked: Counter[str] = Counter()
    records = state.records

    def counted(connection: Any, question: str, **parameters: object) -> list[state.Record]:
        asked[question] += 1
        return records(connection, question, **parameters)

    monkeypatch.setattr(state, "records", counted)
    pass_time(home, days=2)
    listed(home)
    assert (asked["tasks/activity_moved"], asked["runs/due"]) == (0, 1)
    moves(home)
    listed(home)
    assert (asked["tasks/activity_moved"], asked["runs/due"]) == (1, 2)


@pytest.mark.parametrize("seen", [False, True], ids=["seen later", "seen meanwhile"])
def test_what_moves_while_the_list_is_read_is_not_lost(
    home: Any,
    seen: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, older = two_runs(home)
    home.alone = False
    fetch = runs_sync._fetch

    async def overtaken(*given: Any) -> Any:
        answer = await fetch(*given)
        ends(home, older)
        if seen:
            await asyncio.to_thread(home.sync, "tasks")
        return answer

    pass_time(home, minutes=1)
    moves(home)
    home.sync("tasks")
    home.emulator.faults()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(runs_sync, "_fetch", overtaken)
        home.sync("runs")
    assert status(home, older) == "not_started"
    assert (listed(home), status(home, older)) == (1, "completed")


def test_a_list_that_is_refused_is_asked_for_once_and_its_runs_by_id(home: Any) -> None:
    task_id, older = two_runs(home)
    latest = run_of(home, task_id)
    listed(home)
    home.emulator.mutate("protected", run_id=latest)
    ends(home, older)
    home.sync("tasks")
    home.emulator.requests(reset=True)
    assert home.sync("runs").verdict == "incomplete"
    assert home.emulator.requests()["by_endpoint"]["runs.list"] == 1
    assert status(home, older) == "completed", "the list is refused, and the run is not"


def test_what_could_not_be_read_is_asked_for_again(home: Any) -> None:
    _, older = two_runs(home)
    ends(home, older)
    home.sync("tasks")
    home.emulator.faults({"kind": "not_json", "endpoint": "runs.list"})
    with retry.instant():
        assert home.sync("runs").verdict == "incomplete"
    home.emulator.faults()
    assert (listed(home), status(home, older)) == (1, "completed")


@pytest.mark.parametrize(
    ("resource", "endpoint", "at"),
    [("tasks", "tasks.list", 2), ("runs", "runs.list", 1)],
    ids=["activity stored, tasks not proved", "list requested"],
)
def test_kill_9_loses_no_activity(make_house: Any, resource: str, endpoint: str, at: int) -> None:
    home = make_house(emulator_tasks=0)
    _, older = two_runs(home)
    ends(home, older)
    if resource == "runs":
        home.sync("tasks")
    home.emulator.requests(reset=True)
    killed(home, endpoint, at=at, hours=home.later / timedelta(hours=1), resource=resource)
    assert status(home, older) == "not_started"
    assert (listed(home), status(home, older)) == (1, "completed")
    assert home.wrong() == {}


def test_activity_in_the_future_does_not_hide_what_comes_after(home: Any) -> None:
    _, older = two_runs(home)
    fields = {"results.*.last_activity_at": '"2199-01-01T00:00:00Z"'}
    home.emulator.faults({"kind": "raw_field", "endpoint": "tasks.list", "fields": fields})
    assert listed(home) == 0
    home.emulator.faults()
    ends(home, older)
    assert (listed(home), status(home, older)) == (1, "completed")


STEPS = st.lists(
    st.tuples(
        st.sampled_from([1, 7, 15, 20, 70, 400, 1440, 1500]),
        st.sampled_from(["nothing", "run", "end"]),
        st.booleans(),
    ),
    min_size=4,
    max_size=7,
)
"""Minutes that pass, what happens then, and whether that, or nothing, moves the activity of the task."""


class Expected:
    """When the list of a task is to be read, from what happened to it.

    Every run waits for a time that does not come, so each has been unchanged since it was made, and is due once a day.
    """

    def __init__(self, now: datetime) -> None:
        self.made: dict[str, datetime] = {}
        self.ended: set[str] = set()
        self.known: dict[str, datetime] = {}
        """Runs whose end a list has shown, and when."""
        self.active = self.active_then = now
        self.read_at: datetime | None = None
        self.latest = ""

    def due(self, now: datetime) -> bool:
        """Whether a pass reads the list now; it has then read it."""
        older = list(self.made)[:-1]
        going_on = [self.made[run] for run in older if run not in self.known]
        due = (
            self.read_at is None
            or self.latest != list(self.made)[-1]
            or any(self.read_at < self.known[run] + timedelta(hours=1) for run in older if run in self.known)
            or (going_on and now - self.read_at >= DAY)
            or (
                self.active != self.active_then
                and any(now - made < DAY or now - self.read_at >= timedelta(minutes=15) for made in going_on)
            )
        )
        if due:
            self.read_at, self.active_then, self.latest = now, self.active, list(self.made)[-1]
            self.known |= dict.fromkeys(self.ended - self.known.keys(), now + timedelta(milliseconds=1))
        return bool(due)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_list_is_read_when_an_older_run_may_have_changed_and_not_otherwise(
    home: Any, steps: Sequence[tuple[int, str, bool]]
) -> None:
    pass_time(home, days=2)
    for task in home.emulator.truth(runs=False)["tasks"]:
        home.emulator.mutate("delete", task_id=task["id"])
    task_id = home.emulator.mutate("new_task")["task_id"]
    story = Expected(home.now())
    moves(home)
    story.made[run_of(home, task_id)] = home.now()
    assert listed(home) == story.due(home.now())
    for minutes, what, active in steps:
        pass_time(home, minutes=minutes)
        going_on = [run for run in list(story.made)[:-1] if run not in story.ended]
        if what == "run":
            story.made[run_of(home, task_id)] = home.now()
        elif what == "end" and going_on:
            home.emulator.mutate("finish", run_id=going_on[0])
            story.ended.add(going_on[0])
        if active:
            moves(home)
            story.active = home.now()
        assert listed(home) == story.due(home.now())
        shown = {run for run in story.made if status(home, run) == "completed"}
        assert shown == story.known.keys()
