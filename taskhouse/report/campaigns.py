"""Campaigns: how many of their repositories are where they are to be, week by week, and whether that is fast enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from taskhouse.pages.formatting import MINUS, isolated
from taskhouse.pages.formatting import day as written
from taskhouse.plural import counted, plural
from taskhouse.reading import Snapshot
from taskhouse.report.directory import Campaign, Directory
from taskhouse.report.options import WEEK, Period, Scope
from taskhouse.report.query import run_query
from taskhouse.report.summary import Sentence, Tone

LEVELS = {"needs_setup": 0, "detected": 1, "partial": 2, "ready": 3}
WEEKS = 26
"""How many weeks a burn-down goes back, at most."""

RECENT = 4
"""Weeks over which the pace is measured."""

ANCHOR = "campaigns"
BEHIND, OTHERWISE = 58.0, 20.0
"""How much the sentence weighs of a campaign that is behind, and of another one."""


@dataclass(frozen=True, slots=True)
class Point:
    """The repositories of a campaign at the end of a day."""

    day: date
    members: int
    reached: int

    @property
    def left(self) -> int:
        """Those that are not there yet."""
        return self.members - self.reached


@dataclass(frozen=True, slots=True)
class Member:
    """A repository with one of the four known states."""

    project_id: int
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How a campaign stands at the end of the period, or of its last day.

    Attributes:
        points: One a week, the oldest first; the last is the end of the period. Repositories that were not there on a
            day, or whose state was not known, do not count on it.
        missing: Those that are not there yet, by name.
    """

    name: str
    target: str
    by: date
    points: tuple[Point, ...]
    missing: tuple[Member, ...]

    @property
    def now(self) -> Point:
        """Where it stands."""
        return self.points[-1]

    @property
    def weeks_left(self) -> float:
        """Weeks until the last day."""
        return (self.by - self.now.day) / WEEK

    @property
    def needed(self) -> float | None:
        """Repositories that have to get there each week from now on; None if no time is left."""
        return self.now.left / self.weeks_left if self.weeks_left > 0 else None

    @property
    def pace(self) -> float | None:
        """Repositories that got there each week lately, less those that fell back; None in the first week."""
        then = self.points[max(0, len(self.points) - 1 - RECENT)]
        weeks = (self.now.day - then.day) / WEEK
        return (self.now.reached - then.reached) / weeks if weeks >= 1 else None

    @property
    def is_ahead(self) -> bool:
        """Whether no more are left than if as many had got there every week since the first, and none fell back."""
        first = self.points[0]
        whole = (self.by - first.day) / WEEK
        return (
            len(self.points) > 1 and (self.pace or 0.0) >= 0 and self.now.left * whole <= first.left * self.weeks_left
        )

    @property
    def on_track(self) -> bool | None:
        """Whether the pace is enough, or was so far; None while nobody can tell."""
        if not self.now.left:
            return True
        if self.needed is None:
            return False
        return None if self.pace is None else self.pace >= self.needed or self.is_ahead


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A campaign that goes on and of which nothing can be counted.

    Attributes:
        why: What is missing, in a sentence.
    """

    name: str
    why: str


def gather(
    snapshot: Snapshot, scope: Scope, directory: Directory, period: Period, window: int | None = None
) -> list[Progress]:
    """The campaigns that go on in a period, or end in it, and have repositories in the scope.

    ``window`` is the readiness window of campaigns that name none; by default the shortest.
    """
    running = _running(directory, period)
    known = run_query(snapshot, "campaigns_known", **scope.parameters) if running else []
    if not known:
        return []
    shortest = window or min(row["window_days"] for row in known)
    firsts: dict[str, date] = {}
    for row in known:
        firsts[row["repository"]] = min(row["first_day"], firsts.get(row["repository"], date.max))
    days = {one.name: _days(one, firsts, period) for one in running}
    rows = run_query(
        snapshot,
        "campaigns_weeks",
        windows=sorted({one.window or shortest for one in running}),
        days=sorted({day for some in days.values() for day in some}),
        **scope.parameters,
    )
    found = (_progress(one, days[one.name], one.window or shortest, rows) for one in running)
    return [one for one in found if one is not None]


def uncounted(
    snapshot: Snapshot, scope: Scope, directory: Directory, period: Period, found: Sequence[Progress]
) -> list[Uncounted]:
    """The campaigns that go on in a period and are not ``found`` in it, but for those of other repositories."""
    left = [one for one in _running(directory, period) if one.name not in {progress.name for progress in found}]
    if not left:
        return []
    names = [row["repository"] for row in run_query(snapshot, "names")]
    known = run_query(snapshot, "campaigns_known", **Scope().parameters)
    windows = sorted({row["window_days"] for row in known})
    why = ((one, _why(one, names, windows, period, is_whole=scope == Scope())) for one in left)
    return [Uncounted(one.name, sentence) for one, sentence in why if sentence]


def _why(
    campaign: Campaign, names: Sequence[str], windows: Sequence[int], period: Period, *, is_whole: bool
) -> str | None:
    if not any(campaign.has(name) for name in names):
        return f"No repository matches {' or '.join(isolated(one) for one in campaign.repositories)}."
    if campaign.window and windows and campaign.window not in windows:
        *some, last = (str(one) for one in windows)
        there = f"there are {', '.join(some)} and {last}" if some else f"there is {last}"
        return f"There is no window of {counted(campaign.window, 'day')}; {there}."
    if is_whole:
        return f"None of its repositories has a known state on {written(min(period.until, campaign.by))}."
    return None


def _running(directory: Directory, period: Period) -> list[Campaign]:
    return [one for one in directory.campaigns if one.by >= period.since and (one.since or date.min) <= period.until]


def _progress(
    campaign: Campaign, days: Sequence[date], window: int, rows: Sequence[Mapping[str, Any]]
) -> Progress | None:
    states: dict[date, list[Member]] = {day: [] for day in days}
    for row in rows:
        if row["window_days"] == window and row["day"] in states and campaign.has(row["repository"]):
            states[row["day"]].append(Member(row["project_id"], row["repository"], row["state"]))
    points = tuple(
        Point(day, len(here), sum(_reached(one, campaign) for one in here)) for day, here in states.items() if here
    )
    if not points or points[-1].day != days[-1]:
        return None
    missing = tuple(one for one in states[days[-1]] if not _reached(one, campaign))
    return Progress(campaign.name, campaign.target, campaign.by, points, missing)


def _days(campaign: Campaign, firsts: Mapping[str, date], period: Period) -> list[date]:
    """The last day, and every seventh before it, back to the first day."""
    last = min(period.until, campaign.by)
    since = campaign.since or min((first for name, first in firsts.items() if campaign.has(name)), default=last)
    weeks = min(WEEKS, max(0, (last - since).days) // 7)
    return [last - timedelta(days=7 * back) for back in range(weeks, -1, -1)]


def _reached(one: Member, campaign: Campaign) -> bool:
    return LEVELS[one.state] >= LEVELS[campaign.target]


def sentences(found: list[Progress]) -> list[Sentence]:
    """The campaigns for the top of a report."""
    return [
        Sentence(
            f"{isolated(one.name)}: {said(one)}", ANCHOR, _tone(one), BEHIND if one.on_track is False else OTHERWISE
        )
        for one in found
    ]


def said(one: Progress) -> str:
    """How a campaign stands, in a sentence."""
    what = one.target.replace("_", " ")
    text = f"{one.now.reached:,} of {counted(one.now.members, 'repository', 'repositories')}"
    text += f" {plural(one.now.reached, 'is', 'are')} {what if one.target == 'ready' else f'{what} or better'}"
    if not one.now.left:
        return f"{text}."
    if one.needed is None:
        return f"{text} at its end on {written(one.by)}."
    text += f", and {one.now.left:,} must follow by {written(one.by)}, which takes {_rate(one.needed)} a week"
    if one.pace is None:
        return f"{text}."
    is_enough = one.pace >= one.needed
    how = (
        "so it is on track" if is_enough else "but it is ahead of a steady pace" if one.is_ahead else "so it is behind"
    )
    return f"{text}; lately it was {_rate(one.pace)}, {how}."


def _tone(one: Progress) -> Tone:
    return "even" if one.on_track is None else "good" if one.on_track else "bad"


def _rate(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS)
