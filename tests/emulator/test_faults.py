"""Each fault, as a client meets it; and the account of which are set."""

import json
import socket
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator

PROJECT = "/api/projects/1/tasks"
LIST = f"{PROJECT}/?limit=20&internal=all&archived=all"
Own = Callable[..., tuple[Emulator, httpx.Client]]
CUT = (httpx.RemoteProtocolError, httpx.ReadError)
Pair = tuple[Emulator, httpx.Client]


@pytest.fixture
def pair(emulator: Emulator, client: httpx.Client) -> Pair:
    """The shared emulator; each test sets its faults for a number of requests and leaves none."""
    emulator.faults()
    emulator.requests(reset=True)
    return emulator, client


def finished_stream(emulator: Emulator) -> str:
    run = next(run for run in emulator.truth()["runs"] if run["status"] == "completed" and run["live"]["count"] > 20)
    return f"{PROJECT}/{run['task_id']}/runs/{run['id']}/stream/"


def plain(client: httpx.Client) -> Any:
    answer = client.get(LIST).json()
    for row in answer["results"]:
        if row["latest_run"]:
            row["latest_run"].pop("log_url")
            row["latest_run"].pop("artifacts")
    return answer


@pytest.mark.parametrize("value", ["7", "0", "120"])
def test_429_with_any_retry_after_in_seconds(pair: Pair, value: str) -> None:
    emulator, client = pair
    emulator.faults({"kind": "429", "endpoint": "tasks.list", "times": 1, "retry_after": int(value)})
    refused = client.get(LIST)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, value)
    assert refused.json()["code"] == "throttled"
    assert client.get(LIST).status_code == 200


