"""What a report says first: of the sentences of all its parts, those that weigh most."""

from taskhouse.report import agents_sentences, campaigns, findings, outcome
from taskhouse.report.model import Report
from taskhouse.report.summary import Sentence, pick


def of(report: Report) -> list[Sentence]:
    """At most five sentences."""
    return pick(
        [
            *findings.sentences(report),
            *agents_sentences.sentences(report.agents),
            *outcome.sentences(report.outcome),
            *campaigns.sentences(report.campaigns),
            *findings.next_step(report),
        ]
    )
