"""What a report says about readiness, as plain values: filled from the warehouse, drawn as HTML, Markdown or CSV."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from taskhouse.report.agents import Agents
from taskhouse.report.campaigns import Progress, Uncounted
from taskhouse.report.directory import Directory
from taskhouse.report.health import PassState
from taskhouse.report.options import Options, Period, Scope
from taskhouse.report.outcome import Outcome

CODES: Mapping[str, str] = {"ready": "r", "partial": "p", "detected": "d", "needs_setup": "n", "unknown": "u"}
"""States from best to worst, each with its letter."""

STATES = ("needs_setup", "detected", "partial", "ready")
"""Known states, from the furthest from ready to ready."""

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

Way = Literal["ready", "slipped", "up"]


def code(state: str | None) -> str:
    """The letter of a state; a state that this taskhouse does not know counts as unknown."""
    return MISSING if state is None else CODES.get(state, "u")


def label(state: str | None) -> str:
    """How a state is written for people."""
    return LABELS[MISSING] if state is None else state.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a repository stands over one window at the end of a day.

    Attributes:
        state: The last state that was known by then.
        day: The day of that state; earlier than the end where the last days brought no information.
        since: The first day of the state.
    """

    state: str
    day: date
    since: date

    @property
    def is_known(self) -> bool:
        """Whether the state is one of the four: the repository counts."""
        return self.state in STATES

    @property
    def rank(self) -> int:
        """How far the state is on the way to ready."""
        return STATES.index(self.state)


@dataclass(frozen=True, slots=True)
class Need:
    """One capability that keeps a repository from its next state, in the server's own words.

    Attributes:
        evidence: What the server counted for it.
    """

    capability: str
    state: str
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What lifts a repository to its next state: all of ``needs``, of which there are as few as will do."""

    target: str
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """What is known of one repository over one window on one day."""

    code: str
    is_break: bool = False


@dataclass(slots=True)
class Repository:
    """One repository of one project.

    Attributes:
        now: Where it stands over each window at the end of the period.
        base: Where it stood at the day before; see ``Report.base``.
        step: The cheapest step to its next state; None if it is ready, or if nothing is known of it.
        days: The days of its strip; empty where the report has no room for it.
    """

    project_id: int
    name: str
    classification: str | None
    now: dict[int, Standing] = field(default_factory=dict)
    base: dict[int, Standing] = field(default_factory=dict)
    step: Step | None = None
    days: tuple[Day, ...] = ()

    @property
    def key(self) -> tuple[int, str]:
        """What tells it from others."""
        return self.project_id, self.name

    def way(self, window: int) -> Way | None:
        """How it moved since the base: became ready, slipped to a lower state, or went up without becoming ready."""
        now, base = self.now.get(window), self.base.get(window)
        if now is None or base is None or not (now.is_known and base.is_known) or now.state == base.state:
            return None
        return "slipped" if now.rank < base.rank else "ready" if now.state == "ready" else "up"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state, as ``readiness_changes`` has it."""

    project_id: int
    repository: str
    day: date
    from_state: str | None
    to_state: str | None
    direction: str | None
    capability: str | None
    capability_from: str | None
    capability_to: str | None
    reason: str | None
    capability_evidence: str | None
    cause: str
    cause_id: str
    changed_after: date | None
    classification_from: str | None
    classification_to: str | None


@dataclass(frozen=True, slots=True)
class Mover:
    """A repository that moved, with the change that decided it.

    Attributes:
        evidence: What the server counted on the day of the change, for the capability that decided.
    """

    repository: Repository
    way: Way
    before: str
    after: str
    change: Change | None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Movers with one cause.

    Attributes:
        cause: As in ``readiness_changes``.
        title: What happened, in our words.
        reason: What the server says about it, if it says the same about all of them.
    """

    way: Way
    cause: str
    title: str
    reason: str
    movers: tuple[Mover, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of a project that moved repositories on one day.

    Attributes:
        repositories: How many changed their state.
    """

    project_id: int
    day: date
    title: str
    repositories: int


