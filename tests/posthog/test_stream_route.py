"""Two legs of one stream: which is taken, that their cursors never mix, and that no secret goes to the wrong one."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import NamedTuple

import pytest

from taskhouse.errors import AccessDenied
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.follow import Ending, StreamBatch, follow
from taskhouse.posthog.reconnect_policy import FollowPolicy
from taskhouse.posthog.sse import Frame
from taskhouse.settings import Settings
from tests.posthog.conftest import KEY
from tests.posthog.raw import Script, Server, answer, events, exact, serving

MakeSettings = Callable[..., Settings]
ROTATED = b'event: end\ndata: {"type":"rotated"}\n\n'
STREAM_END = b'event: stream-end\ndata: {"status":"complete"}\n\n'
TOKEN = "run.token.of-r"
EXPIRED = answer(b'{"error":"Invalid stream read token","code":"ERR_JWT_EXPIRED"}', "401 Unauthorized")
BUSY = answer(b'{"error":"Too many concurrent stream connections"}', "503 Service Unavailable", Retry_After="5")


def event(number: int) -> bytes:
    return f'id: 17-{number}\ndata: {{"n":{number}}}\n\n'.encode()


class GivenClock(NamedTuple):
    """What came, and what both servers got."""

    batches: list[StreamBatch]
    api: Server
    proxy: Server

    @property
    def numbers(self) -> list[tuple[str, int]]:
        return [
            (batch.leg, json.loads(frame.data)["n"])
            for batch in self.batches
            for frame in batch.frames
            if isinstance(frame, Frame)
        ]

    @property
    def asked(self) -> list[str]:
        return [path.partition("?")[0].rstrip("/").rpartition("/")[2] for path in self.api.paths()]


def followed(
    settings: MakeSettings,
    api: Sequence[Script | str],
    proxy: Sequence[Script] = (),
    *,
    policy: FollowPolicy | None = None,
    runs: Sequence[str] = ("r",),
    cursor: str | None = None,
    leg: str = "django",
    **options: object,
) -> GivenClock:
    """Follow run after run; in the API's scripts, ``token`` and ``null`` are answers of the token endpoint."""

    async def run() -> GivenClock:
        async with AsyncExitStack() as stack:
            other = await stack.enter_async_context(serving(proxy or [answer(b"", "500 No")]))
            base = other.origin if "base" not in options else options.pop("base")
            said = {
                "token": answer(json.dumps({"token": TOKEN, "stream_base_url": base}).encode()),
                "null": answer(json.dumps({"token": TOKEN, "stream_base_url": None}).encode()),
            }
            main = await stack.enter_async_context(serving([said[one] if isinstance(one, str) else one for one in api]))
            made = settings(main.origin, **{"stream_leg": "auto", **options})
            client = await stack.enter_async_context(PostHog(made))
            found: list[StreamBatch] = []
            for name in runs:
                found += [
                    batch
                    async for batch in follow(
                        TasksApi(client, 1), "t", name, cursor=cursor, leg=leg, policy=policy or FollowPolicy()
                    )
                ]
            for head, _ in other.requests:
                assert KEY not in head, "the key never goes to the proxy"
            for head, _ in main.requests:
                assert TOKEN not in head, "the token never goes anywhere else"
                assert f"authorization: bearer {KEY}" in head.lower()
            assert not any(secret in batch.note for batch in found for secret in (KEY, TOKEN))
            return GivenClock(found, main, other)

    return asyncio.run(asyncio.wait_for(run(), 20))


