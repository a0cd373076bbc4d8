"""Read everything that a report says, once, from one published generation."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.report import changes, empty, health
from taskhouse.report.model import BEFORE, MISSING, Coverage, Day, Nothing, Report, Repository, Series, code
from taskhouse.report.options import Extent, Options, Period
from taskhouse.report.query import run_query


def gather(snapshot: Snapshot, options: Options) -> Report | Nothing:
    """All data of the report, or the reason why there is none.

    Raises:
        ConfigurationError: The days make no sense, or nothing is known over the window asked for.
    """
    chosen = options.scope().parameters
    projects = chosen["projects"]
    del chosen["names"]
    run_query(snapshot, "trend", **chosen)
    bounds = run_query(snapshot, "bounds", projects=projects)[0]
    last = bounds["last_readiness"] or bounds["last_run"]
    if last is None:
        return empty.why(snapshot, options)
    until = options.until or last
    known = Extent(last, last, last)
    period = replace(options, since=options.since or until - timedelta(days=29), until=until).period(known)
    compared = next(iter(options.baseline(period)), None)
    earliest = compared.since if compared else period.since
    run_query(snapshot, "moves", since=min(earliest, period.since), until=period.until)
    run_query(snapshot, "gone", until=period.until)
    repositories = _repositories(snapshot, period, compared)
    runs, by_day = health.runs(snapshot, period, chosen)
    if not repositories and not runs.ended:
        return empty.why(snapshot, options, period)
    windows = tuple(sorted({window for repository in repositories for window in repository.series}))
    window = _window(options, windows)
    repositories.sort(key=lambda repository: rank(repository, window))
    shown, rest = repositories[: options.rows], repositories[options.rows :]
    _fill(snapshot, shown, period)
    stuck, stuck_total = health.stuck(snapshot, chosen)
    return Report(
        options=options,
        period=period,
        compared=compared,
        as_of=bounds["finished_at"] or bounds["observed_at"] or datetime(last.year, last.month, last.day, tzinfo=UTC),
        windows=windows,
        window=window,
        repositories=shown,
        rest=rest,
        rollup=_rollup(snapshot, period, windows),
        steps=_steps(snapshot, window, period),
        steps_before=_steps(snapshot, window, compared) if compared else (0, 0),
        worst=changes.changes(snapshot, period, -1),
        best=changes.changes(snapshot, period, 1),
        runs=runs,
        runs_before=health.runs(snapshot, compared, chosen)[0] if compared else health.NONE,
        run_days=by_day,
        stuck=stuck,
        stuck_total=stuck_total,
        coverage=_coverage(snapshot, projects, period, compared, repositories),
    )


def forget(snapshot: Snapshot) -> None:
    """Drop what :func:`gather` kept for the report's later questions."""
    for name in ("report_trend", "report_moves", "report_gone"):
        snapshot.records(f"DROP TABLE IF EXISTS temp.{name}")


def _window(options: Options, windows: tuple[int, ...]) -> int:
    if options.window is None or not windows:
        return next(iter(windows), 0)
    if options.window not in windows:
        raise ConfigurationError(
            f"There is no data for a window of {options.window} days.",
            hint=f"The windows are: {', '.join(map(str, windows))}.",
        )
    return options.window


def rank(repository: Repository, window: int) -> tuple[object, ...]:
    """Order of rows: what moved most first, slips before gains; then what is furthest from ready."""
    mover = repository.mover
    here = repository.series.get(window) or next(iter(repository.series.values()))
    return (
        -abs(mover.change) if mover else 0.0,
        mover is not None and mover.change > 0,
        -(mover.day.toordinal() - (mover.days_in_state or 0)) if mover else 0,
        here.score if here.score is not None else 101.0,
        repository.name,
        repository.project_id,
    )


def _repositories(snapshot: Snapshot, period: Period, compared: Period | None) -> list[Repository]:
    base = compared.until if compared else period.back().until
    first = compared.since if compared else period.since
    rows = run_query(snapshot, "series", base=base, until=period.until, first=min(first, period.since))
    found: dict[tuple[int, str], Repository] = {}
    for row in rows:
        key = (row["project_id"], row["repository"])
        repository = found.setdefault(key, Repository(*key, row["classification"]))
        repository.series[row["window_days"]] = Series(
            window=row["window_days"],
            state=row["state"],
            day=row["day"],
            score=row["score"],
            days_in_state=row["days_in_state"],
            base=row["base"],
            base_score=row["base_score"],
            base_day=row["base_day"],
            broke=row["broke"],
        )
    return list(found.values())


def _fill(snapshot: Snapshot, repositories: list[Repository], period: Period) -> None:
    rows = run_query(
        snapshot,
        "days",
        projects=[repository.project_id for repository in repositories],
        names=[repository.name for repository in repositories],
        since=period.since,
        until=period.until,
    )
    known: dict[tuple[int, str, int], dict[date, Day]] = defaultdict(dict)
    for row in rows:
        known[row["project_id"], row["repository"], row["window_days"]][row["day"]] = Day(
            code(row["overall"]), row["readiness_score"], row["is_break"], row["evidence"]
        )
    missing, before = Day(MISSING, None), Day(BEFORE, None)
    for repository in repositories:
        for series in repository.series.values():
            days = known[repository.project_id, repository.name, series.window]
            first = min(days, default=date.max)
            series.days = tuple(days.get(day, before if day < first else missing) for day in period.dates)


def _rollup(snapshot: Snapshot, period: Period, windows: tuple[int, ...]) -> dict[int, list[Counter[str]]]:
    totals = {window: [Counter[str]() for _ in period.dates] for window in windows}
    for row in run_query(snapshot, "rollup", since=period.since, until=period.until):
        if row["window_days"] in totals:
            totals[row["window_days"]][(row["day"] - period.since).days][code(row["overall"])] += row["repositories"]
    return totals


def _steps(snapshot: Snapshot, window: int, period: Period) -> tuple[int, int]:
    row = run_query(snapshot, "steps", window=window, since=period.since, until=period.until)[0]
    return row["up"], row["down"]


def _coverage(
    snapshot: Snapshot, projects: list[int] | None, period: Period, compared: Period | None, shown: list[Repository]
) -> Coverage:
    missing = run_query(snapshot, "missing", since=period.since, until=period.until)
    before = run_query(snapshot, "missing", since=compared.since, until=compared.until) if compared else []
    ever = snapshot.records("SELECT count(DISTINCT (project_id, repository)) AS n FROM report_trend")[0]["n"]
    gone = snapshot.records("SELECT repository, gone_day FROM report_gone ORDER BY gone_day DESC, repository")
    since = min(period.since, compared.since) if compared else period.since
    passes = health.passes(snapshot, projects)
    read = {one.project_id for one in passes if one.resource == "readiness"}
    return Coverage(
        passes=passes,
        unread=sorted({one.project_id for one in shown} - read) if passes else [],
        viewers=health.viewers(snapshot, projects),
        **run_query(snapshot, "holes", projects=projects)[0],
        known=sum(row["days"] for row in missing if row["reason"] is None),
        expected=sum(row["days"] for row in missing),
        known_before=sum(row["days"] for row in before if row["reason"] is None),
        expected_before=sum(row["days"] for row in before),
        missing=[(row["reason"].replace("_", " "), row["days"]) for row in missing if row["reason"]],
        gone=[(row["repository"], row["gone_day"]) for row in gone if row["gone_day"] >= since],
        absent=ever - len(gone) - len(shown),
    )
