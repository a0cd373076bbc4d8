"""Every way an answer can fail has one meaning, and none of them shows the key."""

import asyncio
import gzip
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from taskhouse.errors import (
    AccessDenied,
    ConfigurationError,
    Contract,
    NotFound,
    Permanent,
    Retryable,
    TaskhouseError,
    Throttled,
)
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.pages import Bad, LogPage, Page, Row
from taskhouse.posthog.request_stats import Meter
from taskhouse.posthog.retry import Policy
from taskhouse.settings import Settings
from tests.posthog.raw import Script, Server, answer, exact, serving

MakeSettings = Callable[..., Settings]
KEY = "phx_0123456789secret"
QUICK = Policy(attempts=3)


def hog(code: str, detail: str = "Why.", attr: str | None = None) -> bytes:
    return json.dumps({"type": "invalid_request", "code": code, "detail": detail, "attr": attr}).encode()


def ask(
    settings: MakeSettings,
    scripts: Sequence[Script],
    call: Callable[[TasksApi], Awaitable[Any]] = lambda api: api.task("t"),
    **options: Any,
) -> tuple[Any, Server, Meter]:
    async def run() -> tuple[Any, Server, Meter]:
        async with (
            serving(scripts) as server,
            PostHog(settings(server.origin, **options.pop("settings", {})), policy=QUICK, **options) as client,
        ):
            api = TasksApi(client, 1)
            try:
                return await call(api), server, api.meter
            except TaskhouseError as error:
                return error, server, api.meter

    return asyncio.run(run())


PERMANENT = [
    (answer(hog("authentication_failed"), "403 Forbidden"), AccessDenied, "authentication_failed: Why.", "not valid"),
    (answer(hog("not_authenticated"), "403 Forbidden"), AccessDenied, "not_authenticated", "received no key"),
    (answer(hog("permission_denied"), "403 Forbidden"), AccessDenied, "permission_denied", "task:read"),
    (answer(b"", "401 Unauthorized"), AccessDenied, "returned 401.", "task:read"),
    (answer(b'{"error":"no code access"}', "403 Forbidden"), AccessDenied, "403 no code access.", "task:read"),
    (answer(hog("not_found", "Not found."), "404 Not Found"), NotFound, "404 not_found: Not found.", "may not see"),
    (answer(b"typecodedetailattr", "404 Not Found"), NotFound, "returned 404.", ""),
    (answer(hog("invalid_input", "Bad.", "ids__1"), "400 Bad"), Permanent, "400 invalid_input (ids__1): Bad.", ""),
    (answer(hog("method_not_allowed"), "405 No"), Permanent, "405 method_not_allowed", ""),
    (answer(hog("not_acceptable"), "406 No"), Permanent, "406 not_acceptable", ""),
    (answer(hog("unsupported_media_type"), "415 No"), Permanent, "415 unsupported_media_type", ""),
    (
        answer(b"<html><title>A &amp; B</title>" + b"x" * 9000, "418 Teapot"),
        Permanent,
        "returned 418 (a web page: A & B).",
        "",
    ),
    (
        answer(b"", "302 Found", Location="https://us.example/login?next=1"),
        Permanent,
        "(302) to https://us.example",
        "",
    ),
    (answer(b"", "301 Moved", Location="/elsewhere"), Permanent, "to the same server", "POSTHOG_HOST"),
    (answer(b"[1]"), Contract, "list, not an object", ""),
    (answer(b"{}", Content_Encoding="br"), Contract, "encoding that was not asked for", ""),
]
PASSING = [
    answer(hog("error"), "500 Internal Server Error"),
    answer(b"<html>bad gateway", "502 Bad Gateway", kind="text/html"),
    answer(b"", "503 Unavailable", Retry_After="1"),
    answer(b"", "408 Timeout"),
    answer(b'{"id":', length=900),
    answer(b'{"id": [{}'),
    answer(b'{"id": "'),
    answer(b""),
    answer(gzip.compress(b'{"id": 1}')[:-9], Content_Encoding="gzip"),
    answer(b"no gzip at all", Content_Encoding="gzip"),
    exact(b""),
    exact(b"nonsense\r\n\r\n"),
    exact(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"'),
    answer(hog("throttled"), "429 Too Many Requests", Retry_After="2"),
    answer(hog("throttled"), "429 Too Many Requests", Retry_After="Tue, 01 Sep 2020 10:00:00 GMT"),
    answer(hog("throttled"), "429 Too Many Requests"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "other"),
    [
        (None, "https://eu.posthog.com"),
        ("https://us.posthog.com", "https://eu.posthog.com"),
        ("https://eu.posthog.com", "https://us.posthog.com"),
    ],
)
def test_a_key_refused_by_a_region_names_the_other(
    host: str | None, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTHOG_HOST", raising=False)
    monkeypatch.setenv("TASKHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_of_the_other_region")
    if host:
        monkeypatch.setenv("POSTHOG_HOST", host)
    body = b'{"code": "authentication_failed", "detail": "Invalid personal API key."}'
    client = PostHog(Settings(_env_file=None))
    error, _ = client.refused(httpx.Response(403), body, "GET /api/")
    asyncio.run(client.__aexit__(None, None, None))
    assert other in error.hint
    assert ("POSTHOG_HOST is not set" in error.hint) is (host is None)


@pytest.mark.parametrize(("script", "kind", "message", "hint"), PERMANENT)
def test_what_will_fail_again_is_asked_once(
    settings: MakeSettings, script: Script, kind: type[TaskhouseError], message: str, hint: str
) -> None:
    error, server, meter = ask(settings, [script])
    assert type(error) is kind
    assert message in error.message
    assert hint in error.hint
    assert len(error.message) < 700
    assert (len(server.requests), meter.requests, meter.retries) == (1, 1, 0)


@pytest.mark.parametrize("script", PASSING)
def test_what_may_pass_is_asked_again_until_it_does(settings: MakeSettings, script: Script) -> None:
    row, server, meter = ask(settings, [script, script, answer(b'{"id": "t"}')])
    assert row == Row({"id": "t"}, b'{"id": "t"}')
    assert (len(server.requests), meter.requests, meter.retries) == (3, 3, 2)
    assert sum(meter.statuses.values()) == 3


@pytest.mark.parametrize("script", PASSING)
def test_what_does_not_pass_is_given_up(settings: MakeSettings, script: Script) -> None:
    error, server, meter = ask(settings, [script])
    assert isinstance(error, Retryable | Contract)
    assert (len(server.requests), meter.retries) == (3, 2)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (answer(b"<html>", kind="text/html; charset=utf-8"), "(text/html) is not the JSON expected"),
        (answer(b'{"a":' + b"[" * 100_000 + b"}"), "nested too deeply"),
        (answer(b'{"id": 1 2}'), "Expecting ',' delimiter at character 9"),
    ],
)
def test_what_is_no_json_may_pass_but_ends_as_a_broken_contract(
    settings: MakeSettings, script: Script, message: str
) -> None:
    error, server, _ = ask(settings, [script])
    assert isinstance(error, Contract)
    assert message in error.message
    assert len(server.requests) == 3


