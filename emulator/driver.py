"""Plays the live runs against the clock: events to the streams, log lines when they are flushed, status changes."""

from __future__ import annotations

import asyncio
import heapq
import json
import random
from collections import deque
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.backlog import event_id_of
from taskhouse.emulator.rendering import hand_built
from taskhouse.emulator.status import status_of
from taskhouse.emulator.world.model import TERMINAL
from taskhouse.emulator.world.plans import steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskhouse.emulator.chronicle import Chronicle
    from taskhouse.emulator.clock import Clock
    from taskhouse.emulator.script import Step
    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.streams import StreamStore
    from taskhouse.emulator.truth import Truth
    from taskhouse.emulator.world.logs import Logs
    from taskhouse.emulator.world.model import Run
    from taskhouse.emulator.world.world import World

_IDLE_S: Final = 3600.0
_TURN: Final = 64
"""How many steps of a run are played before the event loop and the other runs get a turn."""
_US: Final = 1_000_000


def state_text(run: Run) -> str:
    """The run as a `task_run_state` event, printed as the server prints it."""
    return json.dumps(
        {
            "type": "task_run_state",
            "run_id": run.id,
            "task_id": run.task.id,
            "status": run.status,
            "stage": run.stage,
            "output": run.output,
            "branch": run.branch,
            "error_message": run.error_message,
            "updated_at": hand_built(run.updated_at),
            "completed_at": hand_built(run.completed_at),
        }
    )


class Player:
    """One run being played: the next step of its plan and the log lines that wait for their flush."""

    def __init__(self, run: Run, steps: Iterator[Step], start_us: int) -> None:
        self.run = run
        self._steps = steps
        self._start_us = start_us
        self.step: Step | None = next(steps, None)
        self.waiting: deque[tuple[int, str]] = deque()

    def due_us(self) -> int | None:
        """When the next step of this run is due; None if nothing is left."""
        due = [self._at(self.step.at_s)] if self.step is not None else []
        if self.waiting:
            due.append(self.waiting[0][0])
        return min(due, default=None)

    def _at(self, seconds: float) -> int:
        return self._start_us + round(seconds * _US)

    def take(self, now_us: int) -> tuple[int, Step | str] | None:
        """The next due step or log line with its due time, or None when nothing more is due."""
        due = self.due_us()
        if due is None or due > now_us:
            return None
        if self.waiting and self.waiting[0][0] <= due:
            return self.waiting.popleft()
        step = self.step
        if step is None:
            return None
        self.step = next(self._steps, None)
        if step.log is not None:
            self.waiting.append((self._at(step.log_at_s), step.log))
        return due, step

    def stop(self) -> None:
        """Drop the rest of the plan."""
        self.step = None


