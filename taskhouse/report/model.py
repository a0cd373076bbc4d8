"""What a report says, as plain values: filled from the warehouse, drawn as HTML, Markdown or CSV."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from taskhouse.report.options import Options, Period

CODES: Mapping[str, str] = {"ready": "r", "partial": "p", "detected": "d", "needs_setup": "n", "unknown": "u"}
"""States from best to worst, each with its letter."""

LABELS: Mapping[str, str] = {
    "r": "ready",
    "p": "partial",
    "d": "detected",
    "n": "needs setup",
    "u": "unknown",
    "-": "no information",
}
MISSING = "-"
BEFORE = "."
"""The letter of a day before the first answer about a repository; such a day does not count as missing."""


def code(state: str | None) -> str:
    """The letter of a state; a state that this taskhouse does not know counts as unknown."""
    return MISSING if state is None else CODES.get(state, "u")


def label(state: str | None) -> str:
    """How a state is written for people."""
    return LABELS[MISSING] if state is None else state.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Day:
    """What is known of one repository over one window on one day."""

    code: str
    score: float | None
    broken: bool = False
    evidence: str | None = None


@dataclass(slots=True)
class Series:
    """One repository over one window: where it stands, where it stood, and each day between.

    Attributes:
        state: The last state that is known in the period, or before it.
        day: The day of that state; earlier than the period's end where the last days are missing.
        base: The state to compare with: at the end of the compared period, or at the first day that is known since,
            or since the server's classifier changed.
        broke: The day of the last change of the classifier since then.
        days: One entry for each day of the period; empty where the report has no room for them.
    """

    window: int
    state: str
    day: date
    score: float | None
    days_in_state: int | None
    base: str | None
    base_score: float | None
    base_day: date | None
    broke: date | None
    days: tuple[Day, ...] = ()

    @property
    def change(self) -> float:
        """Points of score gained or lost."""
        return 0.0 if self.score is None or self.base_score is None else self.score - self.base_score

    @property
    def got_ready(self) -> bool:
        """Whether it is ready and was not."""
        return self.state == "ready" and self.base not in (None, "ready")

    @property
    def codes(self) -> str:
        """One letter for each day."""
        return "".join(day.code for day in self.days)


@dataclass(slots=True)
class Repository:
    """One repository of one project over every window."""

    project_id: int
    name: str
    classification: str | None
    series: dict[int, Series] = field(default_factory=dict)

    @property
    def mover(self) -> Series | None:
        """The window over which it moved most."""
        moved = [series for series in self.series.values() if series.change]
        return max(moved, key=lambda series: (abs(series.change), -series.window), default=None)


@dataclass(frozen=True, slots=True)
class Capability:
    """One of the three capabilities at a change, with the server's own sentence."""

    name: str
    before: str | None
    after: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state of one repository over one window."""

    project_id: int
    repository: str
    window: int
    day: date
    before: str
    after: str
    score_before: float
    score_after: float
    capabilities: tuple[Capability, ...] = ()

    @property
    def points(self) -> float:
        """Points of score gained or lost."""
        return self.score_after - self.score_before


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Runs that ended in a period, or on one day."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    p50_s: float | None = None
    p90_s: float | None = None

    @property
    def ended(self) -> int:
        """Runs that reached an end of any kind."""
        return self.completed + self.failed + self.cancelled

    @property
    def success(self) -> float | None:
        """Completed runs among those that ended, as in ``run_daily``."""
        return self.completed / self.ended if self.ended else None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A run that does not move."""

    project_id: int
    run_id: str
    title: str
    repository: str | None
    status: str
    stuck_since: datetime
    stuck_s: float
    stuck_reason: str


@dataclass(frozen=True, slots=True)
class PassState:
    """The latest pass of one resource of one project."""

    project_id: int
    resource: str
    verdict: str
    reason: str
    finished_at: datetime | None
    proof: str | None = None
    proven_at: datetime | None = None


@dataclass(slots=True)
class Coverage:
    """How complete the data of the report is.

    Attributes:
        known: Days, of each repository and window, with information.
        expected: Such days in all.
        missing: Such days without information, by why.
        unread: Projects whose readiness is shown though no pass over it has ended.
        gone: Repositories left out, since they were removed or renamed in these days, each with the day.
        absent: Repositories left out, since nothing is known of them in the period or the compared one.
    """

    passes: list[PassState] = field(default_factory=list)
    viewers: list[tuple[int, str]] = field(default_factory=list)
    gaps: int = 0
    quarantined: int = 0
    known: int = 0
    expected: int = 0
    known_before: int = 0
    expected_before: int = 0
    missing: list[tuple[str, int]] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    gone: list[tuple[str, date]] = field(default_factory=list)
    absent: int = 0

    @property
    def incomplete(self) -> list[PassState]:
        """Resources whose latest pass proved nothing."""
        return [found for found in self.passes if found.verdict != "complete"]

    @property
    def complete(self) -> bool:
        """Whether every latest pass is complete and no hole is known."""
        return bool(self.passes) and not (self.incomplete or self.unread or self.gaps or self.quarantined)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why there is nothing to report, and what to do; commands stand between backticks.

    Attributes:
        title: In two words.
        said: What is known of what was asked for.
        hint: What to do.
        beside: Whether there is data, and the question was about something else.
    """

    title: str
    said: str
    hint: str
    beside: bool = False


@dataclass(slots=True)
class Report:
    """Everything that a report says.

    Attributes:
        rollup: For each window and each day of the period, repositories by letter of state.
        steps: Repositories that went up and down over the headline's window, in the period and in the compared one.
        rest: Repositories beyond ``options.rows``, in the same order, without days.
    """

    options: Options
    period: Period
    compared: Period | None
    as_of: datetime
    windows: tuple[int, ...]
    window: int
    repositories: list[Repository]
    rest: list[Repository]
    rollup: dict[int, list[Counter[str]]]
    steps: tuple[int, int]
    steps_before: tuple[int, int]
    worst: list[Change]
    best: list[Change]
    runs: RunCounts
    runs_before: RunCounts
    run_days: list[RunCounts]
    stuck: list[Stuck]
    stuck_total: int
    coverage: Coverage

    @property
    def everyone(self) -> list[Repository]:
        """Every repository of the report."""
        return [*self.repositories, *self.rest]

    @property
    def got_ready(self) -> list[tuple[Repository, Series]]:
        """Repositories that are ready and were not, each with the window over which it got so."""
        return self._which(lambda series: series.got_ready)

    @property
    def slipped(self) -> list[tuple[Repository, Series]]:
        """Repositories whose score is lower than before, each with the window over which it slipped."""
        return self._which(lambda series: series.change < 0)

    def _which(self, wanted: Callable[[Series], bool]) -> list[tuple[Repository, Series]]:
        """Trends over the headline's window first, then over the window with the largest change."""
        found = []
        for repository in self.everyone:
            moved = [series for series in repository.series.values() if wanted(series)]
            if moved:
                found.append((repository, max(moved, key=lambda one: (one.window == self.window, abs(one.change)))))
        return sorted(found, key=lambda pair: pair[1].window != self.window)

    @property
    def projects(self) -> list[int]:
        """Projects with a repository in the report."""
        return sorted({repository.project_id for repository in self.everyone})
