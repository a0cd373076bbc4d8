"""One PostHog server over HTTP: the only place that holds the key, opens connections and retries.

The key goes to one origin and nowhere else: redirects are not followed, an absolute URL of another origin is refused,
and no message, log line or repr shows it. The agent proxy, which is another origin, gets a run's own token instead.
Proxies named in the environment are honoured (companies need them), except towards this machine; ``.netrc`` is never
read. TLS is verified.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from taskhouse.errors import ConfigurationError, Permanent, Retryable, TaskhouseError
from taskhouse.posthog import bodies, network
from taskhouse.posthog.access import Access
from taskhouse.posthog.budget import Budget, Priority
from taskhouse.posthog.circuit import Gate
from taskhouse.posthog.http_errors import (
    KEY_REFUSED,
    OTHER_REGION,
    REGIONS,
    TRY_AGAIN,
    Garbled,
    Oversized,
    clean,
    origin,
    refusal,
    throttled,
    unreadable,
)
from taskhouse.posthog.opening import server_date
from taskhouse.posthog.request_stats import Meter
from taskhouse.posthog.retry import GiveUp, Policy, Sleep, Spent, decide, pausing, retry_after
from taskhouse.posthog.tokens import Tokens
from taskhouse.settings import Settings
from taskhouse.values import CLOUD

CONNECT_S = 10.0
READ_S = 60.0
ATTEMPT_S = 600.0
HEAD_S = 30.0
"""Longest wait for the head of a stream's answer, after the connection."""
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
        self, settings: Settings, *, policy: Policy | None = None, sleep: Sleep | None = None, cap: int = bodies.CAP
    ) -> None:
        self.host = settings.host
        self._host_given = "host" in settings.model_fields_set
        self.policy = policy or Policy()
        self.stream_leg = settings.stream_leg
        self.clock = settings.clock
        self.pause = sleep or pausing(self.clock)
        self.tokens = Tokens(self.clock)
        self.access = Access(self.clock)
        self._calls = Gate(self.clock.monotonic)
        self._gates: dict[str, Gate] = {}
        self._key = _usable(settings.key())
        self._cap = cap
        self.budget = Budget.of(settings)
        wire_log = logging.getLogger("httpcore")
        if wire_log.level == logging.NOTSET:
            wire_log.setLevel(
                logging.INFO
            )  # its debug log shows headers as they are, with anything that a server put there
        self._http, self._streams = network.clients(self.host)

    def __repr__(self) -> str:
        return f"PostHog({self.host})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        await self._streams.aclose()
        await self.budget.close()

    def gate(self, url: str) -> Gate:
        """The line in front of the streams of a URL's host."""
        return self._gates.setdefault(origin(url), Gate(self.clock.monotonic))

    @property
    def streams_down(self) -> bool:
        """Whether the host's streams cannot be opened just now."""
        return self.gate(self.host).open

    def url(self, path: str) -> str:
        """The absolute URL of a path, or of a URL that the server gave.

        Raises:
            Permanent: It leads to another origin, where the key must not go.
        """
        url = urljoin(f"{self.host}/", path)
        if origin(url) != origin(self.host) or "@" in urlsplit(url).netloc:
            raise Permanent(f"{clean(origin(url) or url)} is not {self.host}: taskhouse sends the key nowhere else.")
        return url

    async def request(
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
        limit_s: float | None = None,
        attempts: int | None = None,
        within_s: float | None = None,
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
            limit_s: Longest time for one attempt, and for all of them together but for what the budget and the server
                ask to wait; None leaves it to the policy.
            attempts: Requests that it makes at most; None leaves it to the policy.
            within_s: Longest wait for room in the budget; None waits as long as it takes.

        Raises:
            Retryable: Faults lasted longer than the policy's patience.
            Throttled: The server asked for a longer wait than ``asked_s``, or the budget for a longer one than
                ``within_s``; the message says until when.
            AccessDenied: The key is invalid, lacks a scope or the project.
            NotFound: The thing does not exist or may not be seen.
            Permanent: The server refuses this request.
            Contract: The body is not what the API documents, larger than the cap, or encoded unasked.
        """
        url, what = self.url(path), f"{method} {urlsplit(path).path}"
        spent, clock = Spent(), self.clock.monotonic
        began = clock()
        policy = self.policy if limit_s is None else replace(self.policy, faults_s=limit_s)
        policy = policy if attempts is None else replace(policy, attempts=attempts)
        while True:
            await self._turn(what, policy.faults_s - (clock() - began))
            waited = await self.budget.acquire(priority, within_s=within_s)
            meter.throttled_s += waited
            began += waited  # our own budget's queue is no fault of the server
            spent.attempts += 1
            meter.requests += 1
            meter.retries += spent.attempts > 1
            request = self._request(self._http, method, url, params=params, json=json, read_s=read_s)
            outcome = await self._attempt(request, what, meter, limit_s or ATTEMPT_S)
            if isinstance(outcome, Answer):
                try:
                    return _read(read, outcome)
                except (Retryable, Garbled) as unread:
                    outcome = unread, None
            error, asked = outcome
            if not isinstance(error, Retryable | Garbled):
                raise error
            step = decide(policy, spent, elapsed_s=clock() - began, retry_after_s=asked)
            if isinstance(step, GiveUp):
                raise throttled(error, asked or 0.0, now=self.clock.now()) if step.throttled else error
            meter.throttled_s += step.wait_s if step.asked else 0.0
            await self.pause(step.wait_s)

    async def _turn(self, what: str, within_s: float) -> None:
        """Wait until the host may be asked.

        Raises:
            Retryable: It did not answer others for so long.
        """
        try:
            async with asyncio.timeout(max(0.0, within_s)):
                await self._calls.turn()
        except TimeoutError:
            raise Retryable(f"{what} was not sent: {self.host} does not respond.") from None

    async def _attempt(
        self, request: httpx.Request, what: str, meter: Meter, limit_s: float
    ) -> Answer | tuple[TaskhouseError, float | None]:
        answered = False
        try:
            async with asyncio.timeout(limit_s):
                response = await self._http.send(request, stream=True)
                try:
                    answered = True
                    self._calls.succeeded()
                    meter.statuses[response.status_code] += 1
                    encoding = response.headers.get("content-encoding", "")
                    body = await bodies.read(response.aiter_raw(), encoding, cap=self._cap)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as wrong:
            meter.statuses[0] += not answered
            if not answered:
                self._calls.failed(what)
                self.gate(self.host).failed(what)  # its streams fare no better
            return self.transport(what, wrong), None
        except bodies.Truncated:
            return Retryable(f"{what} was answered with a damaged body."), None
        except bodies.TooLarge:
            return Oversized(
                f"{what} was answered with more than {self._cap} bytes, the most that taskhouse reads."
            ), None
        except bodies.Encoded:
            return unreadable(what, "the body has an encoding that was not asked for"), None
        meter.bytes += len(body)
        headers = response.headers
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            return self.refused(response, body, what)
        return Answer(what, headers, body)

    def refused(
        self, response: httpx.Response, body: bytes, what: str, *, secret: str = ""
    ) -> tuple[TaskhouseError, float | None]:
        """The error that an unsuccessful answer means, and the wait that the server asks for.

        ``secret`` is what the request was signed with, if not the key.
        """
        headers, ours, secret = response.headers, not secret, secret or self._key
        error = refusal(response.status_code, body, what=what, location=headers.get("location", ""), secret=secret)
        if ours and error.hint == KEY_REFUSED:
            if not self._host_given:
                error.hint = REGIONS
            elif self.host in CLOUD:
                error.hint = OTHER_REGION.format(*CLOUD - {self.host})
        if response.status_code not in TRY_AGAIN:
            return error, None
        now = server_date(headers.get("date")) or self.clock.now()  # a moment that it names is one of its own clock
        return error, retry_after(headers.get("retry-after"), now=now)

    def transport(self, what: str, wrong: Exception, *, host: str = "", secret: str = "") -> Retryable:
        """The error that a broken or refused connection means; ``host`` and ``secret`` where they are not ours."""
        said = f"{what} got no answer from {host or self.host}: {type(wrong).__name__} {wrong}"
        where = self.host if self._host_given else f"not set, which means {self.host}"
        hint = f"Check the network and POSTHOG_HOST ({where}), then run `taskhouse check`."
        return Retryable(clean(said, secret=secret or self._key, limit=400) + ".", hint="" if host else hint)

    @asynccontextmanager
    async def connect(
        self,
        path: str,
        *,
        priority: Priority,
        meter: Meter,
        headers: Mapping[str, str] | None = None,
        read_s: float = READ_S,
    ) -> AsyncIterator[httpx.Response]:
        """One open answer whose body is read as it comes: a single attempt, with any status.

        Raises:
            Retryable: No answer came.
        """
        url = self.url(path)
        meter.throttled_s += await self.budget.acquire(priority)
        async with self._opened(url, self._key, meter=meter, headers=headers, read_s=read_s) as response:
            yield response

    @asynccontextmanager
    async def connect_proxy(
        self, url: str, token: str, *, meter: Meter, headers: Mapping[str, str] | None = None, read_s: float = READ_S
    ) -> AsyncIterator[httpx.Response]:
        """One open answer of the agent proxy, signed with a run's token instead of the key.

        It costs nothing of the budget, which is the key's.

        Raises:
            Retryable: No answer came.
        """
        async with self._opened(url, token, meter=meter, headers=headers, read_s=read_s) as response:
            yield response

    @asynccontextmanager
    async def _opened(
        self,
        url: str,
        bearer: str,
        *,
        meter: Meter,
        headers: Mapping[str, str] | None = None,
        read_s: float,
    ) -> AsyncIterator[httpx.Response]:
        meter.requests += 1
        request = self._request(self._streams, "GET", url, read_s=read_s, headers=headers, bearer=bearer)
        try:
            async with asyncio.timeout(min(read_s, HEAD_S) + CONNECT_S):
                response = await self._streams.send(request, stream=True)
        except (httpx.HTTPError, TimeoutError) as wrong:
            meter.statuses[0] += 1
            raise self.transport(f"GET {urlsplit(url).path}", wrong, host=origin(url), secret=bearer) from None
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
        bearer: str = "",
    ) -> httpx.Request:
        return http.build_request(
            method,
            url,
            params=params,
            json=json,
            timeout=httpx.Timeout(read_s, connect=CONNECT_S, pool=None),
            headers=httpx.Headers(
                {**_ACCEPT, **(headers or {}), "Authorization": f"Bearer {bearer or self._key}"},
                encoding="utf-8",
            ),
        )


def _read(read: Callable[[Answer], T], answer: Answer) -> T:
    """The value of an answer; what goes wrong while it is made is the answer's fault, and ends nothing else."""
    try:
        return read(answer)
    except TaskhouseError:
        raise
    except Exception as wrong:  # noqa: BLE001 - no answer may end more than its own request
        raise unreadable(answer.what, f"it cannot be read: {type(wrong).__name__}") from None


def _usable(key: str) -> str:
    key = key.strip()
    if not key.isascii() or not key.isprintable() or set(key) & set(" \"'"):
        raise ConfigurationError(
            "POSTHOG_PERSONAL_API_KEY contains invalid characters.",
            hint="Copy the key again, without quotes.",
        )
    if key.startswith("phc_"):
        raise ConfigurationError(
            "POSTHOG_PERSONAL_API_KEY is the key of a project (phc_…), which can only send events.",
            hint="Create a personal API key (phx_…) with the scope task:read.",
        )
    return key
