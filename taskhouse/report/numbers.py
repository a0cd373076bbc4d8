"""The report's numbers: the headline, tables of every day, and the embedded JSON."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import Any, Literal

from taskhouse.pages import formatting
from taskhouse.report.model import BEFORE, CODES, LABELS, MISSING, Change, Day, Report, Repository, RunCounts

WINDOW_COLUMNS = "window_days states scores breaks state day score days_in_state base base_score".split()
"""What each entry of a repository's ``windows`` holds in the embedded JSON."""

SILENT = (MISSING, BEFORE)
"""Letters of days that have no state."""

Tone = Literal["good", "bad", "even"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the headline.

    Attributes:
        change: How it moved against the compared period; empty where there is nothing to compare with.
        tone: Whether that is good.
        arrow: Which way it moved.
    """

    name: str
    value: str
    of: str
    change: str = ""
    tone: Tone = "even"
    arrow: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive days without a change, with a cell for each column."""

    since: date
    until: date
    cells: tuple[str, ...]

    @property
    def name(self) -> str:
        """The days, as people write them."""
        first = formatting.short(self.since)
        return first if self.since == self.until else f"{first} {formatting.EN_DASH} {formatting.short(self.until)}"


def headline(report: Report) -> list[Figure]:
    """The numbers to see first, each with its change."""
    return [
        *_readiness(report),
        Figure(
            "Stepped up / down",
            f"{report.steps[0]} / {report.steps[1]}",
            "repositories in this period",
            f"{report.steps_before[0]} / {report.steps_before[1]} before" if report.coverage.known_before else "",
        ),
        *_runs(report),
    ]


def _readiness(report: Report) -> list[Figure]:
    here = [repo.series[report.window] for repo in report.everyone if report.window in repo.series]
    ready = sum(one.state == "ready" for one in here)
    scored = [one.score for one in here if one.score is not None]
    older = [one for one in here if one.base_day is not None and one.base_day < one.day]
    both = [(one.score, one.base_score) for one in older if one.score is not None and one.base_score is not None]
    figures = [Figure("Ready", f"{ready:,}", f"of {len(here):,} repositories"), Figure("Readiness score", "", "of 100")]
    if older:
        gained = ready - sum(one.base == "ready" for one in here)
        figures[0] = _moved(figures[0], gained, formatting.signed(gained), report)
    mean = sum(scored) / len(scored) if scored else None
    figures[1] = Figure("Readiness score", formatting.number(mean), "of 100, on average")
    if both:
        moved = sum(now - then for now, then in both) / len(both)
        figures[1] = _moved(figures[1], moved, formatting.signed(moved, digits=1), report)
    return figures


def _runs(report: Report) -> list[Figure]:
    now, then = report.runs, report.runs_before
    success = Figure("Runs that succeed", formatting.percent(now.success), f"of {now.ended:,} that ended")
    if now.success is not None and then.success is not None:
        points = 100 * (now.success - then.success)
        success = _moved(success, points, formatting.signed(points, " points", 1), report)
    median = Figure("Median run", formatting.span(now.p50_s), f"90th percentile {formatting.span(now.p90_s)}")
    if now.p50_s and then.p50_s:
        share = round(100 * (now.p50_s / then.p50_s - 1))
        word = ", faster" if share < 0 else ", slower" if share else ""
        median = _moved(median, share, formatting.signed(share, f"%{word}"), report, good=-1)
    return [success, median]


def _moved(figure: Figure, gain: float, change: str, report: Report, *, good: int = 1) -> Figure:
    """The figure with its change, if there is something to compare with; ``good`` is the sign of a good one."""
    if not report.compared:
        return figure
    moved = round(gain, 1)
    tone: Tone = "even" if not moved else "good" if moved * good > 0 else "bad"
    arrow = "\u25b2" if moved > 0 else "\u25bc" if moved else ""
    return dataclasses.replace(figure, change=change, tone=tone, arrow=arrow)


def by_day(dates: Sequence[date], cells: Sequence[tuple[str, ...]]) -> list[Stretch]:
    """A table of every day, in which equal consecutive days share a row."""
    return [
        Stretch(group[0][0], group[-1][0], said)
        for said, days in groupby(zip(dates, cells, strict=True), key=lambda pair: pair[1])
        for group in [list(days)]
    ]


def days_of(repository: Repository, report: Report) -> list[Stretch]:
    """A repository's state and score over each window, day by day."""
    rows = []
    for at in range(report.period.days):
        cells = []
        for window in report.windows:
            series = repository.series.get(window)
            day = series.days[at] if series and series.days else None
            if day is None or day.code in SILENT:
                cells.append(formatting.NEVER)
                continue
            text = LABELS[day.code] + (f" {formatting.number(day.score)}" if day.score is not None else "")
            cells.append(f"{text}, reclassified" if day.broken else text)
        rows.append(tuple(cells))
    return by_day(report.period.dates, rows)


def rollup_of(window: int, report: Report) -> list[Stretch]:
    """Repositories by state, day by day."""
    return by_day(report.period.dates, [tuple(str(day[letter]) for letter in LABELS) for day in report.rollup[window]])


def runs_of(report: Report) -> list[Stretch]:
    """Runs that ended, day by day."""
    return by_day(
        report.period.dates,
        [
            (
                str(day.completed),
                str(day.failed),
                str(day.cancelled),
                formatting.percent(day.success),
                formatting.span(day.p50_s),
                formatting.span(day.p90_s),
            )
            for day in report.run_days
        ],
    )


def data(report: Report) -> dict[str, Any]:
    """Every number of the report, for machines: states as one letter a day."""
    return {
        "format": 1,
        "as_of": report.as_of.isoformat(),
        "period": [report.period.since.isoformat(), report.period.until.isoformat()],
        "compared": [report.compared.since.isoformat(), report.compared.until.isoformat()] if report.compared else None,
        "windows": report.windows,
        "codes": {letter: state for state, letter in CODES.items()} | dict.fromkeys(SILENT),
        "columns": WINDOW_COLUMNS,
        "repositories": [_repository(repository) for repository in report.repositories],
        "others": [[one.project_id, one.name, _states(one)] for one in report.rest],
        "rollup": {window: _lengths([_counts(day) for day in days]) for window, days in report.rollup.items()},
        "runs": {"all": _run(report.runs), "compared": _run(report.runs_before), "days": map_days(report.run_days)},
        "changes": [_change(change) for change in (*report.worst, *report.best)],
        "coverage": {
            "complete": report.coverage.complete,
            "known": report.coverage.known,
            "expected": report.coverage.expected,
            "gaps": report.coverage.gaps,
            "quarantined": report.coverage.quarantined,
            "missing": report.coverage.missing,
            "viewers": report.coverage.viewers,
            "passes": [
                [
                    one.project_id,
                    one.resource,
                    one.verdict,
                    one.finished_at.isoformat() if one.finished_at else None,
                    one.proof,
                    one.proven_at.isoformat() if one.proven_at else None,
                ]
                for one in report.coverage.passes
            ],
        },
    }


def _repository(repository: Repository) -> dict[str, Any]:
    return {
        "project_id": repository.project_id,
        "repository": repository.name,
        "classification": repository.classification,
        "windows": [
            [
                series.window,
                series.codes,
                _scores(series.days),
                [at for at, day in enumerate(series.days) if day.broken],
                series.state,
                series.day.isoformat(),
                _short(series.score),
                series.days_in_state,
                series.base,
                _short(series.base_score),
            ]
            for series in repository.series.values()
        ],
    }


def _scores(days: Sequence[Day]) -> dict[str, float | None] | list[list[Any]]:
    """The score of each state, where a state had one score only; else pairs of score and days in a row."""
    of_state = {day.code: _short(day.score) for day in days if day.code not in SILENT}
    if all(of_state.get(day.code) == _short(day.score) for day in days):
        return of_state
    return _lengths([_short(day.score) for day in days])


def _short(value: float | None) -> float | None:
    """A whole number without its point, and at most two digits after it."""
    return value if value is None or value != int(value) else int(value)


def _states(repository: Repository) -> str:
    return "".join(CODES.get(series.state, "u") for series in repository.series.values())


def _lengths(values: Sequence[Any]) -> list[list[Any]]:
    return [[value, len(list(same))] for value, same in groupby(values)]


def _counts(day: Counter[str]) -> list[int]:
    return [day[letter] for letter in LABELS]


def _run(runs: RunCounts) -> dict[str, Any]:
    return {**asdict(runs), "success": runs.success}


def map_days(days: Sequence[RunCounts]) -> list[list[Any]]:
    """Completed, failed, cancelled, median and 90th percentile in seconds, for each day."""
    return [[day.completed, day.failed, day.cancelled, day.p50_s, day.p90_s] for day in days]


def _change(change: Change) -> list[Any]:
    return [
        change.project_id,
        change.repository,
        change.window,
        change.day.isoformat(),
        change.before,
        change.after,
        change.points,
    ]
