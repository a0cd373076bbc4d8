"""Repositories by state on each day, and on the usual day of a week: the median, as in ``readiness_weekly``."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from statistics import median

from taskhouse.reading import Snapshot
from taskhouse.report.model import Count
from taskhouse.report.options import Period
from taskhouse.report.query import run_query

WEEKS = 12
"""How many weeks the report looks back, at least."""

NONE = Count()


def counts(snapshot: Snapshot, window: int, since: date, until: date) -> dict[date, Count]:
    """Repositories by state on each day on which any was known."""
    states: dict[date, dict[str, float]] = defaultdict(dict)
    carried: dict[date, int] = defaultdict(int)
    for row in run_query(snapshot, "counts", window=window, since=since, until=until):
        states[row["day"]][row["state"]] = row["repositories"]
        carried[row["day"]] += row["carried"]
    found = {}
    for day, here in states.items():
        known = sum(here.values())
        found[day] = Count(known, here.get("ready", 0) / known, carried[day], here)
    return found


def usual(found: Mapping[date, Count], period: Period) -> Count | None:
    """The usual day of a period: the median of each number over its days; None if none of them is known."""
    return middle([found[day] for day in period.dates if day in found])


def middle(values: Sequence[Count]) -> Count | None:
    """The median of each number."""
    if not values:
        return None
    names = {name for value in values for name in value.states}
    return Count(
        median(value.known for value in values),
        median(value.share for value in values if value.share is not None),
        median(value.carried for value in values),
        {name: median(value.states.get(name, 0) for value in values) for name in names},
    )


def last(period: Period, first: date) -> list[Period]:
    """The weeks that the report looks back on: twelve or all of the period, as far as known; the last may end early."""
    final = Period.week_of(period.until)
    since = min(max(final.back(WEEKS - 1).since, Period.week_of(first).since), Period.week_of(period.since).since)
    before = [final.back(back) for back in range((final.since - since).days // 7, 0, -1)]
    return [*before, final.until_at_most(period.until)]
