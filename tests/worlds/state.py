"""What a made-up PostHog project holds, and everything that was ever true of it, with its times."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

TERMINAL = ("completed", "failed", "cancelled")


@dataclass(slots=True)
class Spans:
    """The stretches of time in which something held."""

    stretches: list[tuple[float, float]] = field(default_factory=list)

    def begin(self, at: float) -> None:
        """Let it hold from a moment on."""
        if not self.now():
            self.stretches.append((at, math.inf))

    def end(self, at: float) -> None:
        """Let it hold no more."""
        if self.now():
            self.stretches[-1] = (self.stretches[-1][0], at)

    def now(self) -> bool:
        """Whether it holds."""
        return bool(self.stretches) and self.stretches[-1][1] == math.inf

    def throughout(self, since: float, until: float) -> bool:
        """Whether it held all the while."""
        return any(start <= since and until <= end for start, end in self.stretches)

    def ever(self, since: float = -math.inf, until: float = math.inf) -> bool:
        """Whether it held at some moment between the two."""
        return any(start <= until and since <= end for start, end in self.stretches)


@dataclass(slots=True, eq=False)
class Piece:
    """One event of a stream or one entry of a log: its exact text, and when it could be read."""

    text: str
    since: float
    until: float = math.inf
    stream_id: str | None = None
    event_id: str | None = None
    first_event_id: str | None = None
    plain: Any = None
    generation: int = 0

    def readable(self, since: float, until: float) -> bool:
        """Whether it could be read all the while."""
        return self.since <= since and until <= self.until


@dataclass(slots=True)
class Agent:
    """How the agent of a run numbers and stamps its events."""

    numbered: bool
    stamped: bool
    boot: str
    number: int = 0

    def next(self) -> str | None:
        """The number of the next event."""
        self.number += 1
        return f"{self.boot}-{self.number}" if self.numbered else None


@dataclass(slots=True, eq=False)
class Run:
    """One run: its row, its stream and its log."""

    id: str
    task: Task
    agent: Agent
    row: dict[str, Any]
    created: float
    since: float
    window: int
    parent: Run | None = None
    versions: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    refused: Spans = field(default_factory=Spans)
    frames: list[Piece] = field(default_factory=list)
    stream: list[Piece] | None = None
    sentinel: tuple[str, str] | None = None
    after_sentinel: list[Piece] = field(default_factory=list)
    drained: list[str] = field(default_factory=list)
    entries: list[Piece] = field(default_factory=list)
    pending: list[tuple[float, Piece]] = field(default_factory=list)
    open_message: list[Piece] = field(default_factory=list)
    last_stream_ms: tuple[int, int] = (0, 0)
    tells_of_itself: bool = True
    generation: int = 0

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self.row["status"] in TERMINAL

    def amend(self, at: float, **fields: Any) -> None:
        """Change the row, and remember since when it stands so."""
        self.row = {**self.row, **fields}
        self.versions.append((at, self.row))

    def statuses(self, since: float, until: float) -> set[str]:
        """The states that the run was in between two moments."""
        found = set()
        for place, (begin, row) in enumerate(self.versions):
            end = self.versions[place + 1][0] if place + 1 < len(self.versions) else math.inf
            if begin <= until and since <= end:
                found.add(row["status"])
        return found

    def chain(self) -> list[Run]:
        """The runs that it went on from, the oldest first, and itself."""
        runs: list[Run] = [self]
        while runs[0].parent is not None and len(runs) <= 10:
            runs.insert(0, runs[0].parent)
        return runs


@dataclass(slots=True, eq=False)
class Task:
    """One task: its row, when this key could see it, and its runs in the order of creation."""

    id: str
    row: dict[str, Any]
    created: float
    since: float
    active: float
    versions: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    seen: Spans = field(default_factory=Spans)
    deleted: bool = False
    runs: list[Run] = field(default_factory=list)

    def amend(self, at: float, **fields: Any) -> None:
        """Change the row, and remember since when it stands so."""
        self.row = {**self.row, **fields}
        self.versions.append((at, self.row))

    def titles(self, since: float, until: float) -> set[str]:
        """The titles that the task had between two moments."""
        found = set()
        for place, (begin, row) in enumerate(self.versions):
            end = self.versions[place + 1][0] if place + 1 < len(self.versions) else math.inf
            if begin <= until and since <= end:
                found.add(row["title"])
        return found

    @property
    def latest(self) -> Run | None:
        """The newest run."""
        return max(self.runs, key=lambda run: (run.created, run.id), default=None)


@dataclass(slots=True)
class Nature:
    """What the API leaves open, drawn once for a world."""

    page: int = 100
    order_known: bool = True
    activity_moves: bool = True
    basic_known: bool = True
    log_chain: bool = True
    log_page: int = 5000
    log_bytes: int = 16 << 20
    me_refused: bool = False
    deleted_runs_answer: bool = True
    unknown_fields: bool = False
    notation: str = "django"
    log_lag: float = 1.0
    silence: float = 20.0
    wait_for_stream: float = 3.0
    rotation: float = 900.0
    older_runs_move: bool = True


@dataclass(slots=True)
class World:
    """A project as it is, and how it came to be so."""

    project: int
    key: str
    nature: Nature
    tasks: dict[str, Task] = field(default_factory=dict)
    story: list[tuple[float, str]] = field(default_factory=list)
    ahead: float = 0.0
    readiness: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    repository_spans: dict[str, Spans] = field(default_factory=dict)

    def runs(self) -> list[Run]:
        """Every run."""
        return [run for task in self.tasks.values() for run in task.runs]

    def run(self, run_id: str) -> Run | None:
        """One run by its id."""
        return next((run for run in self.runs() if run.id == run_id), None)

    def visible(self) -> list[Task]:
        """The tasks that the key can see, the newest first."""
        there = [task for task in self.tasks.values() if task.seen.now()]
        return sorted(there, key=lambda task: (task.created, task.id), reverse=True)

    def repositories(self) -> list[str]:
        """What the repositories route lists now."""
        rows = (task.row for task in self.visible())
        return sorted({row["repository"] for row in rows if row["repository"] and not row["internal"]})

    def note_repositories(self, at: float) -> None:
        """Remember since when each repository is listed."""
        now = set(self.repositories())
        for name in now | set(self.repository_spans):
            spans = self.repository_spans.setdefault(name, Spans())
            if name in now:
                spans.begin(at)
            else:
                spans.end(at)
