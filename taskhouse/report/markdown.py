"""The report as Markdown, short enough for a chat or the page of an asset."""

import re
from collections.abc import Sequence

from taskhouse.report import numbers, words
from taskhouse.report.model import BEFORE, MISSING, Change, Report, Repository, Series, label

BARS = {"r": "\u2588", "p": "\u2585", "d": "\u2583", "n": "\u2581", "u": "\u254c", MISSING: "\u00b7", BEFORE: "\u2007"}
DAYS = 30
"""Days of a strip in text; a longer one shows its end."""

ROWS = 15
ISOLATE, END = "\u2068", "\u2069"
SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~>@]|:(?=//)|(?<=www)\.)")


def page(report: Report) -> str:
    """Headline, movers, changes, runs and coverage."""
    parts = [
        f"# Readiness, {words.period(report.period)}",
        _facts(report),
        _table(
            ("Number", f"over {report.window} days", "change"),
            [(one.name, f"**{one.value}** {one.of}", one.change or words.NEVER) for one in numbers.headline(report)],
        ),
        *_movers(report),
        *_changes("Slipped", report.worst),
        *_changes("Got better", report.best),
        *_missing(report),
    ]
    return "\n\n".join(parts) + "\n"


def empty(said: str, hint: str) -> str:
    """The text of a warehouse without data."""
    return f"# No data yet\n\n{said}\n\n{hint}\n"


def escaped(text: object) -> str:
    """A server's text that Markdown and HTML leave as it is, kept apart from the direction of its neighbours."""
    plain = " ".join(words.clean(text).split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;")
    return ISOLATE + SPECIAL.sub(r"\\\1", plain) + END


def spark(series: Series) -> str:
    """A strip in text: taller is closer to ready, a dot is a day without information; empty before the first answer."""
    return "".join(BARS[letter] for letter in series.codes[-DAYS:])


def _facts(report: Report) -> str:
    facts = [
        "**Complete**" if report.coverage.complete else "**Not proved complete**",
        f"data as of {words.moment(report.as_of)}",
        *([f"compared with {words.period(report.compared)}"] if report.compared else []),
        *[f"seen through the key of {escaped(viewer)}" for _, viewer in report.coverage.viewers],
    ]
    return " \u00b7 ".join(facts)


def _movers(report: Report) -> list[str]:
    rows = report.repositories[:ROWS]
    if not rows:
        return []
    heads = ("Repository", "Change", *[f"{window} days" for window in report.windows])
    cells = [(escaped(one.name), _points(one), *[_cell(one.series.get(w)) for w in report.windows]) for one in rows]
    more = len(report.everyone) - len(rows)
    left = [f"{more:,} more repositories: `taskhouse report --output report.html`"] if more else []
    return ["## Repositories", _table(heads, cells), *left]


def _points(repository: Repository) -> str:
    return words.signed(repository.mover.change) if repository.mover else "\u00b10"


def _cell(series: Series | None) -> str:
    if series is None:
        return words.NEVER
    since = f", {series.days_in_state} d" if series.days_in_state else ""
    return f"{spark(series)} {label(series.state)}{since}"


def _changes(name: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = []
    for change in changes:
        lines.append(
            f"- {escaped(change.repository)}: {label(change.before)} \u2192 **{label(change.after)}**"
            f" ({words.signed(change.points)}, {words.short(change.day)}, {change.window} days)"
        )
        lines += [f"  - {one.name}: {label(one.after)}. {escaped(one.reason)}" for one in change.capabilities]
    return [f"## {name}", "\n".join(lines)]


def _missing(report: Report) -> list[str]:
    said = words.what_is_missing(report)
    said += [f"{one.resource} of project {one.project_id}: {escaped(one.reason)}" for one in report.coverage.incomplete]
    if report.stuck_total:
        said.append(f"{report.stuck_total:,} runs are stuck.")
    return ["## What is missing", "\n".join(f"- {sentence}" for sentence in said)] if said else []


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