def _bare(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def cursors(server: Server, ending: str = "stream") -> list[str | None]:
    paths = server.paths()
    return [server.header(n, "last-event-id") for n, path in enumerate(paths) if _bare(path).endswith(ending)]


def test_by_default_no_token_is_asked_for(settings: MakeSettings) -> None:
    heard = followed(settings, [events(event(1), STREAM_END)], stream_leg="django")
    assert heard.numbers == [("django", 1)]
    assert heard.asked == ["stream"]
    assert settings("https://eu.posthog.com").stream_leg == "django"


def test_a_run_that_names_the_proxy_is_read_there_with_its_token_alone(settings: MakeSettings) -> None:
    heard = followed(settings, ["token"], [events(event(1) + event(2)), events(event(3), ROTATED), events(STREAM_END)])
    assert heard.numbers == [("proxy", 1), ("proxy", 2), ("proxy", 3)]
    assert (heard.batches[-1].ending, heard.batches[-1].leg) == (Ending.STREAM_END, "proxy")
    assert heard.batches[-1].cursor == "17-3"
    assert heard.proxy.paths() == ["/v1/runs/r/stream?resync=1"] * 3
    assert cursors(heard.proxy) == [None, "17-2", "17-3"]
    assert {heard.proxy.header(n, "authorization") for n in range(3)} == {f"Bearer {TOKEN}"}
    assert heard.asked == ["stream_token"], "one request a run, not one a connection"
    assert heard.api.paths() == ["/api/projects/1/tasks/t/runs/r/stream_token/?resync=true"]


def test_after_a_resync_the_proxy_is_read_again_without_a_cursor(settings: MakeSettings) -> None:
    resync = b'event: end\ndata: {"type":"resync","reason":"trimmed"}\n\n'
    heard = followed(settings, ["token"], [events(event(1)), events(resync), events(event(5)), events(STREAM_END)])
    assert heard.numbers == [("proxy", 1), ("proxy", 5)]
    assert cursors(heard.proxy) == [None, "17-1", None, "17-5"]
    assert [(batch.leg, batch.trimmed) for batch in heard.batches if batch.trimmed] == [("proxy", "17-1")]


def test_without_a_url_the_run_is_read_on_django(settings: MakeSettings) -> None:
    heard = followed(settings, ["null", events(event(1)), events(STREAM_END)])
    assert heard.numbers == [("django", 1)]
    assert heard.asked == ["stream_token", "stream", "stream"]


def test_that_answer_is_kept_too(settings: MakeSettings) -> None:
    heard = followed(settings, ["null", events(STREAM_END), events(STREAM_END), "null", events(STREAM_END)], runs="rrq")
    assert heard.asked == ["stream_token", "stream", "stream", "stream_token", "stream"]


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "405 No"])
def test_an_old_server_is_asked_once(settings: MakeSettings, status: str) -> None:
    heard = followed(settings, [answer(b"{}", status), events(), events(STREAM_END)])
    assert heard.asked == ["stream_token", "stream", "stream"]
    assert heard.batches[-1].ending is Ending.STREAM_END


@pytest.mark.parametrize(
    "trouble", [answer(b"", "429 Slow", Retry_After="7"), answer(b"", "502 Bad"), exact(b""), answer(b"[1]")]
)
def test_trouble_with_the_token_is_django_for_this_round(settings: MakeSettings, trouble: Script) -> None:
    heard = followed(settings, [trouble, events(), "token"], [events(event(1), STREAM_END)])
    assert heard.asked == ["stream_token", "stream", "stream_token"]
    assert heard.numbers == [("proxy", 1)]


def test_a_run_that_gave_events_on_django_stays_there(settings: MakeSettings) -> None:
    heard = followed(settings, [answer(b"", "502 Bad"), events(event(1)), events(event(2), STREAM_END)])
    assert heard.numbers == [("django", 1), ("django", 2)]
    assert heard.asked == ["stream_token", "stream", "stream"]
    assert cursors(heard.api) == [None, "17-1"]


def test_a_stored_cursor_of_django_needs_no_token(settings: MakeSettings) -> None:
    heard = followed(settings, [events(STREAM_END)], cursor="17-9")
    assert heard.asked == ["stream"]
    assert cursors(heard.api) == ["17-9"]


def test_a_stored_cursor_of_the_proxy_is_used_there_and_nowhere_else(settings: MakeSettings) -> None:
    heard = followed(settings, ["token"], [events(STREAM_END)], cursor="17-9", leg="proxy")
    assert cursors(heard.proxy) == ["17-9"]
    heard = followed(settings, ["null", events(STREAM_END)], cursor="17-9", leg="proxy")
    assert cursors(heard.api) == [None]
    heard = followed(settings, [events(STREAM_END)], cursor="17-9", leg="proxy", stream_leg="django")
    assert (cursors(heard.api), heard.batches[-1].cursor, heard.batches[-1].leg) == ([None], None, "django")


def test_an_expired_token_is_renewed_and_the_cursor_kept(settings: MakeSettings) -> None:
    heard = followed(settings, ["token", "token"], [events(event(1)), EXPIRED, events(event(2), STREAM_END)])
    assert heard.numbers == [("proxy", 1), ("proxy", 2)]
    assert cursors(heard.proxy) == [None, "17-1", "17-1"]
    assert heard.asked == ["stream_token", "stream_token"]


def test_a_proxy_that_takes_no_token_is_given_up_and_its_cursor_with_it(settings: MakeSettings) -> None:
    api: list[Script | str] = ["token", *["token"] * 4, events(event(1), STREAM_END)]
    heard = followed(settings, api, [events(event(9)), EXPIRED])
    assert heard.numbers == [("proxy", 9), ("django", 1)]
    assert heard.asked == ["stream_token"] * 5 + ["stream"]
    assert cursors(heard.api) == [None]
    assert len(heard.proxy.requests) == 6
    assert (heard.batches[-1].leg, heard.batches[-1].cursor) == ("django", "17-1")


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "406 No"])
def test_a_proxy_that_refuses_the_run_leads_to_django(settings: MakeSettings, status: str) -> None:
    heard = followed(settings, ["token", events(event(1), STREAM_END)], [answer(b'{"error":"no"}', status)])
    assert heard.numbers == [("django", 1)]
    assert len(heard.proxy.requests) == 1


