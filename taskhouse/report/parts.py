"""What the templates of the agents' half take: values, sentences and pictures."""

from collections.abc import Callable
from statistics import median
from typing import Any

from markupsafe import Markup

from taskhouse.pages.formatting import clean
from taskhouse.plural import counted, plural
from taskhouse.report import agents_sentences, campaigns, outcome, plots
from taskhouse.report.agents import SHOWN, Agents
from taskhouse.report.campaigns import Member, Progress
from taskhouse.report.outcome import Outcome

LISTED = 100
"""How many repositories that a campaign waits for are named."""


def context(
    work: Agents, found: Outcome, running: list[Progress], next_step: Callable[[Member], str | None]
) -> dict[str, Any]:
    """Everything that ``agents.html``, ``outcome.html`` and ``campaigns.html`` name, beside the report itself.

    ``next_step`` says what brings a repository of a campaign further, None if that is not known.
    """
    told = [one.difference for one in found.telling[:SHOWN]]
    return {
        "agents": work,
        "agents_said": _agents(work),
        "outcome": found,
        "outcome_said": {
            "few": few(found),
            "common": outcome.said(found),
            "others": outcome.said_of_others(found.others),
        },
        "reach": plots.reach([found.common, *told]),
        "campaigns": running,
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


def _agents(work: Agents) -> dict[str, Any]:
    before = work.pull_requests[1:]
    return {
        "success": agents_sentences.success(work),
        "unit": work.unit,
        "before": f"{counted(len(before), work.unit)} before" + (" together" if len(before) > 1 else ""),
        "opened": median(one.opened for one in before) if before else None,
        "merged": median(one.merged for one in before) if before else None,
        "unsure": unsure(work),
    }
