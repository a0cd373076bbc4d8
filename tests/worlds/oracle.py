"""Compares what a home holds and claims with what was true in its world."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.worlds.state import TERMINAL
from tests.worlds.stream import THIN, number_of, told_by

if TYPE_CHECKING:
    from tests.worlds.held import Held, HeldRun, Pass
    from tests.worlds.state import Piece, Run, World

RESOURCES = ("tasks", "repositories", "runs", "readiness", "run_events")
SLACK = 0.05
LAST_FLUSH = 900.0
RESTS = 3600.0
MONTH = 30 * 24 * 3600.0


@dataclass(slots=True)
class Sync:
    """One call of the command, as seen from outside, and whether one kind of request was refused again and again."""

    number: int
    began: float
    ended: float
    code: int | None
    output: str
    outage: bool = False


@dataclass(slots=True)
class Violation:
    """A claim that the world contradicts."""

    kind: str
    subject: str
    what: str


class Judge:
    """Looks at one home after one sync."""

    def __init__(self, world: World, held: Held, sync: Sync) -> None:
        self.world, self.held, self.sync = world, held, sync
        self.found: list[Violation] = []
        self.real = {run.id: run for run in world.runs()}
        self.passes = {name: held.last(name, sync.began - SLACK) for name in RESOURCES}

    def blame(self, kind: str, subject: str, what: str) -> None:
        """Keep one violation."""
        self.found.append(Violation(kind, subject, what))

    def judge(self) -> list[Violation]:
        """Everything that is wrong."""
        self.sound()
        if self.sync.code is not None:
            self.exit_code()
        for name in RESOURCES:
            one = self.passes[name]
            if one is not None and one.complete:
                getattr(self, name)(one)
        return self.found

    def exit_code(self) -> None:
        """The exit code says what the verdicts say."""
        code, verdicts = self.sync.code, {name: one.verdict if one else "none" for name, one in self.passes.items()}
        if code == 0 and set(verdicts.values()) != {"complete"}:
            self.blame("green-without-proof", "", f"exit 0 beside {verdicts}")
        if code == 3 and set(verdicts.values()) == {"complete"}:
            self.blame("red-without-reason", "", "exit 3 though each verdict is complete: " + self.sync.output[-400:])
        if code not in (0, 3) and not (code == 1 and self.sync.outage and " failed: " in self.sync.output):
            self.blame("failed", "", f"exit {code}: {self.sync.output[-1200:]}")
        if code == 0 and self.held.published != self.held.counts:
            self.blame("published-behind", "", f"published {self.held.published}, warehouse {self.held.counts}")

    def sound(self) -> None:
        """Nothing is held that never was, nothing twice, each text as it came."""
        for doubled in self.held.doubled:
            self.blame("doubled", "", doubled)
        for task_id, title in self.held.tasks.items():
            task = self.world.tasks.get(task_id)
            if task is None or title not in task.titles(-1e18, 1e18):
                self.blame("never-was", task_id, f"task with the title {title!r}")
        for run_id, mine in self.held.runs.items():
            if run_id not in self.real or mine.status not in self.real[run_id].statuses(-1e18, 1e18):
                self.blame("never-was", run_id, f"run as {mine.status}")
        for run_id, rows in self.held.events.items():
            self._sound_events(self.real.get(run_id), run_id, rows)
        for run_id, entries in self.held.entries.items():
            self._sound_entries(self.real.get(run_id), run_id, entries)

    def _sound_events(self, run: Run | None, run_id: str, rows: list[tuple[str | None, str, bool]]) -> None:
        sent = {piece.stream_id: piece.text for piece in run.frames} if run else {}
        drained = set(run.drained) if run else set()
        seen: set[str] = set()
        for stream_id, payload, redacted in rows:
            if stream_id is None:
                if payload not in drained:
                    self.blame("never-was", run_id, f"event without id: {payload[:200]}")
                continue
            if stream_id in seen:
                self.blame("doubled", run_id, f"event {stream_id}")
            seen.add(stream_id)
            if stream_id not in sent:
                self.blame("never-was", run_id, f"event {stream_id}: {payload[:200]}")
            elif sent[stream_id] != payload and not redacted:
                self.blame("changed", run_id, f"event {stream_id}: {payload[:200]} was {sent[stream_id][:200]}")

    def _sound_entries(
        self, run: Run | None, run_id: str, rows: list[tuple[int, str, bool, str | None, str | None]]
    ) -> None:
        written = [piece.text for piece in run.entries] if run else []
        if run and self._unproved(run_id):  # whose entries they are is said to be open
            chain = {piece.text for each in run.chain() for piece in each.entries}
            written = [text for _, text, *_ in sorted(rows)] if all(text in chain for _, text, *_ in rows) else written
        written = next((some for some in _lives(run, written) if _fits(rows, some)), written)
        for position, payload, redacted, *_ in rows:
            if not 0 <= position < len(written):
                self.blame("never-was", run_id, f"log entry {position} of {len(written)}: {payload[:200]}")
            elif written[position] != payload and not redacted:
                self.blame("changed", run_id, f"log entry {position}: {payload[:200]} was {written[position][:200]}")

    def _unproved(self, run_id: str) -> bool:
        verdict, mine = self.passes["run_events"], self.held.runs.get(run_id)
        return mine is not None and mine.log_state == "unproved" and not (verdict is not None and verdict.complete)

    def tasks(self, one: Pass) -> None:
        """A complete pass over tasks: all that was visible all the while, and nothing else."""
        rests = f"{one.kind}, proof {one.proof}, proven {one.started - one.proven:.0f} s before: {one.reason}"
        for task in self.world.tasks.values():
            if task.seen.throughout(one.proven - SLACK, one.finished + SLACK) and task.id not in self.held.present:
                self.blame("task-missing", task.id, rests)
            if task.id in self.held.present and not task.seen.ever(one.proven - SLACK, one.finished + SLACK):
                self.blame("task-ghost", task.id, rests)
            if one.kind == "list" and task.id in self.held.present:
                right = task.titles(min(one.proven, one.started) - SLACK, one.finished + SLACK)
                if self.held.tasks[task.id] not in right:
                    self.blame("task-stale", task.id, f"{self.held.tasks[task.id]!r}, not {right}; {rests}")

    def repositories(self, one: Pass) -> None:
        """A complete pass over repositories."""
        for name, spans in self.world.repository_spans.items():
            if spans.throughout(one.proven - SLACK, one.finished + SLACK) and name not in self.held.repositories:
                self.blame("repository-missing", name, one.reason)
            if name in self.held.repositories and not spans.ever(one.proven - SLACK, one.finished + SLACK):
                self.blame("repository-ghost", name, one.reason)

    def readiness(self, one: Pass) -> None:
        """A complete pass over readiness: an answer of today for each repository that was there."""
        for name, spans in self.world.repository_spans.items():
            there = spans.throughout(self.sync.began, one.finished) and name in self.held.repositories
            if there and self.held.readiness.get(name, 0.0) < one.started - 24 * 3600:
                self.blame("readiness-missing", name, one.reason)

    def runs(self, one: Pass) -> None:
        """A complete pass over runs: each run of a task that is held, and the latest one as it is."""
        tasks = self.passes["tasks"]
        since = min(one.proven, tasks.proven if tasks is not None else one.proven) - SLACK
        until = self.sync.ended + SLACK
        for task in self.world.tasks.values():
            there = task.id in self.held.present and task.seen.throughout(min(since, self.sync.began), until)
            if not there or any(run.refused.ever(since, until) for run in task.runs):
                continue
            for run in task.runs:
                if run.since <= since and run.id not in self.held.runs:
                    self.blame("run-missing", run.id, f"{one.reason}; proof {one.proof}")
            latest = task.latest
            if latest is None or latest.id not in self.held.runs or tasks is None or tasks.kind != "list":
                continue
            status = self.held.runs[latest.id].status
            if tasks.complete and status not in latest.statuses(since, until):
                self.blame("run-stale", latest.id, f"held as {status}, is {latest.row['status']}; {one.reason}")

    def run_events(self, one: Pass) -> None:
        """A complete pass over streams and logs."""
        for run_id, mine in self.held.runs.items():
            run = self.real.get(run_id)
            if run is None or not run.task.seen.throughout(self.sync.began, one.finished):
                continue
            if any(each.refused.ever(self.sync.began, one.finished) for each in run.chain()):
                continue
            if self._reopened(run) and run is not run.task.latest and run.versions[-1][0] < self.sync.began - MONTH:
                continue  # no verdict speaks of a list of runs whose logs have all expired
            since = self._looked(one) if self._reopened(run) else self.sync.began
            if mine.status not in TERMINAL and run.row["updated_at"] < self.sync.began - RESTS:
                since = min(since, one.proven)  # its stream and its log were looked at then
            self._stream(run, mine, one, since)
            self._log(run, mine, one, since)

    def _looked(self, one: Pass) -> float:
        """The moment of the oldest look at the runs that the verdict rests on; an incomplete pass claims no look."""
        rests = [self.passes[name] for name in ("tasks", "runs")]
        looked = (each.proven if each.complete else -math.inf for each in rests if each is not None)
        return min(self.sync.began, one.proven, *looked)

    @staticmethod
    def _reopened(run: Run) -> bool:
        pairs = itertools.pairwise(row["status"] in TERMINAL for _, row in run.versions)
        return any(ended and not still for ended, still in pairs)

    def _kind(self, kind: str, run: Run) -> str:
        """Keep apart what befell a run that is not the latest of its task and was reopened."""
        return f"{kind}-of-older-run" if self._reopened(run) and run is not run.task.latest else kind

    def _stream(self, run: Run, mine: HeldRun, one: Pass, since: float) -> None:
        have = {stream_id for stream_id, *_ in self.held.events.get(run.id, ())}
        reported = self._told(run)
        thin = run.window == THIN and run.agent.numbered  # the log's entries stand for what they cover
        lacking = [piece for piece in run.frames if piece.stream_id not in have]
        if thin:
            reported |= told_by(run.entries)
        lost = [piece for piece in lacking if number_of(piece.event_id) not in reported]
        there = [piece for piece in (lost if thin else lacking) if piece.readable(since, one.finished)]
        if there:
            self.blame(
                self._kind("events-missing", run),
                run.id,
                f"{len(there)}, first {there[0].stream_id}; {mine}; {one.reason}",
            )
        numbered = [piece for piece in lost if piece.event_id is not None or not thin]  # the rest leaves no trace
        gone = [piece for piece in numbered if piece.until < since]
        if not gone or run.id in self.held.gaps or mine.capture_state not in ("complete", "live"):
            return
        reached = {piece.generation for piece in run.frames if piece.stream_id in have}
        inside = [piece for piece in gone if piece.generation in reached]
        later = [piece for piece in gone if piece.generation > min(reached, default=99)]
        if inside:
            self.blame(self._kind("lost-without-gap", run), run.id, self._lost(run, inside, mine))
        elif later:
            self.blame(self._kind("lost-reopened", run), run.id, self._lost(run, later, mine))

    def _lost(self, run: Run, lost: list[Piece], mine: HeldRun) -> str:
        way = "numbered" if run.agent.numbered else "unnumbered"
        return f"{len(lost)} {way} events beside held ones, window {run.window}, first {lost[0].stream_id}; {mine}"

    def _told(self, run: Run) -> set[tuple[str, int]]:
        held = {position for position, *_ in self.held.entries.get(run.id, ())}
        return told_by([piece for place, piece in enumerate(run.entries) if place in held])

    def _log(self, run: Run, mine: HeldRun, one: Pass, since: float) -> None:
        rows, written = self.held.entries.get(run.id, []), [piece.text for piece in run.entries]
        life = next((some for some in _lives(run, written) if _fits(rows, some)), written)
        have = {position + len(written) - len(life) for position, *_ in rows}
        rested = run.terminal and run.versions[-1][0] < since - LAST_FLUSH
        short = [
            place
            for place, piece in enumerate(run.entries)
            if place not in have and piece.readable(since - (LAST_FLUSH if rested else 0), one.finished)
        ]
        if short and (rested or mine.log_state == "settled") and run.terminal:
            what = f"{len(short)} of {len(run.entries)}, first {short[0]}; {mine}; {one.reason}"
            kind = "log-settled-short" if mine.log_state == "settled" else "log-missing"
            self.blame(self._kind(kind, run), run.id, what)
        elif short and mine.log_state == "not_found":
            self.blame("log-given-up", run.id, f"{len(short)} of {len(run.entries)}; {mine}; {one.reason}")


def _lives(run: Run | None, written: list[str]) -> list[list[str]]:
    """A log as readers may have met it: whole, or from where it began anew after all before that had expired."""
    ends = [piece.until for piece in run.entries] if run else []
    anew = [at for at, end in enumerate(ends, start=1) if end < math.inf and ends[at : at + 1] != [end]]
    return [written, *(written[at:] for at in anew)]


def _fits(rows: list[tuple[int, str, bool, str | None, str | None]], written: list[str]) -> bool:
    """Whether each entry stands where it was written, as it was written."""
    return all(
        position < len(written) and (redacted or written[position] == text) for position, text, redacted, *_ in rows
    )
