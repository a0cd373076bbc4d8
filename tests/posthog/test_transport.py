"""The wire: proxies, the proof of a server, many streams at once, and what came before a break."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from taskhouse.errors import Retryable
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.pages import Row
from taskhouse.posthog.retry import Policy
from taskhouse.settings import Settings
from tests.posthog.conftest import KEY
from tests.posthog.raw import answer, events, serving

MakeSettings = Callable[..., Settings]
ONCE = Policy(attempts=1)


def test_proxies_of_the_environment_are_for_the_outside_only(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with serving([answer(b"{}", "502 Bad Gateway")]) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.origin)
            monkeypatch.setenv("HTTPS_PROXY", proxy.origin.replace("//", "//me:word@"))
            monkeypatch.setenv("NO_PROXY", "direct.example.invalid")
            for host in ("https://far.example.invalid", "https://direct.example.invalid"):
                async with PostHog(settings(host), policy=ONCE) as far:
                    api = TasksApi(far, 1)
                    with pytest.raises(Retryable):
                        await api.task("t")
                    with pytest.raises(Retryable):
                        async with api.stream("t", "r"):
                            pass
            asked = [head.split("\r\n")[0] for head, _ in proxy.requests]
            assert asked == ["CONNECT far.example.invalid:443 HTTP/1.1"] * 2
            assert {proxy.header(n, "proxy-authorization") for n in (0, 1)} == {"Basic bWU6d29yZA=="}
            assert not any(KEY in head for head, _ in proxy.requests)
            async with serving([answer(b"{}"), events()]) as near, PostHog(settings(near.origin)) as client:
                assert await TasksApi(client, 1).task("t") == Row({}, b"{}")
                async with TasksApi(client, 1).stream("t", "r") as connection:
                    assert connection.status == 200
            assert len(proxy.requests) == 2

    asyncio.run(run())


@pytest.mark.parametrize("name", ["127.0.0.1", "other.example"])
def test_a_server_proves_who_it_is(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")

    async def asked() -> list[int]:
        async with serving([answer(b"{}"), events()], tls=tls) as server:
            async with PostHog(settings(server.origin), policy=ONCE) as client:
                api = TasksApi(client, 1)
                answered = []
                for call in (api.task("t"), _opened(api)):
                    try:
                        await call
                    except Retryable as refused:
                        assert "certificate verify failed" in refused.message  # noqa: PT017 - either may happen
                    answered.append(len(server.requests))
            return answered

    assert asyncio.run(asked()) == [0, 0]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert asyncio.run(asked()) == ([1, 2] if name == "127.0.0.1" else [0, 0])


async def _opened(api: TasksApi) -> None:
    async with api.stream("t", "r") as connection:
        assert connection.status == 200


def test_many_streams_are_open_at_once_and_all_are_closed(settings: MakeSettings) -> None:
    async def run() -> None:
        script = events(b"data: {}\n\n", hold=True)
        async with serving([script]) as server, PostHog(settings(server.origin)) as client:
            api = TasksApi(client, 1)
            ready = 0
            all_open = asyncio.Event()

            async def hold() -> None:
                nonlocal ready
                async with api.stream("t", "r") as connection:
                    assert (connection.status, connection.event_stream) == (200, True)
                    ready += 1
                    if ready == 120:
                        all_open.set()
                    await asyncio.Event().wait()

            holding = [asyncio.create_task(hold()) for _ in range(120)]
            await asyncio.wait_for(all_open.wait(), 30)
            assert server.open == 120
            for task in holding:
                task.cancel()
            await asyncio.gather(*holding, return_exceptions=True)
            await asyncio.wait_for(server.idle.wait(), 5)

    asyncio.run(run())


@pytest.mark.parametrize("tail", [b"", b"zz\r\n", b"ff\r\n"])
def test_what_came_before_a_break_is_read(settings: MakeSettings, tail: bytes) -> None:
    parts = [b"data: %d\n\n" % number for number in range(9)]
    found: list[bytes] = []

    async def run() -> None:
        async with (
            serving([events(*parts, tail=tail)]) as server,
            PostHog(settings(server.origin)) as client,
            TasksApi(client, 1).stream("t", "r") as connection,
        ):
            await asyncio.wait_for(server.idle.wait(), 5)
            await asyncio.sleep(0.05)  # all of it and the break are here before the first is asked for
            async for chunk in connection.chunks():
                found.append(chunk)  # noqa: PERF401 - it ends with an error

    with pytest.raises(Retryable):
        asyncio.run(run())
    assert b"".join(found) == b"".join(parts)