def test_a_long_retry_after_is_throttled_and_says_until_when(settings: MakeSettings) -> None:
    error, server, _ = ask(settings, [answer(hog("throttled"), "429 Too Many", Retry_After="3000")])
    assert isinstance(error, Throttled)
    assert error.retry_after_s == 3000
    assert "asks to wait until 20" in error.message
    assert " UTC" in error.message
    assert len(server.requests) == 1


def test_what_the_server_asks_to_wait_is_waited_and_counted(settings: MakeSettings) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    at, until = "Mon, 03 Mar 2031 06:00:00 GMT", "Mon, 03 Mar 2031 06:00:12 GMT"
    moment = answer(b"", "429 Too Many", Date=at, Retry_After=until)
    scripts = [answer(b"", "429 Too Many", Retry_After="30"), moment, answer(b"{}")]
    _, _, meter = ask(settings, scripts, sleep=sleep)
    assert slept == [30, 12], "a moment is one of the server's clock"
    assert meter.throttled_s == 42


def test_a_server_that_does_not_listen_is_retryable(settings: MakeSettings) -> None:
    async def run() -> None:
        async with serving([]) as server:
            pass
        async with PostHog(settings(server.origin), policy=QUICK) as client:
            api = TasksApi(client, 1)
            with pytest.raises(Retryable, match=r"got no answer from http://127\.0\.0\.1"):
                await api.task("t")
            assert api.meter.statuses == {0: 3}

    asyncio.run(run())


def test_silence_is_retryable(settings: MakeSettings) -> None:
    async def call(api: TasksApi) -> Any:
        return await api.client.request(
            "GET", "/x", read=lambda got: got, priority=api.priority, meter=api.meter, read_s=0.02
        )

    error, server, _ = ask(settings, [exact(b"HTTP/1.1 200 OK\r\n", hold=True)], call)
    assert type(error) is Retryable
    assert "ReadTimeout" in error.message
    assert len(server.requests) == 3