def test_429_with_an_http_date(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults({"kind": "429", "times": 1, "retry_after_date_s": 30})
    headers = client.get(LIST).headers
    until, now = (parsedate_to_datetime(headers[name]) for name in ("Retry-After", "Date"))
    assert 29 <= (until - now).total_seconds() <= 31, "by the emulator's clock"


@pytest.mark.parametrize(
    ("kind", "media_type"), [("500", "application/json"), ("502", "text/html"), ("503", "text/html")]
)
def test_5xx_until_cleared(pair: Pair, kind: str, media_type: str) -> None:
    emulator, client = pair
    emulator.faults({"kind": kind, "path": r"/repositories/?$"})
    for _ in range(3):
        answer = client.get(f"{PROJECT}/repositories/")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (int(kind), media_type)
    assert client.get(LIST).status_code == 200
    assert client.delete("/_emulator/faults").json() == []
    assert client.get(f"{PROJECT}/repositories/").status_code == 200


def test_any_status_with_any_headers_and_body(pair: Pair) -> None:
    emulator, client = pair
    fault = {"kind": "status", "status": 308, "headers": {"Location": "/elsewhere"}, "body": "gone", "times": 1}
    emulator.faults(fault)
    answer = client.get(LIST)
    assert (answer.status_code, answer.headers["Location"], answer.text) == (308, "/elsewhere", "gone")


def test_a_reset_in_the_middle_of_a_body_is_a_real_one(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults({"kind": "reset", "endpoint": "tasks.list", "times": 2, "after_bytes": 900})
    with pytest.raises(CUT):
        client.get(LIST)
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        request = f"GET {LIST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {emulator.api_key}\r\n\r\n"
        connection.sendall(request.encode())
        received: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            received.extend(iter(lambda: connection.recv(65536), b""))
    body = b"".join(received)
    assert body.startswith(b"HTTP/1.1 200 OK")
    assert len(body.partition(b"\r\n\r\n")[2]) == 900
    assert client.get(LIST).status_code == 200


def test_a_stall_falls_silent_and_goes_on(pair: Pair) -> None:
    emulator, client = pair
    whole = plain(client)
    emulator.faults({"kind": "stall", "endpoint": "tasks.list", "times": 2, "seconds": 0.3})
    with pytest.raises(httpx.ReadTimeout):
        client.get(LIST, timeout=0.1)
    began = time.monotonic()
    assert plain(client) == whole
    assert time.monotonic() - began >= 0.3


def test_a_delay_comes_before_anything_is_sent(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults({"kind": "delay", "times": 1, "seconds": 0.2})
    began = time.monotonic()
    assert client.get(LIST).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_body_that_is_not_json(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults(
        {"kind": "not_json", "times": 1}, {"kind": "not_json", "times": 1, "content_type": "application/json"}
    )
    for media_type in ("text/html; charset=utf-8", "application/json"):
        answer = client.get(LIST)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        with pytest.raises(json.JSONDecodeError):
            answer.json()


def test_a_truncated_body_has_an_honest_length(pair: Pair) -> None:
    emulator, client = pair
    whole = len(client.get(LIST).content)
    emulator.faults({"kind": "truncated", "times": 1, "share": 0.25})
    cut = client.get(LIST)
    assert abs(len(cut.content) - whole // 4) < 100
    with pytest.raises(json.JSONDecodeError):
        cut.json()


@pytest.mark.parametrize("clean", [True, False])
def test_a_stream_is_cut_in_the_middle_of_a_frame(pair: Pair, clean: bool) -> None:  # noqa: FBT001
    emulator, client = pair
    path = finished_stream(emulator)
    whole = client.get(path).text
    emulator.faults({"kind": "cut_frame", "endpoint": "runs.stream", "times": 1, "after_frames": 3, "clean": clean})
    received: list[str] = []
    with client.stream("GET", path) as stream:
        if clean:
            received.extend(stream.iter_text())
        else:
            with pytest.raises(CUT):
                received.extend(stream.iter_text())
    text = "".join(received)
    if clean:
        assert text.count("\n\n") == 3
        assert not text.endswith("\n")
    assert whole.startswith(text)
    assert client.get(path).text == whole


def test_a_stream_is_reset_or_stalled_between_frames(pair: Pair) -> None:
    emulator, client = pair
    path = finished_stream(emulator)
    emulator.faults({"kind": "stall", "endpoint": "runs.stream", "times": 1, "seconds": 0.2})
    assert client.get(path).text.endswith('event: stream-end\ndata: {"status": "complete"}\n\n')
    emulator.faults({"kind": "reset", "endpoint": "runs.stream", "times": 1, "after_bytes": 2000})
    with pytest.raises(CUT):
        client.get(path)


def edited(pair: Pair, **fault: Any) -> tuple[Any, Any]:
    """The list as it is, and as the fault makes it."""
    emulator, client = pair
    before = plain(client)
    emulator.faults({"endpoint": "tasks.list", "times": 1, **fault})
    after = plain(client)
    assert emulator.active_faults() == []
    return before, after


def test_missing_mistyped_and_unknown_fields(pair: Pair) -> None:
    before, after = edited(pair, kind="missing_field", field="results.1.repository")
    assert "repository" not in after["results"][1]
    assert after["results"][2:] == before["results"][2:]
    _, after = edited(pair, kind="mistyped_field", field="results.*.title", value=7)
    assert {row["title"] for row in after["results"]} == {7}
    _, after = edited(pair, kind="unknown_field", name="novelty")
    assert all("novelty" in row for row in after["results"])


def test_an_unknown_enum_value(pair: Pair) -> None:
    _, after = edited(pair, kind="unknown_enum", value="paused")
    assert {row["latest_run"]["status"] for row in after["results"] if row["latest_run"]} == {"paused"}
    _, after = edited(pair, kind="unknown_enum", field="results.*.origin_product")
    assert {row["origin_product"] for row in after["results"]} == {"brand_new_value"}


def test_rows_twice_rows_missing_and_a_count_that_lies(pair: Pair) -> None:
    before, after = edited(pair, kind="duplicate_row")
    assert after["results"] == [*before["results"], before["results"][0]]
    before, after = edited(pair, kind="missing_row")
    assert after == {**before, "results": before["results"][:-1]}
    before, after = edited(pair, kind="count_lies", by=-3)
    assert after == {**before, "count": before["count"] - 3}


def test_a_next_that_repeats_cycles_or_leads_elsewhere(pair: Pair) -> None:
    emulator, client = pair
    _, after = edited(pair, kind="next_repeats")
    assert after["next"] == f"{emulator.url}{LIST}"
    emulator.faults({"kind": "next_cycles", "times": 1})
    third = client.get(f"{LIST}&offset=40").json()
    assert client.get(third["next"]).json()["previous"] is None
    before, after = edited(pair, kind="next_elsewhere", host="evil.example.com")
    assert after["next"] == before["next"].replace(emulator.url, "https://evil.example.com")


def test_a_page_that_is_smaller_than_asked(pair: Pair) -> None:
    before, after = edited(pair, kind="page_clamped", limit=5)
    assert after["results"] == before["results"][:5]
    assert "limit=5&offset=5" in after["next"].replace("internal=all&", "")


def test_a_header_is_changed_or_left_out(pair: Pair) -> None:
    emulator, client = pair
    path = finished_stream(emulator).replace("/stream/", "/session_logs/")
    emulator.faults(
        {"kind": "header", "name": "X-Has-More", "value": "true", "times": 1},
        {"kind": "header", "name": "X-Total-Count", "times": 1},
    )
    answer = client.get(path)
    assert answer.headers["X-Has-More"] == "true"
    assert "X-Total-Count" not in answer.headers


def test_faults_wait_their_turn_and_count_their_hits(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults({"kind": "503", "endpoint": "tasks.*", "after": 2, "times": 2})
    assert [client.get(LIST).status_code for _ in range(5)] == [200, 200, 503, 503, 200]
    emulator.faults({"kind": "500", "endpoint": "runs.list"})
    client.get(LIST)
    client.get(f"{PROJECT}/x/runs/")
    (shown,) = emulator.active_faults()
    assert (shown["kind"], shown["endpoint"], shown["seen"], shown["hits"]) == ("500", "runs.list", 1, 1)
    assert emulator.faults() == []
    assert emulator.requests()["by_status"] == {"200": 4, "500": 1, "503": 2}


def test_several_faults_hit_one_request_but_an_answer_spares_the_rest(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults(
        {"kind": "unknown_field", "name": "one", "times": 1},
        {"kind": "unknown_field", "name": "two", "times": 1},
        {"kind": "502", "times": 1, "after": 1},
        {"kind": "unknown_field", "name": "three", "times": 1},
    )
    row = client.get(LIST).json()["results"][0]
    assert {"one", "two", "three"} <= set(row)
    assert client.get(LIST).status_code == 502


def test_a_fault_that_nobody_knows_is_refused_whole(pair: Pair) -> None:
    emulator, client = pair
    for wrong in ({"kind": "earthquake"}, "429", {"kind": "429", "times": 0}, {"kind": "429", "path": "("}):
        answer = client.post("/_emulator/faults", json=[{"kind": "500"}, wrong])
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert emulator.active_faults() == []


def test_faults_of_pages_leave_other_answers_alone(pair: Pair) -> None:
    emulator, client = pair
    session_logs = finished_stream(emulator).replace("/stream/", "/session_logs/")
    for path in (f"{PROJECT}/repositories/", session_logs):
        whole = client.get(path).json()
        for kind in ("count_lies", "next_repeats", "next_cycles", "next_elsewhere"):
            emulator.faults({"kind": kind, "times": 1, "always": True})
            assert client.get(path).json() == whole, kind


def test_a_page_of_a_log_can_lack_an_entry_or_have_one_twice(pair: Pair) -> None:
    emulator, client = pair
    path = finished_stream(emulator).replace("/stream/", "/session_logs/")
    whole = client.get(path).json()
    for fault, page in (
        ({"kind": "duplicate_row"}, [*whole, whole[0]]),
        ({"kind": "missing_row"}, whole[:-1]),
        ({"kind": "missing_row", "at": 2}, [*whole[:2], *whole[3:]]),
    ):
        emulator.faults({**fault, "times": 1})
        answer = client.get(path)
        assert (answer.json(), answer.headers["X-Total-Count"]) == (page, str(len(whole)))


@pytest.mark.parametrize(("kind", "on_the_wire"), [("large", 20_000_000), ("gzip_bomb", 25_000)])
def test_a_body_of_any_size_that_is_true_nevertheless(pair: Pair, kind: str, on_the_wire: int) -> None:
    emulator, client = pair
    whole = plain(client)
    emulator.faults({"kind": kind, "times": 2, "bytes": 20_000_000})
    assert plain(client) == whole
    with client.stream("GET", LIST) as answer:
        assert len(answer.read()) == 20_000_000
        assert answer.num_bytes_downloaded <= on_the_wire + len(json.dumps(whole))


def test_endless_nesting_in_a_field_or_in_place_of_the_body(pair: Pair) -> None:
    emulator, client = pair
    emulator.faults({"kind": "deep", "times": 1, "depth": 3, "field": "results.1.title"})
    assert client.get(LIST).json()["results"][1]["title"] == [[[]]]
    emulator.faults({"kind": "deep", "times": 1})
    with pytest.raises(RecursionError):
        client.get(LIST).json()


def test_a_key_whose_owner_or_membership_changes(own: Own) -> None:
    emulator, client = own(tasks=60, members={8: ()})
    mine, theirs = client.get(LIST).json()["count"], emulator.truth(key="phx_second_user", runs=False)["tasks"]
    emulator.faults({"kind": "viewer", "user_id": 2, "after": 1, "times": 1, "endpoint": "tasks.list"})
    assert [client.get(LIST).json()["count"] for _ in range(3)] == [mine, len(theirs), mine]
    emulator.faults({"kind": "viewer", "user_id": 2}, {"kind": "viewer", "user_id": 8, "after": 1})
    assert client.get("/api/users/@me/").json()["id"] == 2
    assert client.get(LIST).status_code == 403


def test_mutations_between_the_pages(own: Own) -> None:
    emulator, client = own(tasks=60)
    one, two = (row["id"] for row in client.get(LIST).json()["results"][:2])
    count = client.get(LIST).json()["count"]
    emulator.faults(
        {"kind": "mutate", "action": "delete", "task_id": one, "after": 1, "times": 1},
        {"kind": "mutate", "action": "rename", "task_id": two, "title": "new", "after": 2, "times": 1},
        {"kind": "mutate", "action": "new_task", "after": 2, "times": 1},
    )
    pages = [client.get(LIST).json() for _ in range(3)]
    assert [page["count"] for page in pages] == [count, count - 1, count]
    assert [page["results"][1]["title"] == "new" for page in pages] == [False, False, True]
    answer = client.post("/_emulator/faults", json={"kind": "mutate", "action": "earthquake"})
    assert (answer.status_code, "new_task" in answer.json()["error"]) == (400, True)
