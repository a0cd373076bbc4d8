"""A stream that failed is tried again in pauses that grow, across passes, and no pass that left one out is complete."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.capture.capture_schedule import plan_capture
from taskhouse.passes import refusal_policy
from taskhouse.posthog import retry

pytestmark = pytest.mark.usefixtures("attached")

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(**given: Any) -> dict[str, Any]:
    """A run that goes on, whose stream failed ten seconds ago for the first time."""
    read = {"stream_leg": "django", "log_position": 0, "log_state": "open", "log_read_at": NOW, "log_since": NOW}
    failed = NOW - timedelta(seconds=10)
    return {
        "task_id": "t",
        "run_id": "r",
        "status": "in_progress",
        "environment": "cloud",
        "resume_from_run_id": None,
        "scheduled_at": None,
        "created_at": NOW - HOUR,
        "completed_at": None,
        "server_changed_at": NOW - HOUR,
        "changed_at": NOW - HOUR,
        "stream_state": "error_budget",
        "stream_position": None,
        "stream_checksum": None,
        "stream_read_at": failed,
        "stream_since": failed,
        "task_seen_at": None,
        **read,
        **given,
    }


def tried(**given: Any) -> bool:
    found = plan_capture([row(**given)], NOW, parents={}, most=1, days=None)
    assert found.failing == (not found.streams)
    return bool(found.streams)


def test_when_a_stream_that_failed_is_tried_again() -> None:
    ago = NOW - timedelta(seconds=100)
    long = {"stream_read_at": ago, "stream_since": NOW - HOUR}
    assert not tried()
    assert tried(stream_read_at=ago, stream_since=ago)
    assert not tried(**long), "it has failed for an hour, so the pause is five minutes"
    assert tried(**long, server_changed_at=NOW - timedelta(seconds=1)), "its run moves: a quarter of that"
    assert not tried(server_changed_at=NOW), "but never before a quarter of a minute"
    assert tried(**long, stream_position=f"{int(ago.timestamp() * 1000)}-0"), "events came until it failed"
    assert not tried(**long, stream_position="log-7")
    assert tried(status="failed", completed_at=NOW, server_changed_at=NOW), "its run has ended"
    assert tried(status="queued", server_changed_at=NOW), "it begins anew"


@given(st.floats(0, 7200), st.booleans())
def test_the_pause_is_as_long_as_the_failure(failing_s: float, moved: bool) -> None:  # noqa: FBT001
    at, pause_s = NOW + timedelta(seconds=failing_s), min(failing_s, 300) / (4 if moved else 1)

    def due(later_s: float) -> bool:
        return refusal_policy.failed_due(since=NOW, asked_at=at, moved=moved, now=at + timedelta(seconds=later_s))

    assert due(max(15, pause_s) + 0.001)
    assert not due(max(15, pause_s) - 0.001)


@pytest.mark.slow
def test_passes_share_the_pause_and_say_so(make_house: Any) -> None:
    house = make_house(emulator_tasks=5, emulator_events=0.2, log_final_s=0, capture_seconds=5)
    task_id = house.emulator.truth(runs=False)["tasks"][0]["id"]
    run_id = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    house.emulator.clock(advance_s=30)
    house.sync("tasks")
    house.emulator.mutate("stream_error", run_id=run_id, message="Connection lost")

    def asked() -> int:
        house.emulator.requests(reset=True)
        with retry.instant():
            report = house.sync("run_events")
        assert report.verdict == "incomplete"
        assert "failed repeatedly" in report.reason
        return int(house.emulator.requests()["by_endpoint"].get("runs.stream", 0))

    def later(seconds: float) -> None:
        house.later += timedelta(seconds=seconds)
        house.emulator.clock(advance_s=seconds)

    house.sync("runs")
    first = asked()
    assert asked() == 0
    later(301)  # the longest pause: a slow machine has been failing for longer
    assert asked() == 1, "the first error ends it"
    assert first >= 5
    house.emulator.mutate("finish", run_id=run_id)
    later(20)
    house.sync("tasks")
    with retry.instant():
        assert house.sync("run_events").verdict == "complete"
    assert house.hashes()[run_id][1] == house.truth_hashes()[run_id][1]
