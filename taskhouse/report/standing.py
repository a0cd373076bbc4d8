"""Where every repository stands: at the end of the period, at the base, and on each day of its strip."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from taskhouse.reading import Snapshot
from taskhouse.report.model import BEFORE, MISSING, Day, Repository, Standing, code
from taskhouse.report.options import Period
from taskhouse.report.query import run_query

Key = tuple[int, str]


def repositories(
    snapshot: Snapshot, period: Period, base: date
) -> tuple[list[Repository], dict[Key, dict[int, Standing]]]:
    """Repositories that are there at the end of the period, and where those that are not there stood at the base.

    A repository whose project was not looked at in the period is left out: nothing is known of it.
    """
    found: dict[Key, Repository] = {}
    for row in run_query(snapshot, "standing", day=period.until):
        if row["last_day"] >= period.since:
            key = (row["project_id"], row["repository"])
            one = found.setdefault(key, Repository(*key, row["classification"]))
            one.now[row["window_days"]] = Standing(row["state"], row["known_day"], row["since"])
    left: dict[Key, dict[int, Standing]] = defaultdict(dict)
    for row in run_query(snapshot, "standing", day=base):
        key = (row["project_id"], row["repository"])
        there = found[key].base if key in found else left[key]
        there[row["window_days"]] = Standing(row["state"], row["known_day"], row["since"])
    return list(found.values()), left


def windows(snapshot: Snapshot, since: date, until: date, first: int | None) -> list[tuple[int, ...]]:
    """The windows, those over which every repository has the same states together; ``first`` leads."""
    alike: dict[int, list[int]] = defaultdict(list)
    for row in run_query(snapshot, "windows", since=since, until=until):
        alike[row["states"]].append(row["window_days"])
    groups = sorted(alike.values(), key=lambda group: (first not in group, group))
    return [tuple(sorted(group, key=lambda window: (window != first, window))) for group in groups]


def fill(snapshot: Snapshot, shown: Sequence[Repository], window: int, dates: Sequence[date]) -> None:
    """Give repositories the days of their strips."""
    rows = run_query(
        snapshot,
        "days",
        projects=[one.project_id for one in shown],
        names=[one.name for one in shown],
        window=window,
        since=dates[0],
        until=dates[-1],
    )
    known: dict[Key, dict[date, Day]] = defaultdict(dict)
    for row in rows:
        known[row["project_id"], row["repository"]][row["day"]] = Day(code(row["overall"]), row["is_break"])
    missing, before = Day(MISSING), Day(BEFORE)
    for one in shown:
        days = known[one.key]
        first = min(days, default=date.max)
        one.days = tuple(days.get(day, before if day < first else missing) for day in dates)
