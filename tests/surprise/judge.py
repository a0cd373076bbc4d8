"""Holds what a home has and says against the facts of its world."""

import itertools
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, TypeVar

from taskhouse.emulator.chronicle import Event, Fact, RunState, TaskState
from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.service import Service
from taskhouse.emulator.streams import START, StreamId, framed, parse_cursor
from taskhouse.emulator.world.model import TERMINAL, Run
from tests.surprise.held import Claim, Held, HeldRun

T = TypeVar("T")

VIEWER: Final = 1
LAST_FLUSH: Final = timedelta(minutes=15)
"""So long after a run's end its log may still grow."""
STREAMED: Final = timedelta(minutes=30)
"""So long after a run's end its stream is read; what an older server keeps of it for longer is left to the log."""
MONTH: Final = timedelta(days=30)
_NUMBER: Final = re.compile(r"(.*)-([0-9]+)", re.DOTALL)


class Wrong(NamedTuple):
    """A claim that the facts contradict."""

    kind: str
    of: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.of}: {self.what}"


class History(Generic[T]):
    """What held of one thing, from when on."""

    def __init__(self) -> None:
        self.states: list[tuple[datetime, T]] = []

    def during(self, since: datetime, until: datetime) -> list[T | None]:
        """All that held at some moment between the two; None is: it was not there yet."""
        found: list[T | None] = []
        if not self.states or self.states[0][0] > since:
            found.append(None)
        for (begin, state), (end, _) in itertools.zip_longest(self.states, self.states[1:], fillvalue=(None, None)):
            if begin is not None and begin <= until and (end is None or end >= since):
                found.append(state)
        return found


class Oracle:
    """The facts, by what they are about."""

    def __init__(self, facts: list[Fact]) -> None:
        self.tasks: dict[str, History[TaskState]] = {}
        self.runs: dict[str, History[RunState]] = {}
        self.events: dict[str, list[tuple[datetime, Event]]] = {}
        self.lost: dict[str, list[tuple[datetime, Event]]] = {}
        self.entries: dict[str, list[tuple[datetime, str]]] = {}
        for at, what, of, value in facts:
            if what == "task":
                self.tasks.setdefault(of, History()).states.append((at, value))
            elif what == "run":
                self.runs.setdefault(of, History()).states.append((at, value))
            elif what == "event":
                self.events.setdefault(of, []).append((at, value))
            elif what == "lost":
                self.lost.setdefault(of, []).append((at, value))
            else:
                self.entries.setdefault(of, []).append((at, value))