def test_a_proxy_that_is_full_is_waited_for_as_it_asks(settings: MakeSettings) -> None:
    heard = followed(settings, ["token"], [BUSY, BUSY, events(event(1), STREAM_END)])
    assert heard.numbers == [("proxy", 1)]
    assert heard.asked == ["stream_token"]


@pytest.mark.parametrize("script", [BUSY, exact(b""), events(), answer(b"<html>", kind="text/html")])
def test_a_proxy_that_never_brings_anything_is_given_up(settings: MakeSettings, script: Script) -> None:
    heard = followed(settings, ["token", events(event(1), STREAM_END)], [script], policy=FollowPolicy(proxy=3))
    assert heard.numbers == [("django", 1)]
    assert [path for path in heard.api.paths() if "stream" in path][-1].endswith("/stream/")
    assert len(heard.proxy.requests) == 3


def test_a_proxy_that_nobody_can_reach_is_given_up(settings: MakeSettings) -> None:
    heard = followed(settings, ["token", events(STREAM_END)], base="http://127.0.0.1:1")
    assert heard.batches[-1].ending is Ending.STREAM_END
    assert any("got no answer from http://127.0.0.1:1" in batch.note for batch in heard.batches)


@pytest.mark.parametrize("base", ["http://proxy.example", "https://u:p@proxy.example", "nonsense", "ftp://127.0.0.1"])
def test_a_token_is_never_sent_over_an_open_line(settings: MakeSettings, base: str) -> None:
    heard = followed(settings, ["token", events(event(1), STREAM_END)], base=base)
    assert heard.numbers == [("django", 1)]


def test_a_redirect_of_the_proxy_is_not_followed(settings: MakeSettings) -> None:
    away = answer(b"", "302 Found", Location="http://127.0.0.1:1/")
    heard = followed(settings, ["token", events(event(1), STREAM_END)], [away])
    assert heard.numbers == [("django", 1)]
    assert len(heard.proxy.requests) == 1


def test_refusals_of_django_are_as_final_as_ever(settings: MakeSettings) -> None:
    with pytest.raises(AccessDenied):
        followed(settings, ["null", answer(b"typecodedetailattr", "403 No")])
    heard = followed(settings, [answer(b"{}", "404 No"), answer(b"typecodedetailattr", "404 No")])
    assert heard.batches[-1].ending is Ending.NOT_FOUND


def test_an_echoed_token_is_not_repeated(settings: MakeSettings) -> None:
    echo = answer(json.dumps({"error": f"bad token {TOKEN}"}).encode(), "403 Forbidden")
    heard = followed(settings, ["token", events(STREAM_END)], [echo])
    assert any("bad token [key]" in batch.note for batch in heard.batches)


def test_the_token_is_paid_from_the_keys_budget_and_the_proxy_is_not(settings: MakeSettings) -> None:
    async def run() -> None:
        async with serving([events(event(1)), events(event(2)), events(STREAM_END)]) as proxy:
            token = answer(json.dumps({"token": TOKEN, "stream_base_url": proxy.origin}).encode())
            async with (
                serving([token]) as api,
                PostHog(settings(api.origin, stream_leg="auto", requests_per_hour=200)) as client,
            ):
                tasks = TasksApi(client, 1, priority=Priority.SWEEP)
                assert [batch async for batch in follow(tasks, "t", "r")][-1].ending is Ending.STREAM_END
                assert [window.used for window in client.budget.windows.peek()] == [1, 1]
                assert tasks.meter.requests == 4

    asyncio.run(run())


def test_it_stops_while_the_token_is_awaited(settings: MakeSettings) -> None:
    async def run() -> list[StreamBatch]:
        async with (
            serving([exact(b"", hold=True)]) as api,
            PostHog(settings(api.origin, stream_leg="auto")) as client,
        ):
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, stop.set)
            return [batch async for batch in follow(TasksApi(client, 1), "t", "r", stop=stop)]

    batches = asyncio.run(asyncio.wait_for(run(), 5))
    assert [batch.ending for batch in batches] == [Ending.STOPPED]


def test_a_silent_token_endpoint_is_noticed(settings: MakeSettings) -> None:
    policy = replace(FollowPolicy(), watchdog_s=0.05)
    heard = followed(settings, [exact(b"", hold=True), "token"], [events(event(1), STREAM_END)], policy=policy)
    assert heard.numbers == [("proxy", 1)]