class Driver:
    """All live runs in one heap, played by one task of the event loop."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        store: StreamStore,
        logs: Logs,
        truth: Truth,
        settings: EmulatorSettings,
        chronicle: Chronicle | None = None,
    ) -> None:
        self._world = world
        self._clock = clock
        self._store = store
        self._logs = logs
        self._truth = truth
        self._settings = settings
        self._chronicle = chronicle
        self._rng = random.Random(f"driver-{settings.seed}")
        self._heap: list[tuple[int, int, Player]] = []
        self._players: dict[str, Player] = {}
        self._serial = count()
        self._news = asyncio.Event()
        self._floor_ms: dict[str, int] = {}
        self.ended: list[datetime] = []
        """When runs ended, earliest first; the caller may remove what it has seen."""

    def preload(self) -> None:
        """Fill the streams of runs that just finished, and bring the live ones up to the present."""
        for run in self._world.recent:
            self._replay(run)
        for run in self._world.live:
            self.start(run)
            player = self._players[run.id]
            self._play(player, self._clock.now_us(), historical=True, most=None)

    def _replay(self, run: Run) -> None:
        """Give a finished run its stream in the present state; trimmed events count as never offered."""
        at_us = _us(run.created_at)
        stream = self._store.stream(run.id)
        digest = self._truth.live(run)
        offered = []
        for step in steps_of(run, self._settings):
            if step.live is not None:
                digest.emitted(step.live)
            if step.live is not None and not run.presence_gated:
                at_ms = (at_us + round(step.at_s * _US)) // 1000
                event_id = stream.append(step.live, at_ms, thin=_is_thin(run, step.live))
                offered.append((event_id, step.live))
            elif step.live is not None:
                digest.unmirrored += 1
            if step.change:
                self._change(run, step.change)
        done = run.completed_at or run.updated_at
        stream.complete(_us(done) // 1000)
        left = stream.count(self._clock.now_ms()) - 1
        for event_id, text in offered[max(0, len(offered) - left) :]:
            digest.add(event_id, text)
            if self._chronicle is not None:
                self._chronicle.appended(run, event_id, text, stream.life, reachable=True)

    def start(self, run: Run) -> None:
        """Play a run from its (re)start on, which may be still to come."""
        self._logs.keep(run)
        started = run.started_at or run.created_at
        if run.scheduled_at is None:
            run.log_written_at = run.log_written_at or started
        steps = steps_of(run, self._settings, pace=self._settings.pace)
        player = self._players[run.id] = Player(run, steps, _us(started))
        self._push(player)

    def _push(self, player: Player) -> None:
        due = player.due_us()
        if due is None:
            if self._players.get(player.run.id) is player:
                del self._players[player.run.id]
            return
        heapq.heappush(self._heap, (due, next(self._serial), player))
        self._news.set()

    def live_runs(self) -> int:
        """Runs whose plan is not over; those that wait for their time are not counted."""
        return sum(player.step is not None and not player.run.waits() for player in self._players.values())

    def has_resting(self) -> bool:
        """Whether a run has not ended while none is played."""
        return not self.live_runs() and any(not run.is_terminal() for run in self._world.runs.values())

    def pending_log_entries(self) -> int:
        """Log lines that were written and not flushed."""
        return sum(len(player.waiting) for player in self._players.values())

    async def run_forever(self) -> None:
        """Play until cancelled."""
        while True:
            self._news.clear()
            await self.catch_up()
            wait = (self._heap[0][0] - self._clock.now_us()) / _US if self._heap else _IDLE_S
            await self._clock.wait_for(self._news, wait)

    async def catch_up(self) -> None:
        """Play everything that is due at the moment of the call; the event loop gets its turn in between."""
        now = self._clock.now_us()
        while self._heap and self._heap[0][0] <= now:
            player = heapq.heappop(self._heap)[2]
            self._play(player, now, historical=False, most=_TURN)
            self._push(player)
            await asyncio.sleep(0)

    def _play(self, player: Player, now_us: int, *, historical: bool, most: int | None) -> None:
        for turn in count():
            taken = player.take(now_us) if most is None or turn < most else None
            if taken is None:
                return
            due_us, item = taken
            if isinstance(item, str):
                self._logs.append(player.run, item)
            else:
                self._perform(player.run, item, (due_us if historical else now_us) // 1000)

    def _perform(self, run: Run, step: Step, now_ms: int) -> None:
        change = step.change or {}
        status = change.get("status")
        ends = status in TERMINAL
        if change:
            self._change(run, change)
            self._moved(run)
        late = ends and self._rng.random() < self._settings.late_state
        if late:
            self._store.stream(run.id).complete(now_ms)
        if step.live is not None:
            self._append(run, step.live, now_ms)
        if ends and not late:
            self._store.stream(run.id).complete(now_ms)
        if ends:
            self.ended.append(self._clock.now())

    def _append(self, run: Run, text: str, now_ms: int) -> str | None:
        """Write an event to the run's stream and account for it; None if nobody watches a run that is gated."""
        now_ms = max(now_ms, self._floor_ms.get(run.id, 0))
        stream, digest = self._store.stream(run.id), self._truth.live(run)
        digest.emitted(text)
        if run.presence_gated and not stream.watched(now_ms):
            digest.unmirrored += 1
            return None
        reachable = not stream.closed(now_ms) and status_of(text) is None
        publish = text.startswith('{"type": "task_run_state"')
        event_id = stream.append(text, now_ms, publish=publish, thin=_is_thin(run, text))
        if reachable:
            digest.add(event_id, text)
        else:
            digest.unreachable += 1
        if self._chronicle is not None:
            self._chronicle.appended(run, event_id, text, stream.life, reachable=reachable)
        return event_id

    def inject(self, run: Run, *, live: str | None, log: str | None) -> str | None:
        """Write these texts unchanged: an event to the stream, a line to the log."""
        event_id = None if live is None else self._append(run, live, self._clock.now_ms())
        if log is not None:
            self._logs.write(run, log)
        return event_id

    def restart_stream(self, run: Run) -> None:
        """Delete the run's stream; later events get the ids of the first ones again."""
        self._floor_ms.pop(run.id, None)
        self._store.stream(run.id).restart()

    def _change(self, run: Run, change: dict[str, Any]) -> None:
        """New values of the row. Ending a run saves status, error_message and completed_at, not updated_at."""
        ends = change.get("status") in TERMINAL
        for name, value in change.items():
            if name == "state":
                run.state = {**run.state, **value}
            elif name == "completed_at":
                run.completed_at = _moment(value)
            elif name == "updated_at":
                if not ends:
                    run.updated_at = _moment(value) or run.updated_at
            else:
                setattr(run, name, value)

    def _moved(self, run: Run) -> None:
        if self._settings.activity_moves and (self._settings.older_runs_move or run is run.task.latest_run):
            run.task.last_activity_at = max(run.task.last_activity_at, self._clock.now())
        self._world.touch(run.task)

    def fail_stream(self, run: Run, message: str) -> None:
        """Close the run's stream with an error sentinel; what follows it reaches no reader."""
        self._store.stream(run.id).error(message, self._clock.now_ms())

    def roll_back(self, run: Run, count: int, *, again: bool = True) -> list[str]:
        """Lose the newest entries of the run's stream; with ``again`` its events come once more under other ids."""
        stream = self._store.stream(run.id)
        if not stream.exists(self._clock.now_ms()):
            return []
        life, lost = stream.life, stream.roll_back(count)
        if self._chronicle is not None:
            for event_id, text in lost:
                self._chronicle.lost(run, event_id, text, life)
        texts = [text for _, text in lost] if again else []
        return [given for text in texts if (given := self._append(run, text, self._clock.now_ms())) is not None]

    def reopen(self, run: Run, *, reset: bool = True) -> None:
        """Resume a finished run in the cloud: the same run queued again, with a fresh stream; its log goes on.

        Without ``reset`` the old stream could not be deleted: its sentinel keeps readers from what comes now.
        """
        now = self._clock.now()
        self._stop(run)
        self._logs.keep(run)
        run.log_written_at = run.log_written_at or now
        run.status, run.environment = "queued", "cloud"
        run.completed_at = run.error_message = None
        run.updated_at = run.started_at = now
        run.incarnation += 1
        if reset:
            stream = self._store.stream(run.id)
            self._floor_ms[run.id] = stream.newest(self._clock.now_ms()).ms + 1
            stream.reset()
        self._moved(run)
        self.start(run)

    def _stop(self, run: Run) -> None:
        """Play the run no further; its waiting log lines are flushed."""
        player = self._players.pop(run.id, None)
        if player is not None:
            player.stop()
            while player.waiting:
                self._logs.append(run, player.waiting.popleft()[1])

    def finish(self, run: Run, status: str) -> None:
        """End a run now: its waiting log lines are flushed, its state is published, its stream is closed."""
        now = self._clock.now()
        self._stop(run)
        run.status, run.completed_at = status, now
        if status == "failed":
            run.error_message = run.error_message or "Stopped"
        self._append(run, state_text(run), self._clock.now_ms())
        self._store.stream(run.id).complete(self._clock.now_ms())
        self.ended.append(now)
        self._moved(run)


def _is_thin(run: Run, text: str) -> bool:
    """Whether the event brings the small cap: one with a number, on a thin-tail run."""
    return run.thin_tail and event_id_of(text) is not None


def _us(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, at.tzinfo)) // timedelta(microseconds=1)


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
