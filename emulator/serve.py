"""Run an emulator: in the foreground, or in a thread of the process that tests a client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import uvicorn

from taskhouse.emulator.app import build_app
from taskhouse.emulator.settings import EmulatorSettings

if TYPE_CHECKING:
    from types import TracebackType

    from taskhouse.emulator.app import EmulatorApp

_START_S: Final = 60.0
_STOP_S: Final = 10.0
_BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """A server that reports when it is ready, and closes open connections when it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self.tick_s: float | None = 0.1
        """How often it checks for a signal to end; None means that only :meth:`stop` ends it."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()

    def stop(self) -> None:
        """Stop at once, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        for tick in count():
            if await self.on_tick(tick):
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self.tick_s)

    async def serving(self, sockets: list[socket.socket]) -> None:
        """Serve in this loop until :meth:`stop`; signals stay with the code that has them."""
        await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and break off what is open."""
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)


def server_of(app: EmulatorApp) -> Server:
    """A server of the application."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        backlog=_BACKLOG,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener


def serve(settings: EmulatorSettings, port: int, host: str = "127.0.0.1") -> None:
    """Serve until interrupted."""
    serve_on(listen(host, port), settings)


def serve_on(listener: socket.socket, settings: EmulatorSettings) -> None:
    """Serve on a listening socket until interrupted; early requests wait until the world is made."""
    with listener:
        server_of(build_app(settings)).run(sockets=[listener])


class Emulator:
    """An emulator in a background thread, for the length of a ``with`` block.

    Its methods talk to the control endpoints over HTTP, as any other process could.
    """

    def __init__(self, settings: EmulatorSettings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.settings = settings or EmulatorSettings()
        self._host = host
        self._port = port
        self._thread: threading.Thread | None = None
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    @property
    def api_key(self) -> str:
        """The first of the accepted keys."""
        return self.settings.keys[0].value

    def environment(self) -> dict[str, str]:
        """The variables that point a client here: host, key and project ids."""
        return {
            "POSTHOG_HOST": self.url,
            "POSTHOG_PERSONAL_API_KEY": self.api_key,
            "POSTHOG_PROJECT_IDS": ",".join(map(str, self.settings.keys[0].projects or self.settings.projects)),
        }

    def __enter__(self) -> Self:
        """Make the world and serve it; returns once it answers.

        Raises:
            RuntimeError: The server did not start.
        """
        app = build_app(self.settings)
        listener = listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        server = self._server = server_of(app)
        self._thread = threading.Thread(target=server.run, args=([listener],), name="emulator", daemon=True)
        self._thread.start()
        if not server.up.wait(_START_S):
            raise RuntimeError("the emulator did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving; open streams are cut."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(_STOP_S)
            self._server = self._thread = None

    def truth(self, project_id: int | None = None, key: str | None = None, *, runs: bool = True) -> dict[str, Any]:
        """What the perfect client of a key holds of a project."""
        project = self.settings.projects[0] if project_id is None else project_id
        query = urlencode({"project_id": project, "key": key or self.api_key, "runs": int(runs)})
        answer: dict[str, Any] = self._ask(f"truth?{query}")
        return answer

    def requests(self, *, reset: bool = False) -> dict[str, Any]:
        """How many requests came, by endpoint and by status."""
        answer: dict[str, Any] = self._ask(f"requests?reset={int(reset)}")
        return answer

    def faults(self, *faults: dict[str, Any]) -> list[dict[str, Any]]:
        """Set faults; without any, clear them all. Returns the active ones."""
        answer: list[dict[str, Any]] = self._ask("faults", list(faults))
        return answer

    def active_faults(self) -> list[dict[str, Any]]:
        """The faults that are set, with how often they were hit."""
        answer: list[dict[str, Any]] = self._ask("faults")
        return answer

    def mutate(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Change the world; returns the ids that were touched."""
        answer: dict[str, Any] = self._ask("mutate", {"action": action, **parameters})["results"][0]
        return answer

    def clock(
        self, *, advance_s: float | None = None, until: datetime | None = None, speed: float | None = None
    ) -> dict[str, Any]:
        """Move the clock (on by seconds, or to a moment) or change its speed; what is due has happened then."""
        asked = {"advance_s": advance_s, "until": until and until.isoformat(), "speed": speed}
        given = {name: value for name, value in asked.items() if value is not None}
        answer: dict[str, Any] = self._ask("clock", given or None)
        return answer

    def now(self) -> datetime:
        """The simulated moment, for a client that is to share the clock."""
        return datetime.fromisoformat(self.clock()["now"])

    def settled(self) -> dict[str, int]:
        """How many runs are live and how many log entries are not flushed."""
        answer: dict[str, int] = self._ask("settled")
        return answer

    def streams(self) -> dict[str, int]:
        """How many streams are open, by leg."""
        answer: dict[str, int] = self._ask("streams")
        return answer

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_emulator/{path}", data, {"Content-Type": "application/json"})  # noqa: S310
        with urlopen(request, timeout=_START_S * 10) as answer:  # noqa: S310 - our own http URL
            return json.load(answer)
