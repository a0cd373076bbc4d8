"""Takes the digest out of a report."""

from collections import Counter
from collections.abc import Iterator

from taskhouse.digest.model import MOST, Digest, Line
from taskhouse.reading import Snapshot
from taskhouse.report import Options, findings, gathered, said
from taskhouse.report.directory import Directory
from taskhouse.report.model import Nothing, Report
from taskhouse.report.sentences import alarms, period
from taskhouse.report.summary import Tone

GROUPS = 5
"""Groups of repositories with one cause that have a line."""

ANCHORS = {"ready": "movers", "slipped": "slipped", "up": "movers"}
VERBS: dict[str, tuple[str, Tone]] = {
    "ready": ("Became ready", "good"),
    "slipped": ("Slipped", "bad"),
    "up": ("Came nearer to ready", "good"),
}


def gather(
    snapshot: Snapshot, options: Options | None = None, directory: Directory | None = None, link: str | None = None
) -> Digest | Nothing:
    """What happened in the days of a report, or why there is nothing to say.

    Something happened if a repository moved, a run ended, or one got stuck.

    Args:
        snapshot: What is read.
        options: What it is about; the last week that is over by default.
        directory: Names of projects, owners of repositories, and campaigns.
        link: Where the report is on the web.

    Raises:
        ConfigurationError: As for a report.
    """
    with gathered(snapshot, options, directory) as report:
        return of(report, link)


def of(report: Report | Nothing, link: str | None = None) -> Digest | Nothing:
    """The digest of a report that was gathered already."""
    if isinstance(report, Nothing):
        return report
    if not (report.groups or report.agents.work.ended or report.agents.new):
        quiet = f"No repository moved, no run ended and none got stuck in {period(report.period)}."
        return Nothing("Nothing happened", quiet, "")
    top = [Line(one.text, one.anchor, one.tone) for one in said.of(report)]
    missing = [Line(f"Missing: {sentence}", "coverage", "bad") for sentence in alarms(report)[:1]]
    room = MOST - len(top) - len(missing)
    return Digest(
        f"Agents and readiness, {period(report.period)}", (*top, *list(_groups(report))[:room], *missing), link
    )


def _groups(report: Report) -> Iterator[Line]:
    """Movers with one cause, where the sentence about them names only the first of several causes."""
    ways = Counter(group.way for group in report.groups)
    for group in [one for one in report.groups if ways[one.way] > 1 or one.way == "up"][:GROUPS]:
        verb, tone = VERBS[group.way]
        why = findings.because(group)
        text = f"{verb}: {findings.names(group.movers)}{f', {why}' if why else ''}"
        yield Line(findings.ended(text), ANCHORS[group.way], tone)
