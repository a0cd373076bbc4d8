"""What the templates of the agents' half take: values, sentences and pictures."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from markupsafe import Markup

from taskhouse.pages.formatting import clean, percent
from taskhouse.plural import counted, plural
from taskhouse.report import agents_sentences, campaigns, outcome, plots
from taskhouse.report.agents import SHOWN, Agents
from taskhouse.report.campaigns import Member, Progress, Uncounted
from taskhouse.report.outcome import Outcome

LISTED = 100
"""How many repositories that a campaign waits for are named."""


def context(
    work: Agents,
    found: Outcome,
    running: list[Progress],
    next_step: Callable[[Member], str | None],
    uncounted: Sequence[Uncounted] = (),
) -> dict[str, Any]:
    """Everything that ``agents.html``, ``outcome.html`` and ``campaigns.html`` name, beside the report itself.

    ``next_step`` says what brings a repository of a campaign further, None if that is not known.
    """
    differences = [one.difference for one in found.telling[:SHOWN]]
    return {
        "agents": work,
        "agents_said": _agents(work),
        "outcome": found,
        "outcome_said": {
            "few": few(found),
            "common": outcome.said(found),
            "others": outcome.said_of_others(found.others),
        },
        "reach": plots.reach([found.common, *differences]),
        "campaigns": running,
        "uncounted": uncounted,
        "campaign_said": campaigns.said,
        "next_step": next_step,
        "shown": SHOWN,
        "listed": LISTED,
        "points": outcome.points,
        "interval": outcome.interval,
        "whisker": plots.whisker,
        "burn_down": plots.burn_down,
        "ended": plots.ended,
        "success": plots.success,
        "most": plots.most,
        "titled": lambda text: Markup("<bdi class=title>{}</bdi>").format(clean(text)),
    }


def few(found: Outcome) -> str:
    """Why nothing is said of the outcome."""
    runs, many = found.runs, counted(len(found.became), "repository", "repositories")
    return (
        f"Too few runs are known to tell: {runs.before:,} before and {runs.after:,} after {many} became ready."
        f" {outcome.ENOUGH} are needed on each side."
    )


def unsure(work: Agents) -> str:
    """How many pull requests were first seen in the period, and may have been opened or merged before."""
    now = work.pull_requests[0]
    said = [
        f"{count:,} {plural(count, 'was', 'were')} first seen {state} in this {work.unit}, and may have been {before}"
        for count, state, before in (
            (now.opened_unsure, "open", "opened earlier"),
            (now.merged_unsure, "merged", "merged earlier"),
        )
        if count
    ]
    return f"Beside these, {'; '.join(said)}." if said else ""


def together(work: Agents) -> str:
    """Which of the two comparisons is which: the change is from the median, and whether it is clear from all runs."""
    if work.clear is None:
        return ""
    difference = f"{outcome.points(work.clear.value)} ({outcome.interval(work.clear)} with 95% confidence)"
    before = work.periods[1:]
    if len(before) == 1:
        return f"Against the {work.unit} before, that is {difference}."
    ended, completed = sum(one.ended for one in before), sum(one.completed for one in before)
    return (
        f"The change is from the median of the {len(before)} {work.unit}s before, {percent(work.usual.success)}."
        f" Whether it may be chance is judged by all of their {ended:,} runs together, of which"
        f" {percent(completed / ended)} succeeded: {difference}."
    )


def _agents(work: Agents) -> dict[str, Any]:
    before = work.pull_requests[1:]
    return {
        "success": agents_sentences.success(work),
        "unit": work.unit,
        "together": together(work),
        "opened": median(one.opened for one in before) if before else None,
        "merged": median(one.merged for one in before) if before else None,
        "unsure": unsure(work),
    }
