"""Everything that was ever true, as a list of facts in the order of time: the oracle of a surprising world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from taskhouse.emulator.world.model import visible

if TYPE_CHECKING:
    from datetime import datetime

    from taskhouse.emulator.clock import Clock
    from taskhouse.emulator.world.logs import Logs
    from taskhouse.emulator.world.model import Run, Task
    from taskhouse.emulator.world.world import World


class Fact(NamedTuple):
    """From the moment ``at`` on, ``what`` holds of the thing with the id ``of``.

    ``what`` is ``task`` or ``run`` (``value`` is its state), ``event`` (``value`` is one event of the run's stream),
    ``lost`` (one that was rolled back) or ``entry`` (the text of one line of the run's own log).
    """

    at: datetime
    what: str
    of: str
    value: Any


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as its viewers see it; ``viewers`` are the ids of the users who may."""

    viewers: frozenset[int]
    title: str
    repository: str | None
    internal: bool
    latest_run: str | None


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as its row shows it; ``refused`` means that its content makes the server refuse it to every key."""

    task: str
    status: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its id and text as the stream has them; what is written behind a sentinel is not ``reachable``.

    A stream that was reset, lost or expired begins another ``life``.
    """

    stream_id: str
    text: str
    reachable: bool
    life: int


class Chronicle:
    """Records facts; a state that stays the same is recorded once."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._states: dict[str, TaskState | RunState] = {}
        self.all: list[Fact] = []

    def begin(self, logs: Logs) -> None:
        """Record the present state, and every change from now on."""
        for task in self._world.tasks.values():
            self.touched(task)
            for run in task.runs:
                for text in logs.own(run):
                    self.logged(run, text)
        self._world.witness = self.touched
        logs.witness = self.logged

    def touched(self, task: Task) -> None:
        """A task or its runs may have changed."""
        latest = task.latest_run
        seen = () if task.deleted else (user for user in self._world.users if visible(task, user))
        state = TaskState(
            frozenset(seen), task.title, task.repository, task.internal, latest.id if latest is not None else None
        )
        self._state("task", task.id, state)
        for run in task.runs:
            self._state("run", run.id, RunState(task.id, run.status, run.protected))

    def _state(self, what: str, of: str, state: TaskState | RunState) -> None:
        if self._states.get(of) != state:
            self._states[of] = state
            self._note(what, of, state)

    def appended(self, run: Run, stream_id: str, text: str, life: int, *, reachable: bool) -> None:
        """An event was written to a run's stream."""
        self._note("event", run.id, Event(stream_id, text, reachable, life))

    def lost(self, run: Run, stream_id: str, text: str, life: int) -> None:
        """An event of a run's stream was rolled back: a reader that did not read it until now never will."""
        self._note("lost", run.id, Event(stream_id, text, reachable=False, life=life))

    def logged(self, run: Run, text: str) -> None:
        """A line was written to a run's log."""
        self._note("entry", run.id, text)

    def _note(self, what: str, of: str, value: Any) -> None:
        self.all.append(Fact(self._clock.now(), what, of, value))
