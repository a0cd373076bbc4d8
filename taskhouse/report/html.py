"""The report as one HTML file: no script runs, nothing is fetched, every text of the server is escaped."""

import functools
from typing import Any

import jinja2

from taskhouse.pages import formatting, links, templating
from taskhouse.report import data, figures, parts, said, sentences, steps, svg
from taskhouse.report.campaigns import Member
from taskhouse.report.model import CODES, LABELS, MISSING, STATES, Nothing, Report, Repository, code, label
from taskhouse.report.movers import CAPABILITIES, when

NAMED = 6
"""Repositories that a next step names at once; more are folded away."""

DAYS = 62
"""Days of a period of which each has a column of its own."""


def page(report: Report) -> str:
    """The whole document."""
    strips, rest = report.repositories[: report.options.rows], report.repositories[report.options.rows :]
    return _template("report.html").render(
        report=report,
        said=said.of(report),
        alarms=sentences.alarms(report),
        figures=figures.figures(report),
        missing=sentences.what_is_missing(report),
        strips=strips,
        rows={one.key: number for number, one in enumerate(strips, start=1)},
        others=_others(rest, report.window),
        steps=steps.shared(report.known),
        states=_states(report),
        by_week=[(sentences.week(week), count) for week, count in report.weeks],
        by_day=[(formatting.short(day), count) for day, count in zip(report.period.dates, report.days, strict=True)],
        data=templating.embedded(data.data(report)),
        **_parts(report),
    )


def empty(nothing: Nothing) -> str:
    """The document that says why there is no report."""
    return _template("empty.html").render(nothing=nothing)


def _others(rest: list[Repository], window: int) -> list[tuple[str, list[Repository]]]:
    """Repositories without a row, by state."""
    groups = [(state, [one for one in rest if _state(one, window) == state]) for state in (*CODES, None)]
    return [(label(state), here) for state, here in groups if here]


def _state(repository: Repository, window: int) -> str | None:
    now = repository.now.get(window)
    return None if now is None else now.state if now.state in CODES else "unknown"


def _states(report: Report) -> dict[str, Any]:
    """The charts: the usual day of each week, and each day of the period."""
    weeks = [count for _, count in report.weeks]
    top = max((count.known for count in (*weeks, *report.days)), default=0)
    is_short = 1 < report.period.days <= DAYS
    return {
        "weeks": svg.states(weeks, top),
        "days": svg.states(report.days, top) if is_short else None,
        "top": top,
        "legend": [(name, sum(_state(one, report.window) == name for one in report.known)) for name in STATES[::-1]],
        "width": {"weeks": svg.unit(len(weeks)) * len(weeks), "days": svg.unit(len(report.days)) * len(report.days)},
    }


def _parts(report: Report) -> dict[str, Any]:
    """What the templates about agents, the outcome and campaigns take."""
    steps_of = {one.key: one.step for one in report.repositories}

    def next_step(member: Member) -> str | None:
        step = steps_of.get((member.project_id, member.name))
        return f"{CAPABILITIES[step.needs[0].capability]}: {step.needs[0].reason}" if step else None

    return parts.context(report.agents, report.outcome, report.campaigns, next_step, report.uncounted)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = templating.environment("taskhouse.report")
    environment.filters.update(as_period=sentences.period, as_name=sentences.name, as_week=sentences.week)
    environment.globals.update(
        strip=svg.strip,
        unit=svg.unit,
        story=sentences.story,
        compared=sentences.compared,
        bridge=figures.bridge,
        label=label,
        code=code,
        labels=LABELS,
        missing_code=MISSING,
        capabilities=CAPABILITIES,
        named=NAMED,
        when=when,
        link=links.repository,
        task=links.task,
    )
    return environment


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)
