"""Campaigns: how many of their repositories are where they are to be, week by week, and whether that is fast enough."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from taskhouse.pages.formatting import MINUS
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
BEHIND, OTHERWISE = 50.0, 20.0
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
    """A repository that is not there yet, and its last known state."""

    project_id: int
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How a campaign stands at the end of the period, or of its last day.

    Attributes:
        points: One a week, the oldest first; the last is the end of the period. Repositories that were not there on a
            day, or not known, do not count on it.
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
    def on_track(self) -> bool | None:
        """Whether the pace is enough; None while nobody can tell."""
        if not self.now.left:
            return True
        if self.needed is None:
            return False
        return None if self.pace is None else self.pace >= self.needed


def gather(
    snapshot: Snapshot, scope: Scope, directory: Directory, period: Period, window: int | None = None
) -> list[Progress]:
    """The campaigns that go on in a period, or end in it, and have repositories in the scope.

    ``window`` is the readiness window of campaigns that name none; by default the shortest.
    """
    running = [one for one in directory.campaigns if one.by >= period.since and (one.since or date.min) <= period.until]
    if not running:
        return []
    known = run_query(snapshot, "campaigns_known", **scope.parameters)
    firsts = {(row["project_id"], row["repository"]): row["first_day"] for row in known}
    found = []
    for campaign in running:
        members = {key: first for key, first in firsts.items() if campaign.has(key[1]) and first <= period.until}
        if members:
            progress = _progress(snapshot, campaign, members, period, campaign.window or window)
            found += [progress] if progress else []
    return found


def _progress(
    snapshot: Snapshot, campaign: Campaign, members: dict[tuple[int, str], date], period: Period, window: int | None
) -> Progress | None:
    last = min(period.until, campaign.by)
    days = _days(campaign.since or min(members.values()), last)
    rows = run_query(
        snapshot,
        "campaigns_weeks",
        ids=[project for project, _ in members],
        names=[name for _, name in members],
        days=days,
        window=window,
    )
    states: dict[date, list[Member]] = defaultdict(list)
    for row in rows:
        states[row["day"]].append(Member(row["project_id"], row["repository"], row["state"]))
    points = tuple(
        Point(day, len(states[day]), sum(_reached(one.state, campaign.target) for one in states[day]))
        for day in days
        if states[day]
    )
    if not points or points[-1].day != last:
        return None
    missing = tuple(one for one in states[last] if not _reached(one.state, campaign.target))
    return Progress(campaign.name, campaign.target, campaign.by, points, missing)


def _days(since: date, last: date) -> list[date]:
    """The last day, and every seventh before it, back to the first day."""
    weeks = min(WEEKS, max(0, (last - since).days) // 7)
    return [last - timedelta(days=7 * back) for back in range(weeks, -1, -1)]


def _reached(state: str, target: str) -> bool:
    return LEVELS.get(state, -1) >= LEVELS[target]


def sentences(found: list[Progress]) -> list[Sentence]:
    """The campaigns for the top of a report."""
    return [
        Sentence(f"{one.name}: {said(one)}", ANCHOR, _tone(one), BEHIND if one.on_track is False else OTHERWISE)
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
    rate = f"{_rate(one.needed)} a week {plural(one.now.left, 'is', 'are')} needed until {written(one.by)}"
    if one.pace is None:
        return f"{text}; {rate}."
    return f"{text}; {rate}, and lately it was {_rate(one.pace)}: {'on track' if one.on_track else 'behind'}."


def _tone(one: Progress) -> Tone:
    return "even" if one.on_track is None else "good" if one.on_track else "bad"


def _rate(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS)
