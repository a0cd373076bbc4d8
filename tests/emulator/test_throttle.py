"""The request limits of a key: 480 a minute, 4,800 an hour, sliding, with an honest Retry-After."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from taskhouse.emulator.clock import Clock
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import Key
from taskhouse.emulator.state.throttle import Throttle

START = datetime(2026, 9, 14, tzinfo=UTC)
Own = Callable[..., tuple[Emulator, httpx.Client]]
PATH = "/api/projects/1/tasks/repositories/"
KEYS = (Key(), Key("phx_same_user", 1, (), ("task:read",)), Key("pha_oauth", 1, (), ("task:read",)))


def test_the_481st_request_of_a_minute_is_refused_and_says_for_how_long(own: Own) -> None:
    emulator, client = own(throttle=True, tasks=3, live_runs=0, keys=KEYS)
    assert {client.get(PATH).status_code for _ in range(240)} == {200}
    emulator.clock(advance_s=20)
    assert {client.get(PATH).status_code for _ in range(240)} == {200}
    refused = client.get(PATH)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "40"
    assert refused.json() == {
        "type": "throttled_error",
        "code": "throttled",
        "detail": "Request was throttled. Expected available in 40 seconds.",
        "attr": None,
    }
    assert client.get("/api/projects/1/tasks/nonsense/").status_code == 429
    others = {"Authorization": "Bearer phx_same_user"}, {"Authorization": "Bearer pha_oauth"}
    assert [client.get(PATH, headers=headers).status_code for headers in others] == [200, 200]
    emulator.clock(advance_s=40)
    assert client.get(PATH).status_code == 200
    stream = client.get("/api/projects/1/tasks/x/runs/y/stream/", headers={"Accept": "text/event-stream"})
    assert stream.status_code == 404


def test_oauth_tokens_and_the_control_endpoints_are_not_limited(own: Own) -> None:
    emulator, client = own(throttle=True, tasks=1, live_runs=0, keys=KEYS)
    client.headers["Authorization"] = "Bearer pha_oauth"
    assert {client.get(PATH).status_code for _ in range(500)} == {200}
    assert emulator.requests()["by_endpoint"] == {"tasks.repositories": 500}


def test_a_throttled_stream_request_has_no_json_body_but_a_retry_after(own: Own) -> None:
    _, client = own(throttle=True, tasks=1, live_runs=0)
    for _ in range(480):
        client.get(PATH)
    answer = client.get("/api/projects/1/tasks/x/runs/y/stream/")
    assert (answer.status_code, answer.text) == (429, "typecodedetailattr")
    assert answer.headers["Retry-After"] == "60"


def test_the_windows_slide_and_a_refusing_window_does_not_count() -> None:
    clock = Clock(speed=0, start=START)
    throttle = Throttle(clock, ((2, 60), (100, 3600)))
    assert [throttle.wait_s("key") for _ in range(2)] == [None, None]
    clock.advance(59.5)
    assert [throttle.wait_s("key") for _ in range(5)] == [1] * 5
    clock.advance(0.5)
    assert throttle.wait_s("key") is None


def test_when_both_refuse_the_longer_wait_is_sent() -> None:
    clock = Clock(speed=0, start=START)
    throttle = Throttle(clock, ((2, 60), (2, 3600)))
    for _ in range(2):
        assert throttle.wait_s("key") is None
    assert throttle.wait_s("key") == 3600
    assert throttle.wait_s("other") is None
