"""A server of exact bytes: each connection is answered by the next script, for faults that no real server makes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Where it listens, the head and body of every request that it got, and its open connections."""

    origin: str = ""
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    open: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, index: int, name: str) -> str | None:
        for line in self.requests[index][0].split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head, _ in self.requests]


def answer(
    body: bytes = b"",
    status: str = "200 OK",
    *,
    length: int | None = None,
    kind: str = "application/json",
    **headers: str,
) -> Script:
    """A whole answer; ``length`` lies about the body."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return exact("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)


def exact(*parts: bytes, gap_s: float = 0.0, hold: bool = False) -> Script:
    """These bytes, then the end of the connection, or silence."""

    async def script(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(gap_s)
        if hold:
            await asyncio.Event().wait()

    return script


def events(*parts: bytes, end: bool = True, hold: bool = False, tail: bytes | None = None) -> Script:
    """An event stream with one HTTP chunk for each part; without ``end`` it breaks off, and after a ``tail``."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts]
    return exact(head, *body, *([b"0\r\n\r\n"] if end and not hold and tail is None else [tail or b""]), hold=hold)


@asynccontextmanager
async def serving(scripts: Sequence[Script], *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Answer the n-th request by the n-th script, and all later ones by the last."""
    server = Server()
    handling: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.open += 1
        server.idle.clear()
        if (task := asyncio.current_task()) is not None:
            handling.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")),
                0,
            )
            server.requests.append((head, await reader.readexactly(length)))
            script = asyncio.ensure_future(scripts[min(len(server.requests), len(scripts)) - 1](writer))
            gone = asyncio.ensure_future(reader.read())
            try:
                await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                script.cancel()
                gone.cancel()
                await asyncio.gather(script, gone, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            server.open -= 1
            if not server.open:
                server.idle.set()
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    host, port = listening.sockets[0].getsockname()[:2]
    server.origin = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)
