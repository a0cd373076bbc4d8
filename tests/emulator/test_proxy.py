"""The stream token and the agent proxy: who gets in, what it sends, and how that differs from the other leg."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.proxy import shown, shown_text
from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.script.hostile import HOSTILE
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.streams import StreamSettings
from taskhouse.emulator.versions import VERSIONS

PROJECT = "/api/projects/1/tasks"
Own = Callable[..., tuple[Emulator, httpx.Client]]
Check = Callable[[Any, str], None]


def path_of(made: dict[str, Any]) -> str:
    return f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"


def token_of(client: httpx.Client, made: dict[str, Any], query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{path_of(made)}/stream_token/{query}").json()
    return found


def read(answer: dict[str, Any], made: dict[str, Any], query: str = "", **headers: str) -> httpx.Response:
    url = f"{answer['stream_base_url']}/v1/runs/{made['run_id']}/stream{query}"
    return httpx.get(url, headers={"Authorization": f"Bearer {answer['token']}", **headers}, timeout=30)


@pytest.fixture
def finished(own: Own) -> tuple[Emulator, httpx.Client, dict[str, Any]]:
    """A run of the proxy's that has just ended."""
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True, proxy=True)
    emulator.clock(advance_s=30)
    emulator.mutate("inject", run_id=made["run_id"], hostile=True)
    emulator.clock(advance_s=800)
    return emulator, client, made


def test_the_token_names_the_proxy_for_the_runs_that_go_there(own: Own, check: Check) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    through, past, thin = (
        emulator.mutate("new_task", run=True, **modes) for modes in ({"proxy": True}, {}, {"proxy": 1, "thin_tail": 1})
    )
    answer = token_of(client, through)
    check(answer, "current/StreamToken")
    assert answer["stream_base_url"] == f"{emulator.url}/agent-proxy"
    assert token_of(client, past)["stream_base_url"] is None
    assert token_of(client, thin)["stream_base_url"] is None
    assert emulator.requests()["by_endpoint"] == {"runs.stream_token": 3}


def test_a_share_of_the_runs_and_another_host_name(own: Own) -> None:
    emulator, client = own(tasks=40, live_runs=0, proxy=0.5, proxy_host="localhost")
    runs = emulator.truth()["runs"]
    assert 0.3 < sum(run["modes"] == ["proxied"] for run in runs) / len(runs) < 0.7
    run = next(run for run in runs if run["modes"])
    port = emulator.url.rpartition(":")[2]
    base = token_of(client, {**run, "run_id": run["id"]})["stream_base_url"]
    assert base == f"http://localhost:{port}/agent-proxy"


def test_it_sends_the_same_ids_compact_and_raw_but_no_progress_of_the_orchestrator(
    finished: tuple[Emulator, httpx.Client, dict[str, Any]],
) -> None:
    emulator, client, made = finished
    answer = read(token_of(client, made), made)
    assert answer.headers["content-type"] == "text/event-stream"
    django = client.get(f"{path_of(made)}/stream/").content.split(b"\n\n")
    proxy = answer.content.split(b"\n\n")
    assert proxy[-2:] == [b'event: stream-end\ndata: {"status":"complete"}', b""]
    own = [frame.split(b"\n")[0] for frame in proxy[:-2]]
    left_out = [frame for frame in django[:-2] if frame.split(b"\n")[0] not in own]
    assert [frame.split(b"\n")[0] for frame in django[:-2] if frame not in left_out] == own
    assert len(left_out) == 6
    assert all(b'"_posthog/progress"' in frame and b"event_id" not in frame for frame in left_out)
    assert b"\xe2\x80\xa8" in answer.content, "U+2028 as it is"
    assert len(answer.content) < sum(map(len, django))
    truth = next(run for run in emulator.truth()["runs"] if run["id"] == made["run_id"])["live"]
    texts = [b"\n".join(line[6:] for line in frame.split(b"\n")[1:]).decode() for frame in proxy[:-2]]
    joined = "".join(f"{redacted(text)}\n" for text in texts)
    assert truth["proxy"] == {"count": len(texts), "sha256": hashlib.sha256(joined.encode()).hexdigest()}
    assert truth["count"] == len(texts) + 6


