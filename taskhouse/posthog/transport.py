"""The wire of streams: aiohttp beneath httpx, whose parser is C.

A stream comes in very many small chunks. httpx's own transport takes 100 us for each of them, this one a fifth; and its
pool walks all connections for each one that it opens, of which there may be hundreds. What is asked and answered stays
httpx's: only sockets, TLS and HTTP/1.1 are done here.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

_AHEAD = 16384
"""Bytes that are read ahead of a stream; twice as many make it wait. More would let one stream hold up the others."""

_HEAD = 65536
"""Bytes of one header line at most."""


class StreamTransport(httpx.AsyncBaseTransport):
    """A connection for each request, as many at once as there are, and none of them through a proxy.

    Args:
        tls: What proves a server.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body, once; the answer's body is read as it is asked for.

        Raises:
            httpx.TransportError: No answer came.
        """
        limits = request.extensions["timeout"]
        with _as_httpx():
            response = await self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=limits["connect"], sock_read=limits["read"]),
            )
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                max_field_size=_HEAD,
                max_line_size=_HEAD,
                middlewares=(_once,),
                read_bufsize=_AHEAD,
            )
        return self._session


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        self._response.close()


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One attempt: where a connection breaks, aiohttp would ask again by itself, and nobody paid for that."""
    with _as_httpx():
        return await send(request)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """The faults of this wire in the names that httpx has for them."""
    try:
        yield
    except TimeoutError as wrong:
        kind = httpx.ReadTimeout if isinstance(wrong, aiohttp.SocketTimeoutError) else httpx.ConnectTimeout
        raise kind(str(wrong)) from wrong
    except aiohttp.ClientConnectorError as wrong:
        raise httpx.ConnectError(str(wrong)) from wrong
    except (aiohttp.ClientError, HttpProcessingError, OSError) as wrong:
        raise httpx.ReadError(str(wrong) or "the connection was lost") from wrong
