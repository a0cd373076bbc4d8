"""One surprising emulator and one home that reads it, in one event loop and its virtual time."""

import asyncio
import contextlib
import contextvars
import itertools
import random
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from pydantic import SecretStr

from taskhouse.capture import tail
from taskhouse.clock import Clock
from taskhouse.emulator.mutations import MutationError, mutate
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.emulator.virtual import VirtualLoop, emulated
from taskhouse.errors import TaskhouseError
from taskhouse.passes.context import Context
from taskhouse.resources import registry
from taskhouse.settings import Settings
from tests.asked import looking, spoiling
from tests.blank import blank
from tests.surprise.process import Killed, Process

T = TypeVar("T")

KEYS = (Key(), Key("phx_of_another", 2))
MOMENT_S = 0.1
"""Between two things that happen: nobody can say in which order those of one moment do."""
_whose: contextvars.ContextVar[Process | None] = contextvars.ContextVar("whose", default=None)
"""The process that a task of the loop belongs to."""
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class _Ours(Clock):
    """Our own clock, which need not agree with the server's."""

    def __init__(self, house: "House") -> None:
        self._house = house

    def now(self) -> datetime:
        return self._house.service.clock.now() + self._house.ahead

    def monotonic(self) -> float:
        return self._house.loop.time()


class House:
    """The server, the home and both clocks; ``ahead_s`` is how far ours is before the server's."""

    def __init__(self, settings: EmulatorSettings, *, ahead_s: float = 0.0, capture_s: float = 2.0) -> None:
        random.seed(settings.seed)
        self.loop = VirtualLoop(threads=False)
        self.loop.set_task_factory(self._begun)
        self.folder = Path(tempfile.mkdtemp(prefix="taskhouse-surprise-"))
        self.ahead = timedelta(seconds=ahead_s)
        self._open = contextlib.AsyncExitStack()
        origin, emulator = self.run(self._open.enter_async_context(emulated(settings)))
        self.service, self.faults = emulator.service, emulator.faults
        windows = (settings.streams.max_entries,) if settings.streams.max_entries < 500 else None
        self.settings = Settings(
            host=origin,
            api_key=KEYS[0].value,
            project_ids=(1,),
            home=self.folder / "home",
            requests_per_hour=0,
            capture_seconds=capture_s,
            stream_windows=None if windows is None else (*windows, settings.streams.thin_entries),
            readiness_windows=(7,),
            lock_wait_s=1,
        ).with_clock(_Ours(self))
        blank(self.settings.warehouse)
        self._process: Process | None = None
        self._names = itertools.count()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        return self.loop.run_until_complete(work)

    def sync(self, resource: str, *, steps: int | None = None) -> str:
        """One pass, or the part of it before the death; how it ended."""
        return self.run(self._live(registry.code(resource).sync, steps))

    def sync_as_another(self) -> str:
        """One pass over tasks with the key of another member."""
        key = SecretStr(KEYS[1].value)
        self.run(self._end())
        self._process = Process(self.settings.model_copy(update={"api_key": key}), self._names)
        try:
            return self.sync("tasks")
        finally:
            self.run(self._end())

    def tail(self, seconds: float, *, steps: int | None = None) -> str:
        """A tail for so long."""

        async def follow(context: Context) -> Any:
            stop = asyncio.Event()
            self.loop.call_later(seconds, stop.set)
            return await tail.run(context, stop)

        return self.run(self._live(follow, steps))

    async def _live(self, work: Any, steps: int | None) -> str:
        if self._process is None:
            self._process = Process(self.settings, self._names)
        process = self._process
        process.left = steps
        _whose.set(process)
        with process.living():
            try:
                await work(Context(self.settings, 1, process.client, process.warehouse, load_every_s=2))
            except TaskhouseError as problem:
                return f"failed: {problem.message}"
            except BaseException as problem:
                if not process.dead or not _is_death(problem):
                    raise
            finally:
                if process.dead:
                    await self._bury(process)
        return "killed" if process.dead else "done"

    def _begun(self, loop: Any, work: Any, context: Any = None) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=loop, context=context)
        run_key = _whose.get()
        if run_key is not None:
            run_key.tasks.add(task)
        return task

    async def _bury(self, process: Process) -> None:
        left = [task for task in process.tasks if not task.done() and task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._end()

    async def _end(self) -> None:
        if self._process is not None:
            await self._process.end()
            self._process = None

    @property
    def left(self) -> int | None:
        """How many steps the process has still to live."""
        return self._process.left if self._process is not None else None

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A copy of the warehouse, to look at."""
        if self._process is None:
            self._process = Process(self.settings, self._names)
        with self._process.living(), looking(self._process.warehouse) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The same, to spoil it."""
        if self._process is None:
            self._process = Process(self.settings, self._names)
        with self._process.living(), spoiling(self._process.warehouse) as connection:
            yield connection

    def change(self, action: str, **given: Any) -> dict[str, Any] | None:
        """Change the world a moment later; None where that cannot be."""
        self.passes(MOMENT_S)

        async def act() -> dict[str, Any] | None:
            try:
                return mutate(self.service, {"action": action, **given})
            except MutationError:
                return None

        return self.run(act())

    def passes(self, seconds: float) -> None:
        """Let time go by; what runs do meanwhile happens when it is due."""

        async def go() -> None:
            clock, driver, left_s = self.service.clock, self.service.driver, seconds
            while left_s > 0:
                due_s = (driver._heap[0][0] - clock.now_us()) / 1e6 if driver._heap else left_s
                step_s = min(left_s, max(due_s, 0.25))
                clock.advance(step_s)
                await driver.catch_up()
                left_s -= step_s

        self.run(go())

    def close(self) -> None:
        """Stop everything and remove the home."""
        self.run(self._end())
        self.run(self._open.aclose())
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_death(problem: BaseException) -> bool:
    if isinstance(problem, BaseExceptionGroup):
        return any(map(_is_death, problem.exceptions))
    return isinstance(problem, Killed | asyncio.CancelledError)
