"""The report as one HTML file: no script runs, nothing is fetched, every text of the server is escaped."""

import functools
from datetime import date
from typing import Any

import jinja2
from markupsafe import Markup

from taskhouse.pages import templating
from taskhouse.report import numbers, sentences, svg
from taskhouse.report.model import LABELS, MISSING, Nothing, Report, Repository, Series, code, label

LARGE = 150_000
"""Bytes that a report of 40 repositories does not exceed."""

NEWS = 6
"""How many repositories that became ready, and how many that slipped, are named at the top."""

NAMED = 1500
"""How many repositories without their own row are named."""


def page(report: Report) -> str:
    """The whole document. Where it would become too large, tables of days give way to the JSON and the CSV."""
    drawn = {
        "report": report,
        "figures": numbers.headline(report),
        "alarms": sentences.alarms(report),
        "news": _news(report),
        "known_since": _known_since(report),
        "missing": sentences.what_is_missing(report),
        "groups": _groups(report),
        "others": _others(report),
        "charts": [_chart(window, report) for window in report.windows],
        "runs": _runs(report),
        "data": templating.embedded(numbers.data(report)),
    }
    template, count = _template("report.html"), len(report.repositories)
    bare = template.render(**drawn, tables=[], tabled=count, untabled=count)
    tables = _tables(report, LARGE - len(bare.encode()))
    return template.render(**drawn, tables=tables, tabled=len(tables), untabled=count - len(tables))


def _tables(report: Report, room: int) -> list[Markup]:
    """Tables of days, repositories that changed first, as far as they fit into this many bytes."""
    template, tables = _template("days.html"), []
    for number, repository in enumerate(report.repositories, start=1):
        rows = numbers.days_of(repository, report)
        table = template.render(number=number, repo=repository, windows=report.windows, rows=rows)
        room -= len(table.encode())
        if room < 0:
            break
        tables.append(Markup(table))  # noqa: S704 - a template that escapes made it
    return tables


def empty(nothing: Nothing) -> str:
    """The document that says why there is no report."""
    return _template("empty.html").render(nothing=nothing)


def _news(report: Report) -> list[tuple[str, list[tuple[int | None, Repository, Series]], int]]:
    """Who got ready and who slipped: the first of them, each with the number of its row, and how many more."""
    rows = {id(repository): number for number, repository in enumerate(report.repositories, start=1)}
    told = (("Became ready", report.got_ready), ("Slipped", report.slipped))
    return [
        (name, [(rows.get(id(one)), one, series) for one, series in here[:NEWS]], max(0, len(here) - NEWS))
        for name, here in told
    ]


def _known_since(report: Report) -> date | None:
    """The first day with an answer, if it is not the first day of the report."""
    days = zip(report.period.dates, zip(*report.rollup.values(), strict=True), strict=True) if report.rollup else ()
    first = next((day for day, windows in days if any(windows)), None)
    return None if first == report.period.since else first


def _groups(report: Report) -> list[tuple[str, list[tuple[int, Repository]]]]:
    numbered = list(enumerate(report.repositories, start=1))
    moved = [(number, one) for number, one in numbered if one.mover]
    still = [(number, one) for number, one in numbered if not one.mover]
    return [(name, rows) for name, rows in (("Moved", moved), ("Unchanged", still)) if rows]


def _others(report: Report) -> list[tuple[str, str, list[Repository], int]]:
    """Repositories without a row, by state: letter, words, the names that fit, and how many more."""
    room, groups = NAMED, []
    for letter, word in LABELS.items():
        here = [one for one in report.rest if code(_series(one, report).state) == letter]
        if here:
            groups.append((letter, word, here[:room], max(0, len(here) - room)))
            room = max(0, room - len(here))
    return groups


def _series(repository: Repository, report: Report) -> Any:
    return repository.series.get(report.window) or next(iter(repository.series.values()))


def _chart(window: int, report: Report) -> dict[str, Any]:
    days = report.rollup[window]
    top = max((day.total() for day in days), default=0)
    return {
        "window": window,
        "paths": svg.columns(days, svg.ORDER, top),
        "top": top,
        "legend": [(letter, LABELS[letter], days[-1][letter]) for letter in LABELS if any(day[letter] for day in days)],
    }


def _runs(report: Report) -> dict[str, Any]:
    days = [{"c": day.completed, "f": day.failed, "x": day.cancelled} for day in report.run_days]
    top = max((sum(day.values()) for day in days), default=0)
    longest = max((day.p90_s or 0.0 for day in report.run_days), default=0.0)
    return {
        "paths": svg.columns(days, "cfx", top),
        "top": top,
        "durations": svg.durations(report.run_days, longest),
        "longest": longest,
    }


@functools.cache
def _environment() -> jinja2.Environment:
    environment = templating.environment("taskhouse.report")
    environment.filters.update(as_period=sentences.period, as_story=sentences.story)
    environment.globals.update(
        strip=svg.strip,
        unit=svg.unit,
        width=lambda days: svg.unit(days) * days,
        label=label,
        code=code,
        labels=LABELS,
        missing_code=MISSING,
        rollup_of=numbers.rollup_of,
        runs_of=numbers.runs_of,
    )
    return environment


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)