def test_a_body_that_may_have_been_cut_unnoticed_is_retryable(settings: MakeSettings) -> None:
    error, _, _ = ask(settings, [exact(b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": "t')])
    assert type(error) is Retryable
    assert "incomplete body" in error.message


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_above_the_cap_is_refused_before_it_is_held(settings: MakeSettings, packed: bool) -> None:  # noqa: FBT001
    body = b" " * 50_000_000
    script = answer(gzip.compress(body, 1), Content_Encoding="gzip") if packed else answer(body)
    error, server, _ = ask(settings, [script], cap=10_000)
    assert isinstance(error, Contract)
    assert "more than 10000 bytes" in error.message
    assert len(server.requests) == 1


def test_a_gzip_body_is_read_whole(settings: MakeSettings) -> None:
    text = json.dumps({"id": "t", "x": "y" * 5_000_000}).encode()
    row, _, meter = ask(settings, [answer(gzip.compress(text), Content_Encoding="gzip")])
    assert row.text == text
    assert meter.bytes == len(text)


def test_the_server_cannot_write_into_our_terminal(settings: MakeSettings) -> None:
    error, _, _ = ask(settings, [answer(hog("x\x1b[31m", "a\u202eb\n\rc" + "d" * 5000), "400 Bad")])
    assert "x [31m: a b c" in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    "url", ["https://evil.example/x", "//evil.example/x", "http://127.0.0.1:1/x", "http://a@127.0.0.1/"]
)
def test_another_origin_is_refused(settings: MakeSettings, url: str) -> None:
    async def run() -> None:
        async with PostHog(settings("http://127.0.0.1:8000")) as client:
            assert client.url("http://127.0.0.1:8000/a?b") == "http://127.0.0.1:8000/a?b"
            with pytest.raises(Permanent, match="sends the key nowhere else"):
                client.url(url)

    asyncio.run(run())


def test_ids_cannot_climb_out_of_their_place_in_the_path(settings: MakeSettings) -> None:
    async def call(api: TasksApi) -> Any:
        return await api.run("../../x?y#z", "..")

    _, server, _ = ask(settings, [answer(b"{}")], call)
    assert server.paths() == ["/api/projects/1/tasks/..%2F..%2Fx%3Fy%23z/runs/%2E%2E/"]


def test_what_is_sent(settings: MakeSettings) -> None:
    async def call(api: TasksApi) -> Any:
        await api.list_tasks(100, 200, ordering="-last_activity_at", internal="all", pinned=True)
        await api.summaries(["a", "b"], 100, 100)
        await api.readiness("org/repo", 7)
        await api.readiness("org/repo", 30, refresh=True)
        await api.me()
        return await api.list_runs("t")

    body: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
    _, server, _ = ask(settings, [answer(json.dumps(body).encode())], call)
    assert server.paths() == [
        "/api/projects/1/tasks/?limit=100&offset=200&ordering=-last_activity_at&internal=all&pinned=true",
        "/api/projects/1/tasks/summaries/?limit=100&offset=100",
        "/api/projects/1/tasks/repository_readiness/?repository=org%2Frepo&window_days=7",
        "/api/projects/1/tasks/repository_readiness/?repository=org%2Frepo&window_days=30&refresh=true",
        "/api/users/@me/",
        "/api/projects/1/tasks/t/runs/?limit=100&offset=0",
    ]
    assert json.loads(server.requests[1][1]) == {"ids": ["a", "b"]}
    assert {server.header(index, "authorization") for index in range(6)} == {f"Bearer {KEY}"}
    assert (server.header(0, "user-agent") or "").startswith("taskhouse/")


def test_rows_keep_their_text_and_odd_elements_are_kept_apart(settings: MakeSettings) -> None:
    body = b'{"count": 3, "next": null, "results": [{"id":"a", "x":1.50}, null ,{"id":"a","id":"b"}]}'
    page, _, _ = ask(settings, [answer(body)], lambda api: api.list_tasks())
    assert isinstance(page, Page)
    assert page.rows == [Row({"id": "a", "x": 1.5}, b'{"id":"a", "x":1.50}'), Row({"id": "b"}, b'{"id":"a","id":"b"}')]
    assert (page.bad, page.count, page.next) == ([Bad(b"null", "not an object")], 3, None)


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"{}", b'{"count":1,"next":null}', b'{"count":1,"next":null,"results":{}}'),
        *(b'{"count":-1,"next":null,"results":[]}', b'{"count":"1","next":null,"results":[]}'),
        *(b'{"count":true,"next":null,"results":[]}', b'{"count":1,"results":[]}'),
        b'{"count":1,"next":5,"results":[]}',
    ],
)
def test_an_envelope_that_is_not_as_documented_is_a_broken_contract(settings: MakeSettings, body: bytes) -> None:
    assert isinstance(ask(settings, [answer(body)], lambda api: api.list_tasks())[0], Contract)