def test_it_resumes_and_starts_at_the_latest_like_the_other_leg(
    finished: tuple[Emulator, httpx.Client, dict[str, Any]],
) -> None:
    _, client, made = finished
    token = token_of(client, made)
    whole = read(token, made).text.split("\n\n")
    cursor = whole[9].split("\n")[0].removeprefix("id: ")
    assert read(token, made, **{"Last-Event-ID": cursor}).text.split("\n\n") == whole[10:]
    assert (
        read(token, made, **{"Last-Event-ID": "log-3"}).text == 'event: error\ndata: {"error":"Stream read error"}\n\n'
    )


def test_a_missing_stream_of_a_finished_run_is_just_the_end(
    finished: tuple[Emulator, httpx.Client, dict[str, Any]],
) -> None:
    emulator, client, made = finished
    emulator.clock(advance_s=8 * 3600)
    assert read(token_of(client, made), made).text == 'event: stream-end\ndata: {"status":"complete"}\n\n'


def test_only_a_runs_own_token_in_the_header_opens_it(finished: tuple[Emulator, httpx.Client, dict[str, Any]]) -> None:
    emulator, client, made = finished
    answer = token_of(client, made)
    other = emulator.mutate("new_task", run=True, proxy=True)
    url = f"{answer['stream_base_url']}/v1/runs/{made['run_id']}/stream"
    head, body, signature = answer["token"].split(".")

    def refused(token: str | None, target: str = url) -> tuple[int, dict[str, str]]:
        said = httpx.get(target, headers={} if token is None else {"Authorization": f"Bearer {token}"})
        return said.status_code, said.json()

    missing = (401, {"error": "Missing stream read token"})
    assert refused(None) == refused(None, f"{url}?token={answer['token']}") == missing
    forged = (401, {"error": "Invalid stream read token", "code": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"})
    assert refused(f"{head}.{body}.{signature[:-2]}AA") == forged
    garbage = (401, {"error": "Invalid stream read token", "code": "ERR_JWT_INVALID"})
    assert refused(emulator.api_key) == refused("a.b.c") == garbage
    status, said = refused(answer["token"], url.replace(made["run_id"], other["run_id"]))
    assert (status, list(said)) == (403, ["error"])
    assert httpx.post(url).status_code == 405


def test_a_token_expires(finished: tuple[Emulator, httpx.Client, dict[str, Any]]) -> None:
    emulator, client, made = finished
    emulator.mutate("settings", token_s=60)
    answer = token_of(client, made)
    emulator.clock(advance_s=59)
    assert read(answer, made).status_code == 200
    emulator.clock(advance_s=2)
    said = read(answer, made)
    assert (said.status_code, said.json()["code"]) == (401, "ERR_JWT_EXPIRED")
    assert read(token_of(client, made), made).status_code == 200


def test_a_full_proxy_says_when_to_come_back(finished: tuple[Emulator, httpx.Client, dict[str, Any]]) -> None:
    emulator, client, made = finished
    emulator.mutate("settings", proxy_streams=0)
    said = read(token_of(client, made), made)
    assert (said.status_code, said.headers["Retry-After"]) == (503, "5")
    assert said.json() == {"error": "Too many concurrent stream connections"}


def test_faults_reach_the_proxy_by_its_own_name(finished: tuple[Emulator, httpx.Client, dict[str, Any]]) -> None:
    emulator, client, made = finished
    emulator.requests(reset=True)
    emulator.faults({"kind": "502", "endpoint": "proxy.*", "times": 1})
    answer = token_of(client, made)
    assert [read(answer, made).status_code for _ in range(2)] == [502, 200]
    assert emulator.requests()["by_endpoint"] == {"proxy.stream": 2, "runs.stream_token": 1}


def test_a_key_that_may_not_see_the_run_gets_no_token(own: Own) -> None:
    emulator, _ = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True, proxy=True)
    emulator.mutate("hide", task_id=made["task_id"], user_id=8)
    with httpx.Client(base_url=emulator.url, headers={"Authorization": "Bearer phx_second_user"}) as other:
        assert other.get(f"{path_of(made)}/stream_token/").status_code == 404


def test_a_lone_surrogate_is_an_escape_and_what_stands_beside_it_is_not() -> None:
    text = json.dumps({"text": "日本 \ud83d cut, 😀 whole \udc00"})
    assert shown_text(text) == '{"text":"日本 \\ud83d cut, 😀 whole \\udc00"}'


@pytest.mark.parametrize("name", HOSTILE)
def test_a_frame_and_the_text_in_it_are_shown_alike(name: str) -> None:
    text = HOSTILE[name]
    frame = f"id: 1-0\ndata: {text}\n\n".replace("\ndata: " + text, "\ndata: " + text.replace("\n", "\ndata: "))
    shown_frame = shown(frame.encode("utf-8", "surrogatepass"))
    assert shown_frame == f"id: 1-0\ndata: {shown_text(text)}\n\n".encode()
    try:
        same = json.loads(text) == json.loads(shown_text(text) or "")
    except (ValueError, RecursionError):
        same = text == shown_text(text)
    assert same or name == "nan"


RESYNC = b'event: end\ndata: {"type":"resync","reason":"trimmed"}\n\n'


def trimmed(own: Own, **changed: Any) -> tuple[Emulator, httpx.Client, dict[str, Any], str]:
    """A proxied run of a server whose stream keeps 60 entries, and the id of its first event, long trimmed away."""
    streams = StreamSettings(max_entries=60, node_entries=10, thin_entries=20)
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0, streams=streams, **changed)
    made = emulator.mutate("new_task", run=True, proxy=True, thin_tail=bool(changed.get("thin_tail")))
    emulator.clock(advance_s=700)
    first = next(run for run in emulator.truth()["runs"] if run["id"] == made["run_id"])["live"]["first_id"]
    return emulator, client, made, first


