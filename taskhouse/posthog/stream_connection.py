"""One open stream connection: its status and its bytes."""

from collections.abc import AsyncGenerator
from http import HTTPStatus

import httpx

from taskhouse.errors import Retryable, TaskhouseError
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.http_errors import origin
from taskhouse.posthog.opening import server_date
from taskhouse.posthog.request_stats import Meter

_ERROR_BYTES = 65536


class Connection:
    """An answered request for a stream.

    Attributes:
        status: HTTP status; 200 proves nothing yet (API facts 9.3).
        event_stream: Whether the body is declared to be one.
        date: The server's clock when it answered, if it says so.
    """

    def __init__(self, client: PostHog, response: httpx.Response, meter: Meter, *, secret: str = "") -> None:
        self._client = client
        self._response = response
        self._meter = meter
        self._secret = secret
        self.status = response.status_code
        self.date = server_date(response.headers.get("date"))
        self.event_stream = response.headers.get("content-type", "").lower().startswith("text/event-stream")

    @property
    def what(self) -> str:
        """The request, ``GET /api/…``."""
        return f"GET {self._response.url.path}"

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they come; the end is only the end of the connection.

        Raises:
            Retryable: The connection broke or fell silent.
        """
        try:
            async for chunk in self._response.aiter_raw():
                self._meter.bytes += len(chunk)
                yield chunk
        except httpx.HTTPError as wrong:
            host = origin(str(self._response.url))
            raise self._client.transport(self.what, wrong, host=host, secret=self._secret) from None

    async def refused(self) -> tuple[TaskhouseError, float | None]:
        """What an unsuccessful status means, and the seconds that the server asks to wait."""
        body = b""
        try:
            async for chunk in self.chunks():
                body += chunk
                if len(body) > _ERROR_BYTES:
                    break
        except Retryable:
            pass  # the status alone decides
        if self.status < HTTPStatus.MULTIPLE_CHOICES:
            return Retryable(f"{self.what} was answered with something other than an event stream."), None
        return self._client.refused(self._response, body, self.what, secret=self._secret)
