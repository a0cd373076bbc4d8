"""A run that waits for its time is not stale: it is asked for once a day, and like a new one when its time has come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskhouse.capture import open_runs
from taskhouse.capture.capture_schedule import CapturePlan, plan_capture
from taskhouse.passes import polling_policy
from taskhouse.resources.tasks.sync import hot_tasks

MADE = datetime(2026, 10, 1, tzinfo=UTC)
TIME = MADE + timedelta(days=20)


@pytest.mark.parametrize(
    ("asked_at", "now", "due"),
    [
        (MADE, MADE + timedelta(minutes=5), False),
        (MADE, MADE + timedelta(hours=23), False),
        (MADE, MADE + timedelta(days=1), True),
        (TIME - timedelta(hours=1), TIME - timedelta(minutes=1), False),
        (TIME - timedelta(hours=1), TIME, True),
        (TIME, TIME + timedelta(minutes=5), True),
        (TIME + timedelta(minutes=20), TIME + timedelta(minutes=25), False),
        (TIME + timedelta(minutes=20), TIME + timedelta(minutes=35), True),
    ],
)
def test_a_waiting_run_is_due_once_a_day_and_from_its_time_on_like_a_new_one(
    asked_at: datetime,
    now: datetime,
    due: bool,  # noqa: FBT001
) -> None:
    found = polling_policy.due(status="not_started", changed_at=MADE, scheduled_at=TIME, asked_at=asked_at, now=now)
    assert found == due


def test_a_scheduled_run_is_left_alone_until_its_time_and_followed_then(make_house: Any) -> None:
    house = make_house(emulator_tasks=8)
    task_id = house.emulator.mutate("new_task")["task_id"]
    run_id = house.emulator.mutate("schedule", task_id=task_id, delay_s=20 * 86_400)["run_id"]
    for resource in ("tasks", "runs"):
        house.sync(resource)

    def wanted() -> tuple[bool, CapturePlan]:
        with house.context() as context:
            known = context.read(open_runs.ask, 1, house.now(), days=None)
            runs = [row for row in known.rows if row["run_id"] == run_id]
            return task_id in hot_tasks(context), plan_capture(runs, house.now(), parents={}, most=9, days=None)

    house.later = timedelta(minutes=5)
    asked, found = wanted()
    assert (asked, found.streams, found.logs, found.first) == (False, [], [], [])
    house.later = timedelta(days=20, minutes=5)
    asked, found = wanted()
    assert (asked, [run.run_id for run in found.streams]) == (True, [run_id])
