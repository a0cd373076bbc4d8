"""A PostHog Tasks API over real HTTP, for a world that nobody designed.

It was written from the facts of the API alone and shares no code with the client or the emulator.
"""

from __future__ import annotations

import asyncio
import threading
import time
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from tests.worlds import steps
from tests.worlds.faults import Weather
from tests.worlds.routes import PATHS, Routes, denied, missing, problem
from tests.worlds.stream import broken_after
from tests.worlds.wire import Hurt, Request, Response, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worlds.life import Life
    from tests.worlds.state import Run, Task, World

Found = TypeVar("Found")
OF_A_RUN = ("run", "session_logs", "logs", "stream", "stream_token")
REFUSALS: dict[str, Callable[[], Response]] = {
    "gone": missing,
    "forbidden": denied,
    "500": lambda: problem(500, "server_error", "error", "A server error occurred."),
    "502": lambda: Response(502, b"", {"content-type": "text/plain"}),
}


class Server:
    """A world behind an address. Everything that touches the world runs in the server's own thread."""

    def __init__(self, life: Life, seed: int) -> None:
        self.life, self.world = life, life.world
        self.rng = Random(seed)
        self.weather = Weather(Random(seed + 1))
        self.routes = Routes(self.world, self.rng, self.now)
        self.asked: list[tuple[float, str, str, int, str]] = []
        self.pace = 0.0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def now(self) -> float:
        """The time in this world."""
        return time.time() + self.world.ahead

    def start(self) -> None:
        """Begin to listen, at a free port."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """End everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def call(self, act: Callable[[], Found]) -> Found:
        """Do something with the world, between two of its moments."""

        async def later() -> Found:
            return act()

        return asyncio.run_coroutine_threadsafe(later(), self._loop).result(300)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.run_until_complete(
            asyncio.start_server(
                lambda reader, writer: serve(reader, writer, self.handle), "127.0.0.1", 0, limit=1 << 20
            )
        )
        self.port = listening.sockets[0].getsockname()[1]
        going = self._loop.create_task(self._move())
        self._ready.set()
        self._loop.run_forever()
        going.cancel()
        listening.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(0.1 if not self.pace else min(0.1, self.rng.expovariate(self.pace)))
            if self.pace:
                steps.step(self.life, self.now())
            steps.quiet(self.life, self.now())

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        route, parts = next(
            ((name, found.groupdict()) for name, path in PATHS if (found := path.fullmatch(request.path))), ("", {})
        )
        trouble = self.weather.strike(route, self.now(), request.path)
        self.routes.lie = trouble == "lie"
        response = self._answer(request, route, parts)
        if trouble:
            response = self._hurt(response, trouble)
        response.headers["date"] = formatdate(self.now(), usegmt=True)
        self.asked.append((self.now(), route, request.target, response.status, trouble or ""))
        if route == "stream" and response.status >= 400:
            response.body = b"typecodedetailattr"
            response.headers["content-type"] = "text/event-stream; charset=utf-8"
        return response

    def _answer(self, request: Request, route: str, parts: dict[str, str]) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.world.key}":
            return denied("Personal API key found in request Authorization header is invalid.", "authentication_failed")
        if parts.get("project", str(self.world.project)) not in (str(self.world.project), "@current"):
            return denied("You don't have access to the project.")
        if not route:
            return missing()
        answer: Callable[..., Response] = getattr(self.routes, route)
        return self._about_task(answer, request, route, parts) if "task" in parts else answer(request)

    def _about_task(
        self, answer: Callable[..., Response], request: Request, route: str, parts: dict[str, str]
    ) -> Response:
        task = self.world.tasks.get(parts["task"])
        if task is None or not self._may_see(task, route):
            return missing("Not found." if route in ("detail", "usage") else "Task not found")
        if route not in OF_A_RUN:
            return answer(request, task)
        run: Run | None = next((one for one in task.runs if one.id == parts["run"]), None)
        if run is None:
            return missing("Task run not found")
        return denied() if run.refused.now() else answer(request, run)

    def _may_see(self, task: Task, route: str) -> bool:
        by_run = task.deleted and self.world.nature.deleted_runs_answer and (route in OF_A_RUN or route == "runs")
        return task.seen.now() or by_run

    def _hurt(self, response: Response, kind: str) -> Response:
        rng = self.weather.rng
        if kind in REFUSALS:
            return REFUSALS[kind]()
        if kind in ("503", "429"):
            failed = problem(int(kind), "throttled_error", "throttled", "Request was throttled.")
            if kind == "429" or rng.random() < 0.5:
                failed.headers["retry-after"] = rng.choice(("1", "2", "0"))
            return failed
        if kind == "page_of_a_proxy":
            html = {"content-type": "text/html"}
            return Response(rng.choice((200, 502)), b"<html><body>Bad gateway</body></html>", html)
        if kind in ("cut", "reset") and not isinstance(response.body, bytes):
            response.body = broken_after(response.body, rng.choice((0, 1, 30, 300, 5000)))
            response.hurt = Hurt(reset=kind == "reset")
        elif kind in ("cut", "reset"):
            midway = kind == "cut" or rng.random() < 0.5
            response.hurt = Hurt(cut=rng.random() if midway else None, reset=kind == "reset")
        elif kind in ("slow", "dribble"):
            response.hurt = Hurt(
                delay=rng.choice((0.3, 1.0, 3.0)) if kind == "slow" else 0.0, dribble=kind == "dribble"
            )
        return response


def facts(world: World) -> dict[str, Any]:
    """How large a world is, for reports."""
    runs = world.runs()
    return {
        "tasks": len(world.tasks),
        "runs": len(runs),
        "events": sum(len(run.frames) for run in runs),
        "entries": sum(len(run.entries) for run in runs),
    }
