"""An event loop whose time jumps ahead whenever nothing is left to do, so that an hour of waiting takes seconds.

Sockets are real. Everything that takes part, servers included, must live in this loop. Time stands still while
something is done, so that a slow machine changes no figure; while a thread of the executor is waited for, it goes on as
it does outside, unless there are no threads: then the same story has the same times whenever it is played. What is sent
must have arrived before time jumps, and on a busy machine the kernel takes its time with TCP; so there it is a socket
of the file system, whose bytes are there once they are sent. A reset of a connection looks like its end then.

:meth:`VirtualLoop.slow_down` ends all that: from then on time is real, and others can connect over TCP.
"""

import asyncio
import contextlib
import selectors
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from taskhouse.emulator import serve
from taskhouse.emulator.app import EmulatorApp, build_app
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.settings import EmulatorSettings

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Never waits for a timer: that is what the loop then jumps to."""

    def __init__(self, *, exact: bool) -> None:
        super().__init__()
        self.threads = 0
        self._now_s = 1000.0
        self._exact = exact
        self._ahead_s: float | None = None

    def now_s(self) -> float:
        """The loop's time."""
        return self._now_s if self._ahead_s is None else time.monotonic() + self._ahead_s

    def slow_down(self) -> None:
        """Let time be real from now on."""
        self._ahead_s = self._now_s - time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; with nothing to do but to wait for a timer, time is at once as late as that."""
        if self._ahead_s is not None:
            return super().select(timeout)
        if timeout is None or timeout <= 0 or self.threads:
            began = time.monotonic()
            found = super().select(timeout)
            self._now_s += 0.0 if self._exact else time.monotonic() - began
            return found
        found = super().select(0)
        if not found:
            self._now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; ``resolve`` stands for the resolver of names. Without ``threads`` their work is done at once."""

    def __init__(self, *, threads: bool = True) -> None:
        self._hands = _Selector(exact=not threads)
        self._threads = threads
        self._doors: dict[int, Path] = {}
        super().__init__(self._hands)
        self.resolve: Callable[[str], str] = lambda name: "127.0.0.1" if name == "localhost" else name

    def time(self) -> float:
        """Seconds since some moment."""
        return self._hands.now_s()

    def slow_down(self) -> None:
        """Let time be real from now on."""
        self._hands.slow_down()

    @contextlib.contextmanager
    def listening(self, port: int | None = None) -> Iterator[tuple[socket.socket, int]]:
        """A socket that listens on this machine, and its port: the given one if it is only for clients in this loop."""
        with contextlib.ExitStack() as stack:
            if self._threads:
                listener = stack.enter_context(serve.listen("127.0.0.1", port or 0))
                yield listener, listener.getsockname()[1]
                return
            port = port or 1 + len(self._doors)
            door = self._doors[port] = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "door"
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(door))
            listener.listen(2048)
            yield listener, port

    async def create_connection(self, made: Any, host: Any = None, port: Any = None, **given: Any) -> Any:  # type: ignore[override]
        """Connect to a server, by the door that it has in this loop."""
        door = self._doors.get(int(port or 0))
        if door is None:
            return await super().create_connection(made, host, port, **given)
        return await self.create_unix_connection(made, str(door))

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """The work of a thread, done at once if there are none."""
        if not self._threads:
            return self._done(func, *args)
        self._hands.threads += 1
        working = super().run_in_executor(executor, func, *args)
        working.add_done_callback(self._returned)
        return working

    def _done(self, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as problem:  # noqa: BLE001 - as the future of a thread would have it
            done.set_exception(problem)
        return done

    def _returned(self, _: Any) -> None:
        self._hands.threads -= 1

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """The address of a name; names of this machine, and no other."""
        address = self.resolve(host.decode() if isinstance(host, bytes) else host)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port)))]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


@contextlib.asynccontextmanager
async def emulated(settings: EmulatorSettings, *outside: socket.socket) -> AsyncIterator[tuple[str, EmulatorApp]]:
    """An emulator in this loop and its time: its origin, and the application.

    Args:
        settings: Its settings.
        outside: Sockets that listen on TCP, for clients once time is real; the first one's port is that of the origin.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)  # noqa: S101 - the code that asks for an emulator here runs this loop
    clock = Clock(speed=settings.speed, start=settings.start, ticks_ns=lambda: int(loop.time() * 1e9))
    app = build_app(settings, clock)
    server = serve.server_of(app)
    server.tick_s = None  # a day would be a million looks
    with loop.listening(outside[0].getsockname()[1] if outside else None) as (listener, port):
        serving = asyncio.create_task(server.serving([listener, *outside]))
        try:
            yield f"http://127.0.0.1:{port}", app
        finally:
            server.stop()
            await serving