class Judge:
    """Looks at one home after a sync that began at ``began``; all its own times are the server's."""

    def __init__(self, service: Service, held: Held, began: datetime, ahead: timedelta) -> None:
        assert service.chronicle is not None
        self.service, self.held, self.began = service, held, began
        self.oracle = Oracle(service.chronicle.all)
        self.claims = {name: _moved(one, ahead) for name, one in held.claims.items()}
        self.now = service.clock.now()
        self.found: list[Wrong] = []

    def blame(self, kind: str, of: str, what: str) -> None:
        """Keep one contradiction."""
        self.found.append(Wrong(kind, of, what))

    def judge(self, *, claims: bool = True) -> list[Wrong]:
        """Everything that is wrong with what is held and, if wanted, with what is said."""
        self._sound()
        checks: dict[str, Any] = {
            "tasks": self._tasks,
            "repositories": self._repositories,
            "readiness": self._readiness,
            "runs": self._runs,
            "run_events": self._run_events,
        }
        for name, check in checks.items() if claims else ():
            one = self.claims.get(name)
            if one is not None and one.complete and one.finished_at >= self.began:
                check(one)
        return self.found

    # What is held was true.

    def _sound(self) -> None:
        for doubled in self.held.doubled:
            self.blame("doubled", "", doubled)
        for task, title in self.held.titles.items():
            if title not in {state.title for _, state in self.oracle.tasks[task].states}:
                self.blame("never-was", task, f"the title {title!r}")
        for run, mine in self.held.runs.items():
            if mine.status not in {state.status for _, state in self.oracle.runs[run].states}:
                self.blame("never-was", run, f"the status {mine.status!r}")
        for run in self.held.events:
            self._sound_events(run)
        for run, entries in self.held.entries.items():
            left = iter([redacted(text) for _, text in self.oracle.entries.get(run, ())])
            for position, payload, *_ in entries:
                if payload not in left:  # takes from the iterator up to where it stands
                    self.blame("never-was-or-misplaced", run, f"log entry {position}: {payload[:200]}")
                    break

    def _sound_events(self, run: str) -> None:
        written = Counter((event.stream_id, redacted(event.text)) for _, event in self.oracle.events.get(run, []))
        for stream_id, payload, _ in self.held.events[run]:
            if stream_id is None:
                if _parsed(payload).get("run_id") != run:
                    self.blame("never-was", run, f"event without id: {payload[:200]}")
            elif written[stream_id, payload] <= 0:
                self.blame("never-was-or-twice", run, f"event {stream_id}: {payload[:200]}")
            else:
                written[stream_id, payload] -= 1

    # What is said holds.

    def _seen(self, task: str, since: datetime, until: datetime) -> list[bool]:
        history = self.oracle.tasks.get(task)
        states = history.during(since, until) if history is not None else [None]
        return [state is not None and VIEWER in state.viewers for state in states]

    def _tasks(self, one: Claim) -> None:
        since = min(one.proven_at, one.started_at)
        said = f"{one.kind}, {one.proof} as of {one.proven_at}: {one.reason}"
        for task, history in self.oracle.tasks.items():
            seen = self._seen(task, since, one.finished_at)
            unlisted = history.states[-1][1].internal and "internal" in self.service.settings.ignored_parameters
            if all(seen) and task not in self.held.present and not unlisted:
                self.blame("task-missing", task, said)
            if task in self.held.present and not any(seen):
                self.blame("task-ghost", task, said)
            if one.kind == "list" and task in self.held.present:
                right = {state.title for state in history.during(since, one.finished_at) if state is not None}
                if self.held.titles[task] not in right:
                    self.blame("task-stale", task, f"{self.held.titles[task]!r}, not {right}; {said}")

    def _listed(self, since: datetime, until: datetime) -> tuple[set[str], set[str]]:
        """Repositories that were listed all the while because of one task, and those that were at some moment."""
        always, ever = set(), set()
        for history in self.oracle.tasks.values():
            names = [
                state.repository if state is not None and VIEWER in state.viewers and not state.internal else None
                for state in history.during(since, until)
            ]
            ever |= {name for name in names if name}
            if len(set(names)) == 1 and names[0]:
                always.add(names[0])
        return always, ever

    def _repositories(self, one: Claim) -> None:
        always, ever = self._listed(min(one.proven_at, one.started_at), one.finished_at)
        for name in always - self.held.repositories:
            self.blame("repository-missing", name, one.reason)
        for name in self.held.repositories - ever:
            self.blame("repository-ghost", name, one.reason)

    def _readiness(self, one: Claim) -> None:
        always, _ = self._listed(self.began, one.finished_at)
        for name in (always & self.held.repositories) - self.held.readiness:
            self.blame("readiness-missing", name, one.reason)

    def _runs(self, one: Claim) -> None:
        tasks = self.claims.get("tasks")
        since = min(one.proven_at, one.started_at, *([tasks.proven_at, tasks.started_at] if tasks else []))
        by_task: dict[str, list[str]] = {}
        for run, history in self.oracle.runs.items():
            by_task.setdefault(history.states[0][1].task, []).append(run)
        for task, runs in by_task.items():
            there = task in self.held.present and all(self._seen(task, min(since, self.began), self.now))
            states = [state for run in runs for state in self.oracle.runs[run].during(since, self.now)]
            if "refused (403)" in one.reason:  # which the verdict counts: they are asked for again in growing pauses
                states += [state for run in runs for _, state in self.oracle.runs[run].states]
            if not there or any(state is not None and state.refused for state in states):
                continue
            for run in runs:
                if self.oracle.runs[run].states[0][0] <= since and run not in self.held.runs:
                    self.blame("run-missing", run, f"{one.reason}; {one.proof} as of {one.proven_at}")
            latest = self.service.world.tasks[task].latest_run
            if latest is None or latest.id not in self.held.runs or tasks is None or tasks.kind != "list":
                continue
            right = {state.status for state in self.oracle.runs[latest.id].during(since, self.now) if state is not None}
            if tasks.complete and self.held.runs[latest.id].status not in right:
                self.blame("run-stale", latest.id, f"{self.held.runs[latest.id].status}, not {right}; {one.reason}")

    def _run_events(self, one: Claim) -> None:
        for run_id, mine in self.held.runs.items():
            run = self.service.world.runs[run_id]
            chain = [self.oracle.runs[each.id].during(self.began, self.now) for each in self.service.world.chain(run)]
            refused = any(state is not None and state.refused for states in chain for state in states)
            if refused or not all(self._seen(mine.task, self.began, one.finished_at)):
                continue
            history, since = self.oracle.runs[run_id].states, self.began
            pairs = itertools.pairwise(state.status in TERMINAL for _, state in history)
            if any(ended and not still for ended, still in pairs):  # reopened
                known = max(other.changed for other in self.held.runs.values() if other.task == mine.task)
                if run is not run.task.latest_run and known < self.began - MONTH:
                    continue  # no verdict speaks of a list of runs whose logs have all expired
                since = min(since, *(self.claims[name].proven_at for name in ("tasks", "runs") if name in self.claims))
                since = min(since, one.proven_at)
            if mine.status not in TERMINAL:
                since = min(since, one.proven_at)  # a run that rests was looked at then
            self._stream(run, mine, one, since)
            self._log(run, mine, one, since)

    def _readable(self, run: Run) -> set[bytes]:
        """The events that the run's stream holds now, as frames."""
        stream = self.service.store.stream(run.id)
        return {frame for frame in stream.read(START, 10**9, self.service.clock.now_ms()).frames if frame}

    def _never_were(self, run: Run, have: set[tuple[str | None, str]]) -> set[tuple[str, str]]:
        """Events that were rolled back before anybody could know of them; a reader of some misses the others."""
        groups: dict[datetime, list[Event]] = {}
        for at, event in self.oracle.lost.get(run.id, ()):
            groups.setdefault(at, []).append(event)
        unread = [group for group in groups.values() if not any(_held(event, have) for event in group)]
        return {(event.stream_id, event.text) for group in unread for event in group}

    def _since(self, run: Run) -> datetime:
        """From when on the run has its present status, whoever may read it."""
        states = reversed(self.oracle.runs[run.id].states)
        return [at for at, _ in itertools.takewhile(lambda one: one[1].status == run.status, states)][-1]

    def _told(self, run: Run) -> set[str]:
        """The numbers of the events for which entries of the log stand: those that are held, of a thin tail all."""
        names = [(first, last) for _, _, last, first in self.held.entries.get(run.id, ())]
        if run.thin_tail:
            logged = (_parsed(text) for text in self.service.logs.entries(run))
            names += [(entry.get("first_event_id"), entry.get("event_id")) for entry in logged]
        reported: set[str] = set()
        for first, last in names:
            end, begin = _number(last), _number(first)
            if end is not None:
                start = begin[1] if begin is not None and begin[0] == end[0] else end[1]
                reported |= {f"{end[0]}-{number}" for number in range(max(start, end[1] - 9999), end[1] + 1)}
        return reported

    def _stream(self, run: Run, mine: HeldRun, one: Claim, since: datetime) -> None:
        have = {(stream_id, payload) for stream_id, payload, _ in self.held.events.get(run.id, ())}
        reachable = [(at, event) for at, event in self.oracle.events.get(run.id, ()) if event.reachable]
        lacking = [item for item in reachable if not _held(item[1], have)]
        reported, thin = self._told(run), run.thin_tail
        unsaid = [(at, event) for at, event in lacking if _event_id(event.text) not in reported]
        stream, readable = self.service.store.stream(run.id), self._readable(run)
        here = {
            event
            for _, event in lacking
            if event.life == stream.life and framed(event.stream_id, event.text) in readable
        }
        over = run.is_terminal() and self._since(run) < self.began - STREAMED
        passed = max(
            (_place(event) for _, event in reachable if event.life < stream.life and _held(event, have)), default=START
        )
        there = [
            event
            for at, event in (unsaid if thin else lacking)
            if event in here and at <= since and not over and _place(event) > passed
        ]
        if there:
            what = (
                f"{len(there)}, first {there[0].stream_id} {there[0].text[:120]}; {mine}; since {since}; {one.reason}"
            )
            self.blame("events-missing", run.id, what)
        reached = {event.life for _, event in reachable if _held(event, have)}
        never = self._never_were(run, have)
        gone = [
            event
            for at, event in unsaid
            if at <= since
            and not (event in here and _place(event) > passed)
            and (event.stream_id, event.text) not in never
            and (event.life in reached or event.life > min(reached, default=99))
            and (not thin or _event_id(event.text) is not None)
        ]
        if gone and run.id not in self.held.gaps and mine.capture in ("complete", "live"):
            what = f"{len(gone)}, first {gone[0].stream_id} {gone[0].text[:120]}; lives {reached}; {mine}"
            self.blame("lost-without-gap", run.id, what)

    def _log(self, run: Run, mine: HeldRun, one: Claim, since: datetime) -> None:
        last = self.oracle.runs[run.id].states[-1][0]
        rested = run.is_terminal() and last < since - LAST_FLUSH
        until = since - (LAST_FLUSH if rested else timedelta())
        there = Counter(redacted(text) for text in self.service.logs.entries(run))
        fresh = Counter(redacted(text) for at, text in self.oracle.entries.get(run.id, ()) if at > until)
        short = there - fresh - Counter(payload for _, payload, *_ in self.held.entries.get(run.id, ()))
        if not short or not run.is_terminal():
            return
        what = f"{short.total()} of {there.total()}, as {min(short)[:120]}; {mine}; since {since}; {one.reason}"
        if rested or mine.log == "settled":
            self.blame("log-settled-short" if mine.log == "settled" else "log-missing", run.id, what)
        elif mine.log == "not_found":
            self.blame("log-given-up", run.id, what)


def _moved(one: Claim, ahead: timedelta) -> Claim:
    """The claim in the server's time."""
    times = {name: getattr(one, name) for name in ("proven_at", "started_at", "finished_at")}
    rest = {name: getattr(one, name) for name in ("resource", "kind", "verdict", "reason", "proof")}
    return Claim(**rest, **{name: at - ahead for name, at in times.items()})


def _held(event: Event, have: set[tuple[str | None, str]]) -> bool:
    return (event.stream_id, redacted(event.text)) in have


def _place(event: Event) -> StreamId:
    return parse_cursor(event.stream_id)


def _number(text: Any) -> tuple[str, int] | None:
    found = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    return (found[1], int(found[2])) if found is not None else None


def _event_id(text: str) -> str | None:
    name = _parsed(text).get("event_id")
    return name if isinstance(name, str) else None


def _parsed(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}
