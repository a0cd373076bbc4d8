"""The runs of a task, their logs in both forms, and the gates of their stream."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator

PROJECT = "/api/projects/1/tasks"
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
SSE = {"Accept": "text/event-stream"}
Check = Callable[[Any, str], None]
Every = Callable[..., list[dict[str, Any]]]
AsKey = Callable[[str], httpx.Client]
Own = Callable[..., tuple[Emulator, httpx.Client]]


def path_of(run: dict[str, Any]) -> str:
    return f"{PROJECT}/{run.get('task') or run['task_id']}/runs/{run['id']}"


@pytest.fixture(scope="module")
def runs(emulator: Emulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.truth()["runs"]
    return found


@pytest.fixture(scope="module")
def logged(client: httpx.Client, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """A finished run of an ACP agent that resumed nothing, with a log of some length."""
    finished = [run for run in runs if run["status"] == "completed"]
    for run in sorted(finished, key=lambda run: -run["log"]["count"]):
        row = client.get(f"{path_of(run)}/").json()
        if row["runtime_adapter"] and not row["state"].get("resume_from_run_id"):
            return run
    raise AssertionError("no such run in this seed")


def test_runs_fit_the_schemas_and_cover_every_status(
    client: httpx.Client, every: Every, check: Check, runs: list[dict[str, Any]]
) -> None:
    found: list[dict[str, Any]] = []
    for task in {run["task_id"] for run in runs}:
        listed = every(client, f"{PROJECT}/{task}/runs/")
        assert [run["created_at"] for run in listed] == sorted((run["created_at"] for run in listed), reverse=True)
        found += listed
    for run in found:
        check(run, "official/TaskRunDetail")
        check(run, "current/TaskRun")
    assert {run["id"] for run in found} == {run["id"] for run in runs}
    assert {"queued", "in_progress", "completed", "failed", "cancelled"} <= {run["status"] for run in found}
    assert {run["environment"] for run in found} == {"local", "cloud"}
    assert all(run["status"] == "queued" for run in found if run["environment"] == "local")
    assert any(run["state"].get("resume_from_run_id") for run in found)
    artifacts = [artifact for run in found for artifact in run["artifacts"]]
    assert len({artifact["type"] for artifact in artifacts}) > 2
    assert all("X-Amz-Signature=" in artifact["url"] for artifact in artifacts)
    assert all(
        (run["completed_at"] is None) == (run["status"] in {"queued", "in_progress", "not_started"}) for run in found
    )


def test_one_run_and_the_404s(client: httpx.Client, logged: dict[str, Any]) -> None:
    run = client.get(f"{path_of(logged)}/").json()
    assert (run["id"], run["task"]) == (logged["id"], logged["task_id"])
    assert client.get(f"{PROJECT}/{logged['task_id']}/runs/{UNKNOWN}/").status_code == 404
    other = next(row["id"] for row in client.get(f"{PROJECT}/").json()["results"] if row["id"] != logged["task_id"])
    assert client.get(f"{PROJECT}/{other}/runs/{logged['id']}/").status_code == 404


def test_a_slack_run_is_read_by_any_member_although_its_task_is_not(own: Own) -> None:
    emulator, client = own(tasks=5)
    made = emulator.mutate("new_task", origin_product="slack", created_by=2, run=True)
    emulator.mutate("hide", task_id=made["task_id"])
    assert client.get(f"{PROJECT}/{made['task_id']}/").status_code == 404
    assert client.get(f"{PROJECT}/{made['task_id']}/runs/").json()["count"] == 1


def test_log_url_is_presigned_differs_each_time_and_holds_the_runs_own_log(
    client: httpx.Client, logged: dict[str, Any]
) -> None:
    urls = [client.get(f"{path_of(logged)}/").json()["log_url"] for _ in range(2)]
    assert urls[0] != urls[1]
    assert all("X-Amz-Signature=" in url and "X-Amz-Expires=3600" in url for url in urls)
    own = httpx.get(urls[0])
    assert own.status_code == 200
    assert own.text.count("\n") == logged["log"]["count"]
    assert httpx.get(urls[0].replace(logged["id"], UNKNOWN)).status_code == 404


def test_session_logs_is_the_array_of_the_stored_texts(client: httpx.Client, logged: dict[str, Any]) -> None:
    whole = client.get(f"{path_of(logged)}/session_logs/", params={"limit": 5000})
    lines = client.get(f"{path_of(logged)}/logs/")
    assert lines.headers["content-type"] == "application/jsonl"
    texts = lines.text.removesuffix("\n").split("\n")
    assert whole.text == "[" + ",".join(texts) + "]"
    total = str(len(texts))
    names = ("X-Total-Count", "X-Filtered-Count", "X-Matching-Count", "X-Has-More", "Cache-Control")
    assert [whole.headers[name] for name in names] == [total, total, total, "false", "no-cache"]
    assert "Server-Timing" in whole.headers


def test_logs_cannot_be_asked_for_as_jsonl_alone(client: httpx.Client, logged: dict[str, Any]) -> None:
    answer = client.get(f"{path_of(logged)}/logs/", headers={"Accept": "application/jsonl"})
    assert answer.status_code == 406
    assert client.get(f"{path_of(logged)}/logs", headers={"Accept": "*/*"}).status_code == 200


def test_session_logs_pages_by_offset(client: httpx.Client, logged: dict[str, Any]) -> None:
    path = f"{path_of(logged)}/session_logs/"
    whole = client.get(path, params={"limit": 5000}).json()
    read: list[Any] = []
    more = "true"
    while more == "true":
        page = client.get(path, params={"limit": 7, "offset": len(read)})
        more = page.headers["X-Has-More"]
        read += page.json()
    assert read == whole
    for three in ("3.0", "3.", " +3.00 "):
        assert client.get(path, params={"limit": three}).json() == whole[:3], "zeros after a point change nothing"
    past = client.get(path, params={"offset": 10_000})
    assert (past.json(), past.headers["X-Has-More"]) == ([], "false")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "5001"}, "max_value"),
        ({"limit": "0"}, "min_value"),
        ({"offset": "-1"}, "min_value"),
        ({"limit": "all"}, "invalid_input"),
        ({"limit": "1.5"}, "invalid_input"),
        ({"limit": "1e3"}, "invalid_input"),
        ({"limit": "9" * 1001}, "max_string_length"),
        ({"after": "yesterday"}, "invalid_input"),
    ],
)
def test_session_logs_refuses_what_lists_would_forgive(
    client: httpx.Client, logged: dict[str, Any], query: dict[str, str], code: str
) -> None:
    answer = client.get(f"{path_of(logged)}/session_logs/", params=query)
    assert (answer.status_code, answer.json()["code"], answer.json()["attr"]) == (400, code, next(iter(query)))


def test_session_logs_filters_by_type_and_time(client: httpx.Client, logged: dict[str, Any]) -> None:
    path = f"{path_of(logged)}/session_logs/"
    whole = client.get(path, params={"limit": 5000}).json()

    def kind(entry: dict[str, Any]) -> str:
        notification = entry["notification"]
        method: str = notification.get("method", "")
        return str(notification["params"]["update"]["sessionUpdate"]) if method == "session/update" else method

    def got(**query: str) -> list[Any]:
        answer = client.get(path, params={"limit": 5000, **query})
        assert answer.headers["X-Total-Count"] == str(len(whole))
        assert answer.headers["X-Filtered-Count"] == answer.headers["X-Matching-Count"] == str(len(answer.json()))
        found: list[Any] = answer.json()
        return found

    kinds = {kind(entry) for entry in whole}
    assert "agent_message" in kinds
    assert "agent_message_chunk" not in kinds
    assert got(event_types="agent_message, tool_call") == [
        e for e in whole if kind(e) in {"agent_message", "tool_call"}
    ]
    assert got(exclude_types="agent_message") == [e for e in whole if kind(e) != "agent_message"]
    middle = whole[len(whole) // 2]["timestamp"]
    assert got(after=middle) == [e for e in whole if e["timestamp"] > middle]
    assert got(after=middle.removesuffix("Z")) == got(after=middle)


def test_a_page_also_ends_at_the_byte_budget_with_at_least_one_entry(own: Own) -> None:
    emulator, client = own(tasks=40, live_runs=0, session_logs_bytes=2000)
    run = max(emulator.truth()["runs"], key=lambda run: run["log"]["count"])
    path = f"{path_of(run)}/session_logs/"
    read: list[Any] = []
    more, sizes = "true", []
    while more == "true":
        page = client.get(path, params={"limit": 5000, "offset": len(read)})
        more = page.headers["X-Has-More"]
        read += page.json()
        sizes.append(len(page.json()))
    assert len(read) == int(page.headers["X-Total-Count"])
    assert min(sizes) >= 1
    assert len(sizes) > 3


def test_a_resumed_runs_log_begins_with_its_ancestors(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0)
    first = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=900)
    second = emulator.mutate("new_run", task_id=first["task_id"], resume_from=first["run_id"])
    emulator.clock(advance_s=900)
    third = emulator.mutate("new_run", task_id=first["task_id"], resume_from=True)
    emulator.clock(advance_s=900)
    base = f"{PROJECT}/{first['task_id']}/runs"
    truth = {run["id"]: run["log"]["count"] for run in emulator.truth()["runs"]}
    chain = client.get(f"{base}/{third['run_id']}/session_logs/", params={"limit": 5000}).json()
    before = client.get(f"{base}/{second['run_id']}/session_logs/", params={"limit": 5000}).json()
    assert chain[: len(before)] == before
    assert len(chain) == sum(truth[made["run_id"]] for made in (first, second, third))
    own_log = httpx.get(client.get(f"{base}/{third['run_id']}/").json()["log_url"]).text
    assert own_log.count("\n") == truth[third["run_id"]]
    latest = client.post(f"{PROJECT}/summaries/", json={"ids": [first["task_id"]]}).json()["results"][0]["latest_run"]
    assert latest["id"] == third["run_id"]


def test_a_log_expires_after_thirty_days_and_reads_as_empty(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=900)
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    assert client.get(f"{path}/session_logs/").json()
    url = client.get(f"{path}/").json()["log_url"]
    emulator.clock(advance_s=30 * 86400)
    empty = client.get(f"{path}/session_logs/")
    assert (empty.json(), empty.headers["X-Total-Count"], empty.headers["X-Has-More"]) == ([], "0", "false")
    lines = client.get(f"{path}/logs/")
    assert (lines.status_code, lines.text) == (200, "")
    assert httpx.get(url).status_code == 404
    assert next(run for run in emulator.truth()["runs"] if run["id"] == made["run_id"])["log"]["count"] == 0


def test_the_stream_token_names_no_proxy(client: httpx.Client, logged: dict[str, Any], check: Check) -> None:
    answer = client.get(f"{path_of(logged)}/stream_token/").json()
    check(answer, "current/StreamToken")
    assert answer["stream_base_url"] is None
    assert answer["token"].count(".") == 2


def test_a_finished_run_whose_stream_is_gone_says_so_and_ends(client: httpx.Client, runs: list[dict[str, Any]]) -> None:
    gone = next(run for run in runs if run["status"] == "completed" and not run["live"]["count"])
    answer = client.get(f"{path_of(gone)}/stream/", headers=SSE)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    state, end, rest = answer.text.split("\n\n")
    event = json.loads(state.removeprefix("data: "))
    assert (event["type"], event["run_id"], event["status"]) == ("task_run_state", gone["id"], "completed")
    assert event["completed_at"].endswith("+00:00")
    assert (end, rest) == ('event: stream-end\ndata: {"status": "complete"}', "")


def test_errors_of_the_stream_are_not_json(client: httpx.Client, as_key: AsKey, logged: dict[str, Any]) -> None:
    stream = f"{path_of(logged)}/stream/"
    answers = [
        (404, client.get(f"{PROJECT}/{UNKNOWN}/runs/{UNKNOWN}/stream/")),
        (404, client.get(f"{PROJECT}/{logged['task_id']}/runs/{UNKNOWN}/stream/")),
        (403, as_key("").get(stream)),
        (403, as_key("phx_insights").get(stream)),
        (406, client.get(stream, headers={"Accept": "application/json"})),
        (405, client.post(stream)),
    ]
    for status, answer in answers:
        assert (answer.status_code, answer.text) == (status, "typecodedetailattr")
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_over_the_cap_a_stream_is_refused_with_503_and_an_empty_body(own: Own) -> None:
    emulator, client = own(tasks=20, live_runs=2, max_streams=1)
    live = [
        run for run in emulator.truth()["runs"] if run["status"] in {"queued", "in_progress"} and run["live"]["count"]
    ]
    with client.stream("GET", f"{path_of(live[0])}/stream/", headers=SSE) as first:
        frames = first.iter_bytes()
        assert next(frames)
        refused = [client.get(f"{path_of(live[1])}/stream/", headers=SSE) for _ in range(20)]
    assert {(answer.status_code, answer.content) for answer in refused} == {(503, b"")}
    waits = {int(answer.headers["Retry-After"]) for answer in refused}
    assert len(waits) > 3
    assert waits <= set(range(15, 45))
    emulator.mutate("settings", max_streams=0)
    assert client.get(f"{path_of(live[1])}/stream/", headers=SSE).status_code == 503


def test_a_reader_gets_events_as_the_clock_moves_until_the_end(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True)
    done = threading.Event()

    def move() -> None:
        while not done.is_set() and emulator.settled()["live_runs"]:
            emulator.clock(advance_s=20)

    mover = threading.Thread(target=move)
    body = b""
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    with client.stream("GET", f"{path}/stream/", headers=SSE) as stream:
        mover.start()
        body = stream.read()
    done.set()
    mover.join()
    assert body.endswith(b'event: stream-end\ndata: {"status": "complete"}\n\n')
    states = [json.loads(line[6:]) for line in body.decode().split("\n") if '"task_run_state"' in line]
    assert states[0]["status"] == "queued"
    assert states[-1]["status"] in {"completed", "failed", "cancelled"}
    run = client.get(f"{path}/").json()
    assert run["status"] == states[-1]["status"]
    assert run["completed_at"] > run["updated_at"]


def test_a_reopened_run_is_the_same_run_with_a_fresh_stream_and_a_longer_log(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True)
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    emulator.clock(advance_s=900)
    first = client.get(f"{path}/stream/", headers=SSE).text
    log = client.get(f"{path}/session_logs/", params={"limit": 5000}).json()
    emulator.mutate("reopen", run_id=made["run_id"])
    run = client.get(f"{path}/").json()
    expected = ("queued", "cloud", None, None)
    assert (run["status"], run["environment"], run["completed_at"], run["error_message"]) == expected
    emulator.clock(advance_s=900)
    second = client.get(f"{path}/stream/", headers=SSE).text
    ids = [[line for line in text.split("\n") if line.startswith("id: ")] for text in (first, second)]
    assert not set(ids[0]) & set(ids[1])
    assert min(ids[1]) > max(ids[0])
    longer = client.get(f"{path}/session_logs/", params={"limit": 5000}).json()
    assert longer[: len(log)] == log
    assert len(longer) > len(log)


def test_a_late_state_after_the_end_marker_reaches_nobody(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0, late_state=1.0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=900)
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    text = client.get(f"{path}/stream/", headers=SSE).text
    statuses = [json.loads(line[6:])["status"] for line in text.split("\n") if '"task_run_state"' in line]
    assert client.get(f"{path}/").json()["status"] not in statuses
    truth = next(run for run in emulator.truth()["runs"] if run["id"] == made["run_id"])
    assert truth["live"]["unreachable"] == 1
    assert truth["live"]["count"] == text.count("\nid: ") + text.startswith("id: ")


def test_an_error_sentinel_sticks(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=40)
    emulator.mutate("stream_error", run_id=made["run_id"], message="Connection lost to task run stream")
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/stream/"
    for _ in range(2):
        text = client.get(path, headers=SSE).text
        assert text.endswith('event: error\ndata: {"error": "Connection lost to task run stream"}\n\n')


def test_finishing_a_run_by_hand_flushes_its_log_and_closes_its_stream(own: Own) -> None:
    emulator, client = own(tasks=5, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=60)
    emulator.mutate("finish", run_id=made["run_id"], status="cancelled")
    assert emulator.settled() == {"live_runs": 0, "pending_log_entries": 0}
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    assert client.get(f"{path}/").json()["status"] == "cancelled"
    assert client.get(f"{path}/stream/", headers=SSE).text.endswith(
        'event: stream-end\ndata: {"status": "complete"}\n\n'
    )


def test_a_protected_run_is_403_on_its_routes_and_takes_its_list_with_it(own: Own) -> None:
    world, client = own(tasks=30)
    task = next(
        task
        for task in _tasks(client)
        if task["latest_run"] and task["latest_run"]["output"] and _count(client, task) > 1
    )
    rest, path = client.get(f"{PROJECT}/{task['id']}/runs/").json()["results"][1:], path_of(task["latest_run"])
    shown = client.get(f"{path}/").json()["output"]
    world.mutate("protected", run_id=task["latest_run"]["id"])
    for route in ("", "logs/", "session_logs/", "stream_token/"):
        refused = client.get(f"{path}/{route}")
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    stream = client.get(f"{path}/stream/", headers=SSE)
    assert (stream.status_code, stream.text) == (403, "typecodedetailattr")
    assert client.get(f"{PROJECT}/{task['id']}/runs/").status_code == 403
    assert [client.get(f"{path_of(run)}/").status_code for run in rest] == [200] * len(rest)
    nested = next(row for row in _tasks(client) if row["id"] == task["id"])["latest_run"]
    assert [nested[name] for name in ("log_url", "output", "error_message", "artifacts")] == [None, None, None, []]
    assert nested["status"] == task["latest_run"]["status"]
    world.mutate("protected", run_id=task["latest_run"]["id"], protected=False)
    assert client.get(f"{path}/").json()["output"] == shown


def _tasks(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{PROJECT}/", params={"limit": 100}).json()["results"]
    return found


def _count(client: httpx.Client, task: dict[str, Any]) -> int:
    return int(client.get(f"{PROJECT}/{task['id']}/runs/").json()["count"])
