"""The two legs of a run's stream: the API's own endpoint (``django``), and the agent proxy (``proxy``).

Both show the same run, but an id belongs to the leg that gave it, and the legs' texts differ byte for byte. So each leg
has its own cursor, and a run that gave events on Django stays there: to change over would be to read it all again.
``auto`` asks the API for a run's leg, one request a run; it also gives up what only Django has, the orchestrator's
progress (API facts 6.2).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from taskhouse.errors import Contract, Permanent, Retryable
from taskhouse.posthog import stream_ids
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.circuit import Gate
from taskhouse.posthog.http_errors import TRY_AGAIN
from taskhouse.posthog.sse import Frame, Oversize
from taskhouse.posthog.stream_connection import Connection
from taskhouse.posthog.tokens import StreamToken

DJANGO = "django"
PROXY = "proxy"

PROXY_WAIT_S = 30.0
"""How long to wait for a failing proxy before switching to Django for good."""


@dataclass(slots=True)
class Legs:
    """Where the next connection of one run's stream goes, and from where on.

    Attributes:
        api: The project's endpoints.
        task_id: The run's task.
        run_id: The run.
        leg: The leg of the present connection; before the first, the one that gave the cursor.
        cursors: The last id that came, by leg.
        gate: The line in front of the present connection's host.
        tries: Connections to the proxy in a row that may bring nothing before Django is taken for good.
    """

    api: TasksApi
    task_id: str
    run_id: str
    leg: str
    cursors: dict[str, str | None]
    tries: int
    gate: Gate = field(init=False)
    _barren: int = field(default=0, init=False)
    _django: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._django = self.api.client.stream_leg == DJANGO
        self.gate = self.api.client.gate(self.api.client.host)

    @property
    def cursor(self) -> str | None:
        """The last id that the present leg gave."""
        return self.cursors.get(self.leg)

    @property
    def overlap(self) -> str | None:
        """The place just before the last event that came, on the leg that does not tell of trims."""
        return stream_ids.before(self.cursor) if self.leg == DJANGO else None

    def moved(self, cursor: str | None) -> None:
        """An id came on the present leg."""
        self.cursors[self.leg] = cursor

    def heard(self, frames: Iterable[Frame | Oversize]) -> None:
        """The present connection brought something; only the entries of a log do not come from behind the stream."""
        self._barren = 0
        self.gate.signs += any(not (frame.id or "").startswith("log-") for frame in frames)

    @asynccontextmanager
    async def open(self, read_s: float) -> AsyncIterator[Connection]:
        """The next connection, on the leg that is right now, once its host may be tried.

        Raises:
            Retryable: No answer came.
        """
        token = await self._token(read_s)
        url = token.url(self.run_id) if token is not None else None
        if url is not None:  # in line, the token may grow too old
            token = await self._token(read_s) if await self._proxy_turn(url) else None
            url = token.url(self.run_id) if token is not None else None
        stream: AbstractAsyncContextManager[Connection]
        if token is None or url is None:
            self.leg, self.gate = DJANGO, self.api.client.gate(self.api.client.host)
            await self.gate.turn()
            stream = self.api.stream(
                self.task_id, self.run_id, last_event_id=self.overlap or self.cursor, read_s=read_s
            )
        else:
            self.leg = PROXY
            self._barren += 1
            stream = self.api.proxy_stream(url, token.value, last_event_id=self.cursor, read_s=read_s)
        async with stream as connection:
            yield connection

    async def _proxy_turn(self, url: str) -> bool:
        """Wait until the proxy may be tried; False where that takes so long that Django is taken instead."""
        self.gate = self.api.client.gate(url)
        try:
            async with asyncio.timeout(PROXY_WAIT_S):
                await self.gate.turn()
        except TimeoutError:
            self._django = True
            return False
        return True

    def refused(self, status: int) -> bool:
        """The present connection was refused with a status; whether another one may fare better.

        The proxy's refusals are never final: an old token is dropped for a new one, anything else leads to Django.
        """
        if self.leg == DJANGO:
            return False
        if status == HTTPStatus.UNAUTHORIZED:
            self.api.client.tokens.drop(self.run_id)
        elif status >= HTTPStatus.MULTIPLE_CHOICES and status not in TRY_AGAIN:
            self._django = True
        return True

    async def _token(self, limit_s: float) -> StreamToken | None:
        """What opens the proxy; None means Django."""
        if self._barren >= self.tries:
            self._django = True
        if self._django or self.cursors.get(DJANGO) is not None:
            return None
        known = self.api.client.tokens
        token = known.get(self.run_id)
        if token is None:
            try:
                token = await self.api.stream_token(self.task_id, self.run_id, limit_s=limit_s)
            except Permanent:  # an old server knows no tokens; if it is the run that is missing, Django will say so
                self._django = True
                return None
            except (Retryable, Contract):
                return None
            known.keep(self.run_id, token)
        return token
