"""Pull requests, schedules, private channels, a shared clock: what a test can make happen, and what rows say then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.world.model import Task, visible

PROJECT = "/api/projects/1/tasks"
Own = Callable[..., tuple[Emulator, httpx.Client]]


def row_of(client: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/").json()
    return found


def latest_of(client: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"{PROJECT}/summaries/", json={"ids": [made["task_id"]]}).json()
    found: dict[str, Any] = answer["results"][0]["latest_run"]
    return found


def refused(emulator: Emulator, **asked: Any) -> int:
    return httpx.post(f"{emulator.url}/_emulator/mutate", json=asked).status_code


def test_a_pull_request_moves_its_run_and_the_summary_but_not_the_times_of_the_task(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True, repository="acme/web")
    emulator.mutate("finish", run_id=made["run_id"])
    task = client.get(f"{PROJECT}/{made['task_id']}/").json()
    url = None
    for state in ("draft", "open", "closed", "merged"):
        before = row_of(client, made)["updated_at"]
        emulator.clock(advance_s=3600)
        emulator.mutate("pull_request", run_id=made["run_id"], state=state)
        row = row_of(client, made)
        url = url or row["output"]["pr_url"]
        assert (row["output"]["pr_state"], row["output"]["pr_merged"]) == (state, state == "merged")
        assert (latest_of(client, made)["pr_state"], latest_of(client, made)["pr_url"]) == (state, url)
        assert row["updated_at"] > before
    after = client.get(f"{PROJECT}/{made['task_id']}/").json()
    assert [after[name] for name in ("updated_at", "last_activity_at")] == [
        task[name] for name in ("updated_at", "last_activity_at")
    ]
    assert refused(emulator, action="pull_request", run_id=made["run_id"], state="lost") == 400


def test_a_scheduled_run_waits_for_its_time_and_then_goes_like_any_other(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    task = emulator.mutate("new_task")["task_id"]
    made = emulator.mutate("schedule", task_id=task, delay_s=30 * 86400)
    for days in (0, 10, 19.9):
        emulator.clock(advance_s=days * 86400)
        row = row_of(client, made)
        assert (row["status"], row["log_url"]) == ("not_started", None)
        assert datetime.fromisoformat(row["scheduled_at"]) == datetime.fromisoformat(made["scheduled_at"])
        assert latest_of(client, made)["status"] == "not_started"
        assert emulator.settled() == {"live_runs": 0, "pending_log_entries": 0}
    emulator.clock(until=datetime.fromisoformat(made["scheduled_at"]))
    assert row_of(client, made)["status"] in {"queued", "in_progress"}
    emulator.clock(advance_s=700)
    assert row_of(client, made)["completed_at"] is not None
    path = f"{PROJECT}/{task}/runs/{made['run_id']}"
    assert len(client.get(f"{path}/session_logs/").json()) > 5
    assert client.get(f"{path}/stream/").text.endswith('event: stream-end\ndata: {"status": "complete"}\n\n')
    assert refused(emulator, action="schedule", task_id=task, delay_s=31 * 86400) == 400


def test_a_private_channel_is_for_its_members_alone(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    task = emulator.mutate("new_task", created_by=1)["task_id"]

    def seen_by(key: str) -> int:
        return client.get(f"{PROJECT}/{task}/", headers={"Authorization": f"Bearer {key}"}).status_code

    assert (seen_by("phx_emulator"), seen_by("phx_second_user")) == (200, 200)
    emulator.mutate("private", task_id=task, members=[2])
    assert (seen_by("phx_emulator"), seen_by("phx_second_user")) == (404, 200)
    emulator.mutate("private", task_id=task, members=[1, 2])
    assert (seen_by("phx_emulator"), seen_by("phx_second_user")) == (200, 200)
    emulator.mutate("private", task_id=task)
    assert (seen_by("phx_emulator"), seen_by("phx_second_user")) == (404, 404)
    assert refused(emulator, action="private", task_id=task, members=[99]) == 400


@pytest.mark.parametrize(
    ("origin", "creator", "trial", "seen"),
    [
        ("user_created", 1, False, True),
        ("user_created", 2, False, False),
        ("user_created", None, False, True),
        ("workflow", 2, False, True),
        ("signals_scout", 2, False, True),
        ("signals_scout", 2, True, False),
        ("signals_scout", 1, True, True),
        ("business_knowledge", 1, False, False),
    ],
)
def test_who_sees_a_task_outside_of_channels(
    origin: str,
    creator: int | None,
    trial: bool,  # noqa: FBT001 - a case of the table
    seen: bool,  # noqa: FBT001
) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    task = Task("id", 1, 1, "t", 7, origin, now, now, now, None, creator, None, trial=trial)
    assert visible(task, 1) is seen


def test_new_worlds_have_private_channels_and_old_ones_have_not(own: Own) -> None:
    ours = [{task["id"] for task in own(tasks=300, private_channels=private)[0].truth()["tasks"]} for private in (1, 0)]
    assert ours[0] < ours[1]


def test_a_client_can_share_the_clock(own: Own) -> None:
    emulator, _ = own(tasks=3, live_runs=0)
    now = emulator.now()
    emulator.clock(until=now + timedelta(days=3, microseconds=1))
    assert emulator.now() - now == timedelta(days=3, microseconds=1)
    emulator.clock(until=now)
    assert emulator.now() - now == timedelta(days=3, microseconds=1), "time never goes back"


def test_a_frame_of_an_unknown_name_comes_before_the_rest(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=700)
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/stream/"
    plain = client.get(path).text
    emulator.faults({"kind": "named_frame", "endpoint": "runs.stream", "after_frames": 0})
    named = 'event: run\ndata: {"type": "run", "status": "in_progress"}\n\n'
    assert client.get(path).text == named + plain
