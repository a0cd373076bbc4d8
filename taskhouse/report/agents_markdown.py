"""The agents' half, the outcome and the campaigns in Markdown, short enough for a chat."""

from collections.abc import Iterator, Sequence

from taskhouse.pages.formatting import NEVER, brief, percent, signed, span, usd
from taskhouse.pages.markdown import escaped, table
from taskhouse.report import agents_sentences, campaigns, outcome, parts
from taskhouse.report.agents import Agents
from taskhouse.report.campaigns import Progress, Uncounted
from taskhouse.report.outcome import Outcome

SHOWN = 5
"""How many models, failures and repositories are named."""


def sections(work: Agents, found: Outcome, running: list[Progress], uncounted: Sequence[Uncounted] = ()) -> list[str]:
    """Paragraphs and tables, each of them Markdown."""
    return [*_agents(work), *_outcome(found), *_campaigns(running, uncounted)]


def _agents(work: Agents) -> Iterator[str]:
    yield "## Agents"
    if not work.work.ended:
        yield "No run ended in this period."
        return
    yield escaped(agents_sentences.success(work))
    rows = [("All", work.work, work.usual, work.change)] + [
        (escaped(brief(one.name or "model not known")), one.work, one.usual, one.part) for one in work.models[:SHOWN]
    ]
    yield table(
        ("Model", "Runs", "Succeed", "Usually", "Part of the change", "Median", "Cost of a run"),
        [
            (
                name,
                f"{one.ended:,}",
                percent(one.success),
                percent(usual.success),
                NEVER if part is None else signed(part, digits=1),
                span(one.p50_s),
                usd(one.run_usd),
            )
            for name, one, usual, part in rows
        ],
    )
    if work.failures:
        yield table(
            ("Failure", "Time lost", "Runs", "Newest run"),
            [
                (
                    escaped(one.fingerprint or agents_sentences.NO_MESSAGE),
                    NEVER if one.hours is None else span(3600 * one.hours),
                    f"{one.failures:,}",
                    escaped(one.run_id),
                )
                for one in work.failures[:SHOWN]
            ],
        )
    if work.pull_requests[0].merged:
        yield escaped(" ".join([agents_sentences.merged(work), parts.unsure(work)]).strip())


def _outcome(found: Outcome) -> Iterator[str]:
    if found.became:
        yield "## Success before and after ready"
        said = [outcome.said(found), outcome.said_of_others(found.others)] if found.common else [parts.few(found)]
        yield escaped(" ".join(said))


def _campaigns(running: list[Progress], uncounted: Sequence[Uncounted]) -> Iterator[str]:
    if running or uncounted:
        yield "## Campaigns"
        said = [(one.name, campaigns.said(one)) for one in running] + [(one.name, one.why) for one in uncounted]
        yield "\n".join(f"- **{escaped(name)}** {escaped(sentence)}" for name, sentence in said)
