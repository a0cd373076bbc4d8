"""What a sync, a day and a first load will spend of the request budget, and how long they take. Pure.

The formulas are those of ``docs/extraction.md``, where tests hold them against a server's own count of requests.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from taskhouse.posthog.budget import Priority
from taskhouse.resources.registry import RESOURCES
from taskhouse.resources.task_usage.spec import TASK_USAGE
from taskhouse.resources.tasks.list_diff import PAGE_ROWS
from taskhouse.resources.tasks.rounds import LIST_EVERY, OVERLAP_ROWS, SMALL, period
from taskhouse.settings import Settings

NEW_ROWS = PAGE_ROWS - OVERLAP_ROWS
"""Rows that a page of the list brings: 100, less the two that it shares with the page before."""

SUMMARIES = 100
LOG_MOST = 1.6
"""Requests for a log on its first reading at most, on average: once, again after its last flush, and of an ancestor."""

STREAM, STREAM_MOST = 3, 8
"""Requests that a live stream takes in a sync: opening it, the run after it, its log; and opening it again."""

DAY_S = 86_400
LATENCY_S = 0.4
"""The seconds that each of several consecutive requests takes if nothing else limits them."""

SOONER = 4 / 3
"""A sweep of the summaries also requests what would be due before the next one, so tasks are requested more often than
their setting says, by at most this factor."""

TICK = 3
"""Whose view it is, one page of what moved, and one row for the proof."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers that the estimate is based on, from the warehouse or from one ``limit=1`` request.

    Attributes:
        tasks: Tasks that the server counts.
        known: Tasks that are stored here.
        hot: Tasks that a tick requests by name.
        pull_requests: Tasks whose latest run has an open pull request.
        moved: Tasks per day that get a new latest run or whose latest run ends.
        repositories: Repositories that the tasks name.
        answers: Readiness answers that are due now; None where the repositories are not known yet.
        details: Runs that are due to be read by id, because a task or a summary differs from them.
        lists: Lists of runs that are due now, of tasks that changed.
        last_looks: Lists of runs at rest that are due now.
        logs: Requests for logs that were read before and are due now.
        unlisted: Tasks whose runs were never listed, within the age limit of the settings.
        unpriced: Tasks whose usage was never requested, within the same age limit.
        unread_logs: Requests for logs that were never read.
        streams: Runs that are live at the same time.
        resting: Older runs that have not ended.
        looks: Those of them that are due now.
        most: Upper limits of ``unlisted``, ``unread_logs`` and ``streams``, if a sample was taken; None if the numbers
            are certain.
    """

    tasks: int
    known: int = 0
    hot: int = 0
    pull_requests: int = 0
    moved: int = 0
    repositories: int = 0
    answers: int | None = None
    details: int = 0
    lists: int = 0
    last_looks: int = 0
    logs: int = 0
    unlisted: int = 0
    unpriced: int = 0
    unread_logs: int = 0
    streams: int = 0
    resting: int = 0
    looks: int = 0
    most: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line: what it is, the class of its requests, and how many; ``most`` if that is a range."""

    what: str
    priority: Priority
    requests: int
    most: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Several lines that share the budget: how many requests, and how long they take at least."""

    items: tuple[Item, ...]
    seconds: float

    @property
    def requests(self) -> int:
        """Requests in all, at least."""
        return sum(item.requests for item in self.items)

    @property
    def most(self) -> int:
        """Requests in all, at most."""
        return sum(max(item.requests, item.most) for item in self.items)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the future costs.

    Attributes:
        sync: The next pass over every resource.
        day: A day as the schedules run it, once the first load is over.
        first_load: What is not stored yet.
        of_hourly: Share of the hourly budget that an average hour of such a day takes; above 1, it cannot keep up.
    """

    sync: Cost
    day: Cost
    first_load: Cost
    of_hourly: float


