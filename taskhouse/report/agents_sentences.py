"""What the agents' half of a report says in sentences."""

from collections.abc import Iterator
from statistics import median

from taskhouse.pages.formatting import isolated, number, percent, span
from taskhouse.plural import counted, plural
from taskhouse.report.agents import Agents
from taskhouse.report.decomposition import Part
from taskhouse.report.summary import Sentence, Tone

NO_MESSAGE = "no message"
"""What stands for the fingerprint of failures without a message."""

SUCCESS, STUCK, FAILURE, MERGED = 65.0, 45.0, 35.0, 25.0
"""How much each sentence weighs."""

HOURS = 1.0
"""Hours from which on a failure is named at the top."""


def sentences(found: Agents) -> list[Sentence]:
    """The agents' half for the top of a report."""
    return list(_sentences(found))


def _sentences(found: Agents) -> Iterator[Sentence]:
    if found.work.ended:
        tone: Tone = "even" if not found.is_clear else "good" if (found.change or 0.0) > 0 else "bad"
        yield Sentence(success(found), "agents", tone, SUCCESS)
    if found.new:
        yield Sentence(
            f"{counted(found.new, 'run')} {plural(found.new, 'has', 'have')} been stuck since this"
            f" {found.unit}{_longer(found)}.",
            "stuck",
            "bad",
            STUCK,
        )
    worst = next(iter(found.failures), None)
    if worst is not None and (worst.hours or 0.0) >= HOURS:
        yield Sentence(
            f"The failure “{isolated(worst.fingerprint or NO_MESSAGE)}” cost most:"
            f" {span(3600 * (worst.hours or 0.0))} in {counted(worst.failures, 'run')}.",
            "failures",
            "bad",
            FAILURE,
        )
    if found.pull_requests[0].merged:
        yield Sentence(merged(found), "pull-requests", "even", MERGED)


def success(found: Agents) -> str:
    """How many runs succeed, how that changed, and what explains most of it."""
    work = found.work
    text = f"{percent(work.success)} of {counted(work.ended, 'agent run')} succeeded"
    if found.change is None:
        return f"{text}."
    moved = round(found.change)
    if not moved:
        return f"{text}, as usual."
    text += f", {'up' if moved > 0 else 'down'} {counted(abs(moved), 'point')}"
    if found.clear is None:
        return f"{text}; these are too few runs to tell more."
    if not found.is_clear:
        return f"{text}, which may be chance."
    return f"{text}, mostly because {reason(found.because)}." if found.because else f"{text}."


def reason(part: Part) -> str:
    """What carries most of a change, as a clause."""
    rose, name = part.points > 0, isolated(part.key[0] or NO_MESSAGE)
    if part.kind == "cancelled":
        return f"{'fewer' if rose else 'more'} were cancelled"
    if part.kind == "failure":
        return f"{'fewer' if rose else 'more'} failed with “{name}”"
    whose = f"in {name}" if part.kind == "repository" else f"of {name}"
    if abs(part.rate) >= abs(part.mix):
        return f"those {whose} succeeded {'more' if rose else 'less'} often"
    return f"{'more' if part.growth > 0 else 'fewer'} of them were {whose}"


def merged(found: Agents) -> str:
    """How many pull requests were merged, and what one cost."""
    now = found.pull_requests[0]
    text = f"{counted(now.merged, 'pull request was', 'pull requests were')} merged"
    before = [one.merged for one in found.pull_requests[1:]]
    text += f", usually {number(median(before))}" if before else ""
    return f"{text}, at ${now.merged_usd:,.2f} each." if now.merged_usd is not None else f"{text}."


def _longer(found: Agents) -> str:
    longer = len(found.stuck) - found.new
    return f", and {longer:,} for longer" if longer else ""