def test_a_trimmed_cursor_is_told_only_to_those_who_ask_and_only_by_the_proxy(own: Own) -> None:
    _, client, made, first = trimmed(own)
    answer = token_of(client, made)
    assert read(answer, made, "?resync=1", **{"Last-Event-ID": first}).content == RESYNC
    silent = read(answer, made, **{"Last-Event-ID": first}).content
    assert b"resync" not in silent
    assert silent.count(b"\nid: ") + silent.startswith(b"id: ") > 50
    assert read(answer, made, "?resync=true", **{"Last-Event-ID": first}).content == silent, "only 1 counts"
    assert read(answer, made, "?resync=1").content == silent, "without a cursor nothing was trimmed"
    kept = silent.split(b"\n", 1)[0].removeprefix(b"id: ").decode()
    resumed = read(answer, made, "?resync=1", **{"Last-Event-ID": kept}).content
    assert resumed == silent.partition(b"\n\n")[2], "the oldest survivor is no trimmed cursor"
    django = client.get(f"{path_of(made)}/stream/?resync=1", headers={"Last-Event-ID": first}).content
    assert django.endswith(b'event: stream-end\ndata: {"status": "complete"}\n\n'), "Django knows no such parameter"


def test_an_expired_stream_stays_without_a_word(own: Own) -> None:
    emulator, client, made, first = trimmed(own)
    emulator.clock(advance_s=1900)
    answer = read(token_of(client, made), made, "?resync=1", **{"Last-Event-ID": first})
    assert answer.content == b'event: stream-end\ndata: {"status":"complete"}\n\n'


def test_those_who_can_resync_read_thin_tail_runs_through_the_proxy_which_holds_only_their_tail(own: Own) -> None:
    _, client, made, first = trimmed(own, thin_tail=1.0)
    assert token_of(client, made)["stream_base_url"] is None
    answer = token_of(client, made, "?resync=true")
    assert answer["stream_base_url"]
    window = read(answer, made, "?resync=1").content
    assert b"id: log-" not in window
    assert 10 < window.count(b"\n\n") < 70
    assert read(answer, made, "?resync=1", **{"Last-Event-ID": first}).content == RESYNC
    assert client.get(f"{path_of(made)}/stream/").content.startswith(b"id: log-0\n")


def test_a_proxy_of_before_the_middle_of_september_2026_says_nothing(own: Own) -> None:
    _, client, made, first = trimmed(own, resync=False)
    answer = token_of(client, made, "?resync=true")
    assert b"resync" not in read(answer, made, "?resync=1", **{"Last-Event-ID": first}).content
    assert VERSIONS["2026-09"]["resync"] is False