def estimate(facts: Facts, settings: Settings, *, ticks_a_day: int = 288) -> Estimate:
    """Add it up.

    Args:
        facts: How much there is.
        settings: Windows, sweeps and limits.
        ticks_a_day: How often tasks are synced; 288 is every five minutes.
    """
    windows = len(settings.readiness_windows)
    answers = facts.repositories * windows
    new = max(0, facts.tasks - facts.known)
    lists_most, logs_most, streams_most = facts.most or (facts.unlisted, facts.unread_logs, facts.streams)
    bound, open_answers = settings.first_load_tasks, answers if facts.answers is None else facts.answers
    load = (
        Item("tasks: the whole list", Priority.SWEEP, list_pages(facts.tasks) if new else 0),
        Item("readiness: every repository and window", Priority.READINESS, answers if new else 0),
        Item("task usage: every task", Priority.SWEEP, facts.unpriced),
        Item("runs: the list of every task", Priority.FIRST, facts.unlisted, lists_most),
        Item("logs: every run", Priority.FIRST, facts.unread_logs, logs_most),
    )
    tick = TICK + math.ceil(facts.hot / SUMMARIES)
    round_pages = rotation_pages(facts.tasks)
    first_pass = new > facts.tasks // 2
    sync = (
        Item(
            "tasks", Priority.SWEEP if first_pass else Priority.CHANGES, list_pages(facts.tasks) if first_pass else tick
        ),
        Item("tasks: the list in rotation", Priority.SWEEP, 0 if first_pass else math.ceil(round_pages / ticks_a_day)),
        Item("tasks: runs that changed", Priority.CHANGES, facts.details),
        *_of_each(settings),
        Item("readiness", Priority.READINESS, open_answers),
        Item("runs", Priority.CHANGES, facts.lists),
        Item("runs: last looks", Priority.FIRST, facts.last_looks),
        Item("runs: first load", Priority.FIRST, min(facts.unlisted, bound), min(lists_most, bound)),
        Item("run events: streams", Priority.LIVE, facts.streams * STREAM, streams_most * STREAM_MOST),
        Item("task usage", Priority.SWEEP, min(facts.unpriced, bound)),
        Item("run events: runs at rest, stream and log", Priority.LIVE, facts.looks * 2),
        Item("run events: logs", Priority.LOG, facts.logs),
        Item(
            "run events: first load",
            Priority.FIRST,
            min(facts.unread_logs, bound),
            min(logs_most, bound * math.ceil(LOG_MOST)),
        ),
    )
    day = (
        Item("tasks: ticks", Priority.CHANGES, ticks_a_day * tick),
        Item("tasks: open pull requests", Priority.CHANGES, 24 * math.ceil(facts.pull_requests / SUMMARIES)),
        Item("tasks: the list in rotation", Priority.SWEEP, round_pages),
        Item(
            "tasks: sweeps of the summaries",
            Priority.SWEEP,
            math.ceil(facts.tasks / SUMMARIES * SOONER * 24 / settings.sweep_hours),
        ),
        Item(
            "tasks: sweeps of the list",
            Priority.SWEEP,
            math.ceil(list_pages(facts.tasks) * 24 / (LIST_EVERY * settings.sweep_hours)),
        ),
        *_of_each(settings, a_day=True),
        Item("readiness", Priority.READINESS, answers),
        Item("runs", Priority.CHANGES, facts.moved),
        Item("runs: last looks", Priority.FIRST, facts.last_looks),
        Item("run events: streams", Priority.LIVE, facts.streams * 4 * 24 + facts.moved * 2),
        Item("run events: runs at rest, stream and log", Priority.LIVE, facts.resting * 2),
        Item("run events: logs", Priority.LOG, facts.moved * 2),
        Item("task usage", Priority.SWEEP, facts.moved * 2 if settings.wants(TASK_USAGE.name) else 0),
    )
    hourly = settings.requests_per_hour
    return Estimate(
        sync=_cost(sync, settings),
        day=_cost(day, settings),
        first_load=_cost(load, settings),
        of_hourly=round(sum(item.requests for item in day) / 24 / hourly, 3) if hourly else 0.0,
    )


def _of_each(settings: Settings, *, a_day: bool = False) -> tuple[Item, ...]:
    """Resources whose passes always take the same number of requests."""
    return tuple(
        Item(resource.name, Priority.CHANGES, resource.requests * (resource.passes_a_day if a_day else 1))
        for resource in RESOURCES.values()
        if resource.requests and settings.wants(resource.name)
    )


def list_pages(tasks: int) -> int:
    """Requests of a sweep of the list: the pages, whose view it is before and after, and the proof."""
    return math.ceil(max(0, tasks - 2) / NEW_ROWS) + 3


def rotation_pages(tasks: int) -> int:
    """Requests a day for reading the list in rotation; none for a project that every pass reads whole."""
    return math.ceil(math.ceil((tasks - 2) / NEW_ROWS) * DAY_S / period(tasks).total_seconds()) if tasks > SMALL else 0


def duration(requests: int, *, per_minute: int, per_hour: int) -> timedelta:
    """How long a number of requests take from an empty budget: a burst each minute, up to the limit of the hour."""
    if not requests:
        return timedelta()
    seconds = requests * LATENCY_S
    if per_hour:
        hours, rest = divmod(requests - 1, per_hour)
        burst = (rest // per_minute) * 60 if per_minute else 0
        seconds = max(seconds, hours * 3600 + burst)
    elif per_minute:
        seconds = max(seconds, (requests - 1) // per_minute * 60)
    return timedelta(seconds=seconds)


def _cost(items: Iterable[Item], settings: Settings) -> Cost:
    """The slowest of: each class below its own ceiling, and all together below the whole."""
    found = tuple(item for item in items if item.requests or item.most)
    longest = duration(
        sum(item.requests for item in found),
        per_minute=settings.requests_per_minute,
        per_hour=settings.requests_per_hour,
    )
    for priority in {item.priority for item in found}:
        of_class = sum(item.requests for item in found if item.priority.value <= priority.value)
        minute, hour = (
            max(1, int(limit * priority.value)) if limit else 0
            for limit in (settings.requests_per_minute, settings.requests_per_hour)
        )
        if any(item.priority is priority for item in found):
            longest = max(longest, duration(of_class, per_minute=minute, per_hour=hour))
    return Cost(found, longest.total_seconds())