@dataclass(frozen=True, slots=True)
class Count:
    """Repositories by state on one day, or on the usual day of some days: the median of each number.

    Attributes:
        known: Repositories with a known state.
        share: ``ready`` divided by ``known``.
        carried: Of these, those without information that day, which count with their last known state.
        states: The four states, each with its number.
    """

    known: float = 0
    share: float | None = None
    carried: float = 0
    states: Mapping[str, float] = field(default_factory=dict)

    @property
    def ready(self) -> float:
        """Repositories that are ready."""
        return self.states.get("ready", 0)


@dataclass(frozen=True, slots=True)
class Bridge:
    """How the number of ready repositories came from the base to the end of the period.

    Attributes:
        before: Ready at the base.
        got_ready: Not ready at the base, ready at the end.
        lost: Ready at the base, and in a lower state at the end.
        came: Ready at the end, and without a known state at the base.
        went: Ready at the base, and without a known state at the end, or gone.
    """

    before: int
    got_ready: int
    lost: int
    came: int
    went: int

    @property
    def after(self) -> int:
        """Ready at the end."""
        return self.before + self.got_ready - self.lost + self.came - self.went


@dataclass(slots=True)
class Coverage:
    """How complete the data of the report is.

    Attributes:
        known: Days, of each repository and window, with information.
        expected: Such days in all.
        missing: Such days without information, by why.
        unread: Projects whose readiness is shown though no pass over it has ended.
        gone: Repositories left out, since they were removed or renamed in these days, each with the day.
        absent: Repositories left out, since nothing is known of them in the period.
        stateless: Repositories that are there, but whose state is none of the four.
    """

    passes: list[PassState] = field(default_factory=list)
    viewers: list[tuple[int, str]] = field(default_factory=list)
    gaps: int = 0
    quarantined: int = 0
    known: int = 0
    expected: int = 0
    missing: list[tuple[str, int]] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    gone: list[tuple[str, date]] = field(default_factory=list)
    absent: int = 0
    stateless: int = 0

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
        period: The days of the report.
        baseline: The periods that its numbers are compared with.
        base: The day whose end the movers are compared with.
        windows: Windows in days, those that say the same together; the first group has the window of the headline.
        window: The window of the headline.
        repositories: Every repository with a state at the end of the period, those that moved first.
        groups: Movers by cause.
        switches: Changes of a project in the period, even if they were taken back before its end.
        changes: How many repositories changed their state in the period, each as often as it did.
        weeks: The usual day of each of the last weeks, the last one that of the period's end.
        days: Each day of the period.
        usual: The usual day of the periods of the baseline: the median of their usual days.
        zone: The time zone in which the days begin.
    """

    options: Options
    scope: Scope
    directory: Directory
    host: str | None
    period: Period
    baseline: tuple[Period, ...]
    base: date
    as_of: datetime
    windows: list[tuple[int, ...]]
    window: int
    repositories: list[Repository]
    groups: list[Group]
    switches: list[Switch]
    changes: int
    bridge: Bridge
    weeks: list[tuple[Period, Count]]
    days: list[Count]
    usual: Count | None
    agents: Agents
    outcome: Outcome
    campaigns: list[Progress]
    uncounted: list[Uncounted]
    zone: str
    coverage: Coverage

    @property
    def known(self) -> list[Repository]:
        """Repositories with a known state at the end of the period: the denominator of every share."""
        return [one for one in self.repositories if self.window in one.now and one.now[self.window].is_known]

    @property
    def ready(self) -> int:
        """Repositories that are ready at the end of the period."""
        return sum(one.now[self.window].state == "ready" for one in self.known)

    @property
    def projects(self) -> list[int]:
        """Projects with a repository in the report."""
        return sorted({repository.project_id for repository in self.repositories})

    @property
    def strip_since(self) -> date:
        """The first day of a strip."""
        return self.period.until - timedelta(days=max(len(self.repositories[0].days), 1) - 1)

    def project(self, project_id: int) -> str:
        """The name of a project, or its id."""
        return self.directory.project(project_id)

    def movers(self, way: Way) -> list[Mover]:
        """Who moved this way, by cause."""
        return [mover for group in self.groups if group.way == way for mover in group.movers]
