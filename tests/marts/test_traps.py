"""What is easily counted wrong: days and weeks of another time zone, and zeros where nothing is known."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import taskhouse.marts
from tests.report.world import World

SUNDAY = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
"""Already Monday in Berlin, and noon of Monday in Auckland."""

COLUMNS = json.loads(Path(taskhouse.marts.__file__).with_name("lineage.json").read_text("utf-8"))
DATES = {
    view: dates
    for view, about in COLUMNS.items()
    if (dates := [name for name, column in about["columns"].items() if column["type"] == "DATE"])
}


def moment() -> World:
    """A world in which everything happens within some minutes: runs, a tool call, a gap, a repository that goes."""
    world = World()
    for number, status in enumerate(("completed", "failed", "cancelled")):
        world.run(number, SUNDAY + timedelta(minutes=number), status, 30)
    for name, state in (("acme/web", "ready"), ("acme/api", "partial")):
        world.snapshot(name, 7, SUNDAY, state)
    world.tables["raw.repository_sightings"][0]["absent_since"] = str(SUNDAY + timedelta(minutes=9))
    for row in world.tables["raw.repository_sightings"] + world.tables["raw.task_sightings"]:
        row["last_seen_at"] = str(SUNDAY)
    for resource in ("tasks", "repositories", "readiness", "runs", "run_events"):
        world.passed(resource, started_at=SUNDAY, finished_at=SUNDAY + timedelta(minutes=5))
    times = {"occurred_at": SUNDAY, "received_at": SUNDAY}
    update = {"sessionUpdate": "tool_call", "toolCallId": "c", "kind": "edit", "status": "completed"}
    said = {"type": "notification", "notification": {"method": "session/update", "params": {"update": update}}}
    names = {"kind": "notification", "method": "session/update", "session_update": "tool_call", "tool_call_id": "c"}
    run = {"project_id": 1, "task_id": "task-0", "run_id": "run-0"}
    event = {**run, **names, **times, "payload": json.dumps(said)}
    world.add("raw.run_events", **event, stream_id="1-0", stream_ms=1, stream_seq=0)
    world.add("raw.run_log_entries", **event, position=1)
    world.add("ledger.gaps", project_id=1, run_id="run-0", detected_at=SUNDAY, how="x", certain=True)
    world.add("ledger.quarantine", project_id=1, resource="tasks", first_seen_at=SUNDAY, reason="x", found_in="x")
    return world


@pytest.fixture(scope="module")
def tables(scratch: Any) -> Any:
    for table, rows in moment().tables.items():
        scratch.fill(table, rows)
    return scratch


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", date(2026, 11, 22)), ("Europe/Berlin", date(2026, 11, 23)), ("Pacific/Auckland", date(2026, 11, 23))],
)
def test_every_day_and_week_of_every_view_is_one_of_the_zone(tables: Any, zone: str, day: date) -> None:
    tables.connection.execute(f"CREATE OR REPLACE MACRO main.day_zone() AS '{zone}'")
    tables.connection.execute("SET TimeZone = 'Pacific/Kiritimati'")  # of somebody's session, which does not matter
    allowed = {"day": day, "week": day - timedelta(days=day.weekday())}
    for view, columns in DATES.items():
        rows = tables.rows(f"SELECT {', '.join(columns)} FROM {view}")
        assert rows, view
        for column in columns:
            found = {row[column] for row in rows} - {None}
            assert found <= {allowed.get(column, day)}, (view, column)
    assert {view for view in DATES if "day" in DATES[view] or "week" in DATES[view]} >= {"run_daily", "data_health"}


SPRING = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
"""Half an hour after clocks went forward in Berlin."""


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_day_of_waiting_has_24_hours_in_every_session(scratch: Any, zone: str) -> None:
    world = World()
    world.run(0, SPRING - timedelta(hours=167.5), "queued", 0)
    world.run(1, SPRING - timedelta(hours=23.5), "in_progress", 0)
    for row in world.tables["raw.run_versions"]:
        row["completed_at"] = None
    world.passed("runs", started_at=SPRING)
    for table in moment().tables:
        scratch.fill(table, world.tables.get(table, []))
    scratch.connection.execute(f"SET TimeZone = '{zone}'")
    try:
        assert scratch.rows("SELECT DISTINCT is_abandoned FROM task_lifecycle") == [{"is_abandoned": False}]
        stuck = scratch.rows("SELECT run_id, stuck_reason FROM runs_stuck ORDER BY run_id")
        assert stuck == [
            {"run_id": "run-0", "stuck_reason": "not_picked_up"},
            {"run_id": "run-1", "stuck_reason": "silent"},
        ]
        times = ["2026-03-29T01:30:00", "2026-03-29 01:30:00.0", "2026-03-29T03:30:00+02:00", "2026-03-29T01:30:00Z"]
        found = scratch.rows("SELECT DISTINCT epoch(event_time(unnest($1))) AS at", times)
        assert found == [{"at": SPRING.timestamp()}]
    finally:
        scratch.connection.execute("SET TimeZone = 'UTC'")


def test_a_project_whose_tasks_were_never_read_has_no_number_of_tasks(scratch: Any) -> None:
    world = moment()
    for table in world.tables:
        scratch.fill(table, [])
    names = ("tasks", "people", "repositories", "runs", "attempts", "completed", "pull_requests", "merged")
    world.tables["ledger.passes"] = []
    world.passed("repositories", started_at=SUNDAY)
    world.passed("tasks", "incomplete", started_at=SUNDAY)
    scratch.fill("ledger.passes", world.tables["ledger.passes"])
    [row] = scratch.rows("FROM projects")
    assert {name: row[name] for name in names} == {**dict.fromkeys(names), "repositories": 0}
    world.passed("tasks", started_at=SUNDAY, pass_id="later")
    world.passed("runs", started_at=SUNDAY)
    scratch.fill("ledger.passes", world.tables["ledger.passes"])
    [row] = scratch.rows("FROM projects")
    assert {row[name] for name in names} == {0}, "they were read, and there are none"


def test_a_view_without_events_and_costs_has_no_zeros_for_them(scratch: Any) -> None:
    """Numbers that only events or the endpoint of costs can tell are NULL for a run without either."""
    world = moment()
    world.tables["raw.run_events"] = world.tables["raw.run_log_entries"] = []
    for table, rows in world.tables.items():
        scratch.fill(table, rows)
    unknown = {
        "run_activity": "first_edit_s first_commit_s turns user_messages agent_messages tool_calls tool_errors errors"
        " permissions_asked permissions_answered permissions_rejected permission_wait_s",
        "run_attempts": "queue_s active_s",
        "runs": "queue_s active_s started_at",
        "task_cost": "token_cost_usd compute_cost_usd total_cost_usd as_of may_grow",
        "run_daily": "queue_p50_s queue_p90_s",
        "task_lifecycle": "first_edit_at merged_after merged_before merged_min_s merged_max_s",
        "failures": "place tool tool_call_id",
    }
    for view, names in unknown.items():
        rows = scratch.rows(f"SELECT {', '.join(names.split())} FROM {view}")
        assert rows, view
        assert {value for row in rows for value in row.values()} == {None}, view
    for view in ("token_usage", "run_usage", "tool_calls", "tool_daily", "messages"):
        assert scratch.rows(f"FROM {view}") == []
