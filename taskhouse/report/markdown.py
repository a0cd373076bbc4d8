"""The report as Markdown, short enough for a chat or the page of an asset."""

from taskhouse.pages import formatting
from taskhouse.pages.markdown import escaped, table
from taskhouse.plural import plural
from taskhouse.report import agents_markdown, figures, findings, said, sentences, steps
from taskhouse.report.model import Group, Mover, Nothing, Report, label
from taskhouse.report.movers import CAPABILITIES, when

NAMED = 10
"""Repositories of one cause, or of one step, that are named."""

GROUPS = 8
"""Causes, and steps, that are listed."""

TITLES = {"ready": "Became ready", "slipped": "Slipped", "up": "Went up, but not to ready"}


def page(report: Report) -> str:
    """The sentences, the numbers, who moved and why, the next steps, and what is missing."""
    parts = [
        f"# Readiness, {sentences.name(report.period)}",
        _facts(report),
        "\n".join(f"- {escaped(one.text)}" for one in said.of(report)),
        table(
            ("Number", "", "compared"),
            [
                (one.name, f"**{one.value}** {one.of}", one.change or formatting.NEVER)
                for one in figures.figures(report)
            ],
        ),
        *(_moved(report) if report.known else []),
        *_steps(report),
        *agents_markdown.sections(report.agents, report.outcome, report.campaigns, report.uncounted),
        *_missing(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def empty(nothing: Nothing) -> str:
    """The text that says why there is no report."""
    return f"# {nothing.title}\n\n{escaped(nothing.said)}\n\n{nothing.hint}\n"


def _facts(report: Report) -> str:
    facts = [
        *([sentences.period(report.period)] if report.period.unit != "days" else []),
        "**Complete**" if report.coverage.complete else "**Not proved complete**",
        f"data as of {formatting.moment(report.as_of)}",
        f"days begin at midnight in {escaped(report.zone)}",
        *([compared] if (compared := sentences.compared(report)) else []),
        *([f"repositories of {escaped(report.options.owner)}"] if report.options.owner else []),
        *[f"seen with the key of {escaped(viewer)}" for _, viewer in report.coverage.viewers],
    ]
    return " \u00b7 ".join(facts)


def _moved(report: Report) -> list[str]:
    parts = [f"## What moved, and why\n\n{figures.bridge(report)}, over the window of {report.window} days."]
    for way, title in TITLES.items():
        here = [group for group in report.groups if group.way == way]
        if here:
            lines = [_cause(group) for group in here[:GROUPS]]
            more = len(here) - GROUPS
            lines += [f"- and {more:,} more {plural(more, 'cause')}"] if more > 0 else []
            parts.append(f"**{title}** {sum(len(group.movers) for group in here):,}\n\n" + "\n".join(lines))
    return parts


def _cause(group: Group) -> str:
    named = ", ".join(_mover(one, group) for one in group.movers[:NAMED]) + _more(len(group.movers) - NAMED)
    reason = f" {escaped(group.reason)}" if group.reason else ""
    return f"- {group.title}.{reason}\n  - {named}"


def _mover(one: Mover, group: Group) -> str:
    """A mover with what happened to it, and why, if the members of its group have several reasons."""
    facts = [f"{label(one.before)} \u2192 {label(one.after)}"]
    facts += [when(one.change)] if one.change else []
    facts += [escaped(one.evidence)] if one.evidence else []
    facts += (
        [escaped(findings.quoted(one.change.reason))] if one.change and one.change.reason and not group.reason else []
    )
    return f"{escaped(one.repository.name)} ({', '.join(facts)})"


def _steps(report: Report) -> list[str]:
    lines = []
    for step, here in steps.shared(report.known)[:GROUPS]:
        needs = "; ".join(f"{CAPABILITIES[need.capability]}: {escaped(need.reason)}" for need in step.needs)
        named = ", ".join(escaped(one.name) for one in here[:NAMED]) + _more(len(here) - NAMED)
        lines.append(f"- **{len(here):,}** to {label(step.target)}: {needs}\n  - {named}")
    return ["## Next steps", "\n".join(lines)] if lines else []


def _more(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""


def _missing(report: Report) -> list[str]:
    said = [*sentences.unread(report), *sentences.stale(report), *sentences.what_is_missing(report)]
    lines = [escaped(sentence) for sentence in said]
    lines += [
        f"{one.resource} of project {one.project_id}: {escaped(one.reason)}" for one in report.coverage.incomplete
    ]
    return ["## What is missing", "\n".join(f"- {sentence}" for sentence in lines)] if lines else []
