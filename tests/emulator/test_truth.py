"""The emulator's own account of itself: a naive client that reads everything finds exactly the truth."""

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key

PROJECT = "/api/projects/1/tasks"
Every = Callable[..., list[dict[str, Any]]]
Own = Callable[..., tuple[Emulator, httpx.Client]]


def digest(texts: list[str]) -> str:
    return hashlib.sha256("".join(f"{redacted(text)}\n" for text in texts).encode()).hexdigest()


def stream_events(text: str) -> list[tuple[str, str]]:
    events = []
    for frame in text.split("\n\n"):
        lines = frame.split("\n")
        if lines[0].startswith("id: "):
            events.append((lines[0][4:], lines[1][6:]))
    return events


def own_log(client: httpx.Client, run: dict[str, Any]) -> list[str]:
    url = client.get(f"{PROJECT}/{run['task_id']}/runs/{run['id']}/").json()["log_url"]
    if url is None:
        return []
    answer = httpx.get(url)
    return answer.text.removesuffix("\n").split("\n") if answer.status_code == 200 else []


def test_a_client_that_reads_everything_holds_the_truth(own: Own, every: Every) -> None:
    emulator, client = own(tasks=60, live_runs=8, events=0.5, pace=10.0)
    for _ in range(7):
        emulator.clock(advance_s=15)
    assert emulator.settled() == {"live_runs": 0, "pending_log_entries": 0}
    rows = every(client, internal="all", archived="all")
    readiness = [
        client.get(f"{PROJECT}/repository_readiness/", params={"repository": name}).json()
        for name in client.get(f"{PROJECT}/repositories/").json()["repositories"]
    ]
    truth = emulator.truth()
    assert {(row["id"], row["title"], row["repository"], row["archived"], row["internal"]) for row in rows} == {
        (task["id"], task["title"], task["repository"], task["archived"], task["internal"]) for task in truth["tasks"]
    }
    assert {row["id"]: (row["latest_run"] or {}).get("status") for row in rows} == {
        task["id"]: task["latest_run_status"] for task in truth["tasks"]
    }
    assert truth["repositories"] == [answer["repository"] for answer in readiness]
    assert {(a["repository"], a["windowDays"], a["generatedAt"], a["overall"]) for a in readiness} == {
        (a["repository"], a["window_days"], a["generated_at"], a["overall"]) for a in truth["readiness"]
    }
    assert {run["id"] for row in rows for run in every(client, f"{PROJECT}/{row['id']}/runs/")} == {
        run["id"] for run in truth["runs"]
    }
    streamed = [run for run in truth["runs"] if run["live"]["count"]]
    assert len(streamed) > 8
    for run in truth["runs"]:
        texts = own_log(client, run)
        assert (len(texts), digest(texts)) == (run["log"]["count"], run["log"]["sha256"])
        if run["status"] not in {"completed", "failed", "cancelled"}:
            assert run["live"]["count"] == 0
            continue
        body = client.get(f"{PROJECT}/{run['task_id']}/runs/{run['id']}/stream/").text
        events = stream_events(body)
        assert (len(events), digest([text for _, text in events])) == (run["live"]["count"], run["live"]["sha256"])
        if events:
            assert (events[0][0], events[-1][0]) == (run["live"]["first_id"], run["live"]["last_id"])


def test_session_logs_without_the_ancestors_is_the_same_log(own: Own) -> None:
    emulator, client = own(tasks=80, live_runs=0, events=0.3)
    runs = {run["id"]: run for run in emulator.truth()["runs"]}
    resumed = 0
    for run in runs.values():
        path = f"{PROJECT}/{run['task_id']}/runs/{run['id']}"
        before = client.get(f"{path}/").json()["state"].get("resume_from_run_id")
        answer = client.get(f"{path}/session_logs/", params={"limit": 5000})
        inherited = 0
        if before:
            resumed += 1
            ancestor = client.get(f"{PROJECT}/{run['task_id']}/runs/{before}/session_logs/", params={"limit": 5000})
            inherited = len(ancestor.json())
        assert len(answer.json()) - inherited == run["log"]["count"]
    assert resumed > 5


def test_equal_settings_make_equal_worlds_and_play_them_alike(own: Own) -> None:
    def story(seed: int) -> dict[str, Any]:
        emulator, client = own(seed=seed, tasks=50, live_runs=5, repositories=7)
        emulator.clock(advance_s=150)
        emulator.mutate("new_task", run=True)
        emulator.clock(advance_s=500)
        for name in client.get(f"{PROJECT}/repositories/").json()["repositories"]:
            client.get(f"{PROJECT}/repository_readiness/", params={"repository": name, "window_days": 30})
        return emulator.truth()

    first, second, other = story(4), story(4), story(5)
    assert first == second
    assert first["tasks"] != other["tasks"]


