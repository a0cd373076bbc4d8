"""Read everything that a report says, once, from one published generation."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.report import agents, answers, campaigns, empty, health, movers, outcome, standing, steps, trend, weeks
from taskhouse.report.directory import Directory
from taskhouse.report.model import Change, Coverage, Group, Nothing, Report, Repository
from taskhouse.report.options import Extent, Options, Period, Scope
from taskhouse.report.query import run_query

LARGEST = 60
"""Weeks in the chart of weeks, at most."""


def gather(snapshot: Snapshot, options: Options, directory: Directory) -> Report | Nothing:
    """All data of the report, or the reason why there is none.

    Raises:
        ConfigurationError: The days make no sense, or there is no such window or owner.
    """
    scope = options.scope(_owned(snapshot, options, directory))
    trend.read(snapshot, scope)
    bounds = run_query(snapshot, "bounds", projects=scope.parameters["projects"])[0]
    known = _extent(bounds)
    if known is None:
        return empty.why(snapshot, options)
    period = options.period(known)
    baseline = options.baseline(period, known.first)
    base = _base(options, period, baseline, known)
    repositories, left = standing.repositories(snapshot, period, base)
    work = agents.gather(snapshot, scope, period, baseline)
    if not repositories and not work.work.ended:
        return empty.why(snapshot, options, period)
    windows = standing.windows(snapshot, period.since, period.until, _window(options, repositories))
    window = windows[0][0] if windows else 0
    changes = _changes(snapshot, scope, window, base, period.until)
    groups = _explain(snapshot, repositories, window, changes, period)
    repositories.sort(key=lambda repository: _rank(repository, window))
    looked_back = weeks.last(period, known.first)[-LARGEST:]
    first = min(one.since for one in (*looked_back, *baseline))
    counts = weeks.counts(snapshot, window, first, period.until)
    running = campaigns.gather(snapshot, scope, directory, period, window or None)
    standing.fill(snapshot, repositories[: options.rows], window, _strip(period, known.first))
    return Report(
        options=options,
        scope=scope,
        directory=directory,
        host=snapshot.records("SELECT max(host) AS host FROM ledger.origin")[0]["host"],
        period=period,
        baseline=baseline,
        base=base,
        as_of=bounds["as_of"] or datetime(period.until.year, period.until.month, period.until.day, tzinfo=UTC),
        windows=windows,
        window=window,
        repositories=repositories,
        groups=groups,
        switches=movers.switches(one for one in changes if one.day >= period.since),
        changes=sum(one.direction is not None for one in changes if one.day >= period.since),
        bridge=movers.bridge(repositories, window, (there[window].state for there in left.values() if window in there)),
        weeks=[(week, weeks.usual(counts, week) or weeks.NONE) for week in looked_back],
        days=[counts.get(day, weeks.NONE) for day in period.dates],
        usual=weeks.middle([one for one in (weeks.usual(counts, before) for before in baseline) if one]),
        agents=work,
        outcome=outcome.gather(snapshot, scope, period.until),
        campaigns=running,
        uncounted=campaigns.uncounted(snapshot, scope, directory, period, running),
        zone=snapshot.zone,
        coverage=_coverage(snapshot, scope, period, repositories, window),
    )


def days(snapshot: Snapshot, options: Options, directory: Directory) -> list[dict[str, Any]]:
    """Every day of every repository and window that the report is about, without anything else; none if none is known.

    Raises:
        ConfigurationError: As for :func:`gather`.
    """
    scope = options.scope(_owned(snapshot, options, directory))
    trend.read(snapshot, scope)
    known = _extent(run_query(snapshot, "bounds", projects=scope.parameters["projects"])[0])
    if known is None:
        return []
    period = options.period(known)
    return run_query(snapshot, "export", since=period.since, until=period.until, **scope.parameters)


def _owned(snapshot: Snapshot, options: Options, directory: Directory) -> tuple[str, ...] | None:
    if options.owner is None:
        return None
    return directory.owned(options.owner, [row["repository"] for row in run_query(snapshot, "names")])


def _extent(bounds: dict[str, Any]) -> Extent | None:
    last = bounds["last_readiness"] or bounds["last_run"]
    if last is None:
        return None
    read_on = bounds["read_on"] or last
    return Extent(bounds["first_readiness"] or bounds["first_run"] or last, last, read_on - timedelta(days=1))


def _base(options: Options, period: Period, baseline: tuple[Period, ...], known: Extent) -> date:
    """The day whose end the movers are compared with: the last one before the period, or of the days chosen."""
    is_chosen = options.compare not in ("median", "previous", "none")
    return max(baseline[0].until if is_chosen else period.since - timedelta(days=1), known.first)


def _window(options: Options, repositories: list[Repository]) -> int | None:
    known = sorted({window for repository in repositories for window in repository.now})
    if options.window is None or not known:
        return next(iter(known), None)
    if options.window not in known:
        raise ConfigurationError(
            f"There is no data for a window of {options.window} days.",
            hint=f"The windows are: {', '.join(map(str, known))}.",
        )
    return options.window


def _changes(snapshot: Snapshot, scope: Scope, window: int, base: date, until: date) -> list[Change]:
    rows = trend.changes(snapshot, scope, window, base, until)
    return [Change(**(row | {"reason": answers.clipped(row["reason"])})) for row in rows]


def _explain(
    snapshot: Snapshot, repositories: list[Repository], window: int, changes: list[Change], period: Period
) -> list[Group]:
    """Give every repository its next step; return the movers by cause."""
    now = answers.at(snapshot, window, period.until)
    on = steps.switched_on((project, answer) for (project, _), answer in now.items())
    for one in repositories:
        if window in one.now:
            one.step = steps.step(one.now[window].state, now.get(one.key, {}), on[one.project_id])
    found = movers.movers(repositories, window, changes)
    return movers.groups(found)


def _strip(period: Period, first: date) -> tuple[date, ...]:
    """The days of a strip: the last twelve weeks as far as they are known, or those of a longer period."""
    since = max(period.until - timedelta(days=7 * weeks.WEEKS - 1), first)
    return Period(min(period.since, since), period.until).dates


def _rank(repository: Repository, window: int) -> tuple[object, ...]:
    """Order of rows: who slipped, who became ready, who went up; then what is furthest from ready."""
    way, now = repository.way(window), repository.now.get(window)
    return (
        ("slipped", "ready", "up", None).index(way),
        now is None or not now.is_known,
        now.rank if now and now.is_known else 0,
        repository.name,
        repository.project_id,
    )


def _coverage(
    snapshot: Snapshot, scope: Scope, period: Period, repositories: list[Repository], window: int
) -> Coverage:
    projects = scope.parameters["projects"]
    missing = run_query(snapshot, "missing", since=period.since, until=period.until)
    ever = run_query(snapshot, "ever", until=period.until)[0]["repositories"]
    gone = run_query(snapshot, "gone", until=period.until)
    passes = health.passes(snapshot, projects)
    read = {one.project_id for one in passes if one.resource == "readiness"}
    return Coverage(
        passes=passes,
        unread=sorted({one.project_id for one in repositories} - read) if passes else [],
        viewers=health.viewers(snapshot, projects),
        **run_query(snapshot, "holes", projects=projects)[0],
        known=sum(row["days"] for row in missing if row["reason"] is None),
        expected=sum(row["days"] for row in missing),
        missing=[(row["reason"].replace("_", " "), row["days"]) for row in missing if row["reason"]],
        gone=[(row["repository"], row["gone_day"]) for row in gone if row["gone_day"] >= period.since],
        absent=ever - len(gone) - len(repositories),
        stateless=sum(window not in one.now or not one.now[window].is_known for one in repositories),
    )
