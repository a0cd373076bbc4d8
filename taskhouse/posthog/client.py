"""One PostHog server over HTTP: the only place that holds the key, opens connections and retries.

The key goes to one origin and nowhere else: redirects are not followed, an absolute URL of another origin is refused,
and no message, log line or repr shows it. Proxies named in the environment are honoured (companies need them), except
towards this machine; ``.netrc`` is never read. TLS is verified.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib import metadata
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from taskhouse.errors import ConfigurationError, Permanent, Retryable, TaskhouseError
from taskhouse.posthog import bodies
from taskhouse.posthog.budget import Budget, Priority
from taskhouse.posthog.meter import Meter
from taskhouse.posthog.refusals import TRY_AGAIN, Garbled, clean, origin, refusal, throttled, unreadable
from taskhouse.posthog.retry import GiveUp, Policy, Sleep, Spent, decide, pause, retry_after
from taskhouse.posthog.shards import Shards
from taskhouse.settings import LOOPBACK, Settings

CONNECT_S = 10.0
READ_S = 60.0
ATTEMPT_S = 600.0
T = TypeVar("T")
_ACCEPT = {"Accept": "*/*", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: the request, its headers and its whole body."""

    what: str
    headers: Mapping[str, str]
    body: bytes


class PostHog:
    """An asynchronous context manager around every connection to ``settings.host``."""

    def __init__(
        self, settings: Settings, *, policy: Policy | None = None, sleep: Sleep = pause, cap: int = bodies.CAP
    ) -> None:
        self.host = settings.host
        self.policy = policy or Policy(asked_s=settings.max_wait_s)
        self._key = _usable(settings.key())
        self._sleep = sleep
        self._cap = cap
        self.budget = Budget(
            settings.budget, self._key, per_minute=settings.requests_per_minute, per_hour=settings.requests_per_hour
        )
        wire_log = logging.getLogger("httpcore")
        if wire_log.level == logging.NOTSET:
            wire_log.setLevel(logging.INFO)  # its debug log shows headers as they are, whatever a server put there
        near = urlsplit(self.host).hostname in LOOPBACK
        options: dict[str, Any] = {
            "verify": ssl.create_default_context() if near else httpx.create_ssl_context(),
            "trust_env": not near,
            "follow_redirects": False,
            "headers": {"User-Agent": f"taskhouse/{_version()}"},
        }
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
        timeout = httpx.Timeout(READ_S, connect=CONNECT_S, pool=None)
        self._http = httpx.AsyncClient(**options, limits=limits, timeout=timeout)
        self._shards = Shards(options)

    def __repr__(self) -> str:
        return f"PostHog({self.host})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        await self._shards.close()
        await self.budget.close()

    def url(self, path: str) -> str:
        """The absolute URL of a path, or of a URL that the server gave.

        Raises:
            Permanent: It leads to another origin, where the key must not go.
        """
        url = urljoin(f"{self.host}/", path)
        if origin(url) != origin(self.host) or "@" in urlsplit(url).netloc:
            raise Permanent(f"{clean(origin(url) or url)} is not {self.host}: the key is sent nowhere else.")
        return url

    async def ask(
        self,
        method: str,
        path: str,
        *,
        read: Callable[[Answer], T],
        priority: Priority,
        meter: Meter,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        read_s: float = READ_S,
    ) -> T:
        """One call, with its retries, each of them paid from the budget.

        Args:
            method: GET, or POST for a read that needs a body.
            path: Path on the host.
            read: Makes a value of the answer; what is ``Retryable`` or ``Garbled`` to it is asked for again.
            priority: Class of the request in the budget.
            meter: Where the cost is counted.
            params: Query parameters.
            json: Body to send as JSON.
            read_s: Longest silence while waiting for the answer.

        Raises:
            Retryable: Faults lasted longer than the policy's patience.
            Throttled: The server asked for a longer wait than ``asked_s``; the message says until when.
            AccessDenied: The key is invalid, lacks a scope or the project.
            NotFound: The thing does not exist or may not be seen.
            Permanent: The server refuses this request.
            Contract: The body is not what the API documents, larger than the cap, or encoded unasked.
        """
        url, what = self.url(path), f"{method} {urlsplit(path).path}"
        spent, began = Spent(), time.monotonic()
        while True:
            waited = await self.budget.acquire(priority)
            meter.throttled_s += waited
            began += waited  # our own budget's queue is no fault of the server
            spent.attempts += 1
            meter.requests += 1
            meter.retries += spent.attempts > 1
            request = self._request(self._http, method, url, params=params, json=json, read_s=read_s)
            outcome = await self._attempt(request, what, meter)
            if isinstance(outcome, Answer):
                try:
                    return read(outcome)
                except (Retryable, Garbled) as unread:
                    outcome = unread, None
            error, asked = outcome
            if not isinstance(error, Retryable | Garbled):
                raise error
            step = decide(self.policy, spent, elapsed_s=time.monotonic() - began, retry_after_s=asked)
            if isinstance(step, GiveUp):
                raise throttled(error, asked or 0.0) if step.throttled else error
            meter.throttled_s += step.wait_s if step.asked else 0.0
            await self._sleep(step.wait_s)

    async def _attempt(
        self, request: httpx.Request, what: str, meter: Meter
    ) -> Answer | tuple[TaskhouseError, float | None]:
        answered = False
        try:
            async with asyncio.timeout(ATTEMPT_S):
                response = await self._http.send(request, stream=True)
                try:
                    answered = True
                    meter.statuses[response.status_code] += 1
                    encoding = response.headers.get("content-encoding", "")
                    body = await bodies.read(response.aiter_raw(), encoding, cap=self._cap)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as wrong:
            meter.statuses[0] += not answered
            return self.transport(what, wrong), None
        except bodies.Truncated:
            return Retryable(f"{what} was answered with a damaged body."), None
        except bodies.TooLarge:
            return unreadable(what, f"the body has more than {self._cap} bytes"), None
        except bodies.Encoded:
            return unreadable(what, "the body has an encoding that was not asked for"), None
        meter.bytes += len(body)
        headers = response.headers
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            return self.refused(response, body, what)
        return Answer(what, headers, body)

    def refused(self, response: httpx.Response, body: bytes, what: str) -> tuple[TaskhouseError, float | None]:
        """The error that an unsuccessful answer means, and the wait that the server asks for."""
        headers = response.headers
        error = refusal(response.status_code, body, what=what, location=headers.get("location", ""), secret=self._key)
        return error, retry_after(headers.get("retry-after")) if response.status_code in TRY_AGAIN else None

    def transport(self, what: str, wrong: Exception) -> Retryable:
        """The error that a broken or refused connection means."""
        return Retryable(
            clean(f"{what} got no answer from {self.host}: {type(wrong).__name__} {wrong}", secret=self._key, limit=400)
            + "."
        )

    @asynccontextmanager
    async def connect(
        self,
        path: str,
        *,
        priority: Priority,
        meter: Meter,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        read_s: float = READ_S,
    ) -> AsyncIterator[httpx.Response]:
        """One open answer whose body is read as it comes: a single attempt, whatever its status.

        Raises:
            Retryable: No answer came.
        """
        url, what = self.url(path), f"GET {urlsplit(path).path}"
        meter.throttled_s += await self.budget.acquire(priority)
        meter.requests += 1
        async with self._shards.lend() as http:
            request = self._request(http, "GET", url, params=params, read_s=read_s, headers=headers)
            try:
                async with asyncio.timeout(read_s + CONNECT_S):
                    response = await http.send(request, stream=True)
            except (httpx.HTTPError, TimeoutError) as wrong:
                meter.statuses[0] += 1
                raise self.transport(what, wrong) from None
            try:
                meter.statuses[response.status_code] += 1
                yield response
            finally:
                await response.aclose()

    def _request(
        self,
        http: httpx.AsyncClient,
        method: str,
        url: str,
        *,
        read_s: float,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        return http.build_request(
            method,
            url,
            params=params,
            json=json,
            timeout=httpx.Timeout(read_s, connect=CONNECT_S, pool=None),
            headers=httpx.Headers(
                {**_ACCEPT, **(headers or {}), "Authorization": f"Bearer {self._key}"},
                encoding="utf-8",
            ),
        )


def _version() -> str:
    try:
        return metadata.version("taskhouse")
    except metadata.PackageNotFoundError:
        return "unpackaged"


def _usable(key: str) -> str:
    if not key.strip().isascii() or not key.strip().isprintable() or " " in key.strip():
        raise ConfigurationError(
            "POSTHOG_PERSONAL_API_KEY holds characters that no key has.", hint="Copy the key again, without quotes."
        )
    return key.strip()