def test_truth_depends_on_the_key(own: Own) -> None:
    emulator, _ = own(tasks=60)
    mine, theirs = emulator.truth(), emulator.truth(key="phx_second_user")
    assert {task["id"] for task in mine["tasks"]} != {task["id"] for task in theirs["tasks"]}
    assert emulator.truth(runs=False)["runs"] == []


def test_many_live_runs_play_at_once_and_settle(own: Own) -> None:
    emulator, client = own(tasks=60, live_runs=200, events=0.2, pace=4.0)
    assert emulator.settled()["live_runs"] == 200
    emulator.clock(advance_s=400)
    assert emulator.settled() == {"live_runs": 0, "pending_log_entries": 0}
    statuses = {
        row["latest_run"]["status"] for row in client.get(f"{PROJECT}/?limit=30").json()["results"] if row["latest_run"]
    }
    assert "completed" in statuses


def test_log_entries_can_be_read_only_once_they_are_flushed(own: Own) -> None:
    emulator, client = own(tasks=9, live_runs=3)
    live = [
        run for run in emulator.truth()["runs"] if run["status"] in {"queued", "in_progress"} and run["live"]["count"]
    ]
    waited = False
    for _ in range(40):
        emulator.clock(advance_s=0.5)
        waited = waited or emulator.settled()["pending_log_entries"] > 0
        for run in live:
            path = f"{PROJECT}/{run['task_id']}/runs/{run['id']}"
            chain = client.get(f"{path}/session_logs/", params={"limit": 5000}).json()
            now = emulator.clock()["now"]
            assert all(entry["timestamp"] < now for entry in chain if "timestamp" in entry)
    assert waited
    emulator.clock(advance_s=700)
    assert emulator.settled() == {"live_runs": 0, "pending_log_entries": 0}


def test_requests_are_counted_by_endpoint_and_status_and_the_control_is_not(own: Own) -> None:
    emulator, client = own(tasks=3)
    client.get(f"{PROJECT}/")
    client.get(f"{PROJECT}/nonsense/")
    client.post(f"{PROJECT}/summaries/", json={})
    client.get("/api/nothing/")
    counted = emulator.requests(reset=True)
    assert counted == {
        "total": 4,
        "by_endpoint": {"tasks.detail": 1, "tasks.list": 1, "tasks.summaries": 1, "unknown": 1},
        "by_status": {"200": 1, "400": 1, "404": 2},
    }
    assert emulator.requests() == {"total": 0, "by_endpoint": {}, "by_status": {}}


def test_the_clock_is_moved_and_read_over_http(own: Own) -> None:
    emulator, _ = own(tasks=1)
    assert emulator.clock(advance_s=1.5) == {"now": "2026-09-14T10:00:01.500000+00:00", "speed": 0.0}
    assert emulator.clock(speed=60)["speed"] == 60
    assert emulator.clock()["now"] > "2026-09-14T10:00:01"


def test_a_mutation_that_cannot_be_done_says_why(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=1)
    for asked in (
        {"action": "explode"},
        {"action": "rename", "task_id": "x"},
        {"action": "reopen", "run_id": emulator.truth()["runs"][0]["id"] + "x"},
        {"action": "new_task", "project_id": 99},
        {"action": "hide", "task_id": emulator.truth()["tasks"][0]["id"], "user_id": 99},
    ):
        answer = client.post("/_emulator/mutate", json=asked)
        assert answer.status_code == 400
        assert answer.json()["error"]
    both = client.post("/_emulator/mutate", json=[{"action": "new_task"}, {"action": "new_task", "run": True}]).json()
    assert [set(one) for one in both["results"]] == [{"action", "task_id"}, {"action", "task_id", "run_id"}]


@pytest.mark.worlds
def test_a_big_world_is_made_in_seconds_and_pages_quickly() -> None:
    with Emulator(EmulatorSettings(tasks=20_000, live_runs=0, throttle=False)) as emulator:
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        with httpx.Client(base_url=emulator.url, headers=headers) as client:
            client.get(f"{PROJECT}/")
            pages = [client.get(f"{PROJECT}/", params={"limit": 100, "offset": 500 * n}) for n in range(20)]
    assert sorted(page.elapsed.total_seconds() for page in pages)[10] < 0.1


@pytest.mark.parametrize("text", ["phx_a:2:1,3:task:read,user:read", "phx_a:2:*:*"])
def test_keys_are_read_from_the_command_line(text: str) -> None:
    key = Key.parse(text)
    assert (key.value, key.user_id) == ("phx_a", 2)
    assert key.projects == ((1, 3) if "1,3" in text else ())
    assert key.scopes == (("task:read", "user:read") if "task" in text else ("*",))
    with pytest.raises(ValueError, match="KEY:USER"):
        Key.parse("phx_a")


def test_the_environment_points_a_client_here(own: Own) -> None:
    emulator, _ = own(tasks=1)
    assert emulator.environment() == {
        "POSTHOG_HOST": emulator.url,
        "POSTHOG_PERSONAL_API_KEY": "phx_emulator",
        "POSTHOG_PROJECT_IDS": "1",
    }
