"""The report as Markdown, short enough for a chat or the page of an asset."""

from collections.abc import Sequence

from taskhouse.pages import formatting
from taskhouse.pages.markdown import escaped, table
from taskhouse.plural import plural
from taskhouse.report import numbers, sentences
from taskhouse.report.model import BEFORE, MISSING, Change, Nothing, Report, Repository, Series, label

BARS = {"r": "\u2588", "p": "\u2585", "d": "\u2583", "n": "\u2581", "u": "\u254c", MISSING: "\u00b7", BEFORE: "\u2007"}
DAYS = 30
"""Days of a strip in text; a longer one shows its end."""

ROWS = 15
NEWS = 10
"""Repositories that are named as ready, or as slipped."""


def page(report: Report) -> str:
    """Headline, movers, changes, runs and coverage."""
    parts = [
        f"# Readiness, {sentences.period(report.period)}",
        _facts(report),
        table(
            ("Number", f"over {report.window} days" if report.window else "", "change"),
            [
                (one.name, f"**{one.value}** {one.of}", one.change or formatting.NEVER)
                for one in numbers.headline(report)
            ],
        ),
        *_news(report),
        *_movers(report),
        *_changes("Slipped", report.worst),
        *_changes("Improved", report.best),
        *_missing(report),
    ]
    return "\n\n".join(parts) + "\n"


def empty(nothing: Nothing) -> str:
    """The text that says why there is no report."""
    return f"# {nothing.title}\n\n{escaped(nothing.said)}\n\n{nothing.hint}\n"


def spark(series: Series) -> str:
    """A strip in text: taller is closer to ready, a dot is a day without information; empty before the first answer."""
    return "".join(BARS[letter] for letter in series.codes[-DAYS:])


def _facts(report: Report) -> str:
    facts = [
        "**Complete**" if report.coverage.complete else "**Not proved complete**",
        f"data as of {formatting.moment(report.as_of)}",
        *([f"compared with {sentences.period(report.compared)}"] if report.compared else []),
        *[f"seen with the key of {escaped(viewer)}" for _, viewer in report.coverage.viewers],
    ]
    return " \u00b7 ".join(facts)


def _news(report: Report) -> list[str]:
    """Who got ready and who slipped."""
    told = [("Became ready", report.got_ready), ("Slipped", report.slipped)] if report.window else []
    return [
        f"**{name}** {len(here)}: {', '.join(_named(*one, report) for one in here[:NEWS])}"
        + (f" and {len(here) - NEWS:,} more" if len(here) > NEWS else "")
        for name, here in told
        if here
    ]


def _named(repository: Repository, series: Series, report: Report) -> str:
    return escaped(repository.name) + (f" ({series.window} days)" if series.window != report.window else "")


def _movers(report: Report) -> list[str]:
    rows = report.repositories[:ROWS]
    if not rows:
        return []
    heads = ("Repository", "Change", *[f"{window} days" for window in report.windows])
    cells = [(escaped(one.name), _points(one), *[_cell(one.series.get(w)) for w in report.windows]) for one in rows]
    more = len(report.everyone) - len(rows)
    left = [f"{more:,} more repositories: `taskhouse report --output report.html`"] if more else []
    return ["## Repositories", table(heads, cells), *left]


def _points(repository: Repository) -> str:
    return formatting.signed(repository.mover.change) if repository.mover else "\u00b10"


def _cell(series: Series | None) -> str:
    if series is None:
        return formatting.NEVER
    since = f", {series.days_in_state} d" if series.days_in_state else ""
    return f"{spark(series)} {label(series.state)}{since}"


def _changes(name: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = []
    for change in changes:
        lines.append(
            f"- {escaped(change.repository)}: {label(change.before)} \u2192 **{label(change.after)}**"
            f" ({formatting.signed(change.points)}, {formatting.short(change.day)}, {change.window} days)"
        )
        lines += [f"  - {one.name}: {label(one.after)}. {escaped(one.reason)}" for one in change.capabilities]
    return [f"## {name}", "\n".join(lines)]


def _missing(report: Report) -> list[str]:
    said = sentences.what_is_missing(report)
    said += [f"{one.resource} of project {one.project_id}: {escaped(one.reason)}" for one in report.coverage.incomplete]
    if report.stuck_total:
        said.append(f"{report.stuck_total:,} {plural(report.stuck_total, 'run is', 'runs are')} stuck.")
    return ["## What is missing", "\n".join(f"- {sentence}" for sentence in said)] if said else []