def test_repositories(settings: MakeSettings) -> None:
    found, _, _ = ask(settings, [answer(b'{"repositories":["a/b", 5, "c/d", ""]}')], lambda api: api.repositories())
    assert (found.names, found.bad) == (["a/b", "c/d"], [b"5", b'""'])


def test_a_log_page_keeps_every_entry_as_it_came(settings: MakeSettings) -> None:
    script = answer(b'[{"a": 1.0},  "x" ,{"\xff":NaN}]', X_Total_Count="7", X_Has_More="True")
    page, server, _ = ask(settings, [script], lambda api: api.session_logs("t", "r", 5000, 4))
    assert isinstance(page, LogPage)
    assert (page.entries, page.total, page.has_more) == ([b'{"a": 1.0}', b'"x"', b'{"\xff":NaN}'], 7, True)
    assert server.paths() == ["/api/projects/1/tasks/t/runs/r/session_logs/?limit=5000&offset=4"]


@pytest.mark.parametrize("headers", [{}, {"X_Total_Count": "1"}, {"X_Total_Count": "x", "X_Has_More": "true"}])
def test_a_log_page_without_its_headers_is_a_broken_contract(settings: MakeSettings, headers: dict[str, Any]) -> None:
    error, _, _ = ask(settings, [answer(b"[]", **headers)], lambda api: api.session_logs("t", "r"))
    assert type(error) is Contract


ECHO = answer(json.dumps({"code": KEY, "detail": f"{KEY} {'x' * 190} {KEY}", "attr": KEY}).encode(), "400 Bad")


@pytest.mark.parametrize(
    "script",
    [script for script, *_ in PERMANENT]
    + PASSING
    + [
        ECHO,
        answer(f"{'y' * 195}{KEY}".encode(), "403 No"),
        answer(b"", "302 Found", Location=f"https://{KEY}.example/"),
    ]
    + [answer(b"", "429 Too Many", Retry_After="9999"), answer(KEY.encode()), exact(f"{KEY}\r\n\r\n".encode())],
)
def test_the_key_is_in_no_message_log_or_repr(
    settings: MakeSettings, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    async def run() -> None:
        async with serving([script]) as server, PostHog(settings(server.origin), policy=QUICK) as client:
            api = TasksApi(client, 1)
            shown.extend(map(repr, (client, api, client.budget, client.policy)))
            try:
                await api.task("t")
            except TaskhouseError as error:
                seen: BaseException | None = error
                while seen is not None:
                    shown.extend((str(seen), repr(seen), repr(vars(seen)), *traceback.format_exception(seen)))
                    seen = seen.__cause__ or seen.__context__
            else:
                pytest.fail("no error")

    asyncio.run(run())
    everything = "\n".join([*shown, caplog.text, *(repr(record.__dict__) for record in caplog.records)])
    assert "taskhouse" in everything
    assert "0123456789" not in everything


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(settings: MakeSettings) -> None:
    for bad in ("phx_a\nb", "phx_é", "phx a", "phx\x00"):
        with pytest.raises(ConfigurationError) as caught:
            PostHog(settings("https://eu.posthog.com", api_key=bad))
        assert bad not in repr(caught.value)
        assert "phx" not in str(caught.value)


def test_every_request_of_a_call_that_does_not_wait_gives_up_without_room(settings: MakeSettings) -> None:
    async def run() -> None:
        async with PostHog(settings("http://localhost:1", requests_per_hour=1)) as client:
            await client.budget.acquire(Priority.SWEEP)
            api = TasksApi(client, 1, priority=Priority.SWEEP, within_s=0.0)
            for call in (api.summaries(["t"]), api.task("t"), api.list_tasks(1)):
                with pytest.raises(Throttled):
                    await call

    asyncio.run(run())
