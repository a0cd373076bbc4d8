"""The numbers below the sentences, each with how it compares."""

from dataclasses import dataclass
from statistics import median

from taskhouse.pages import formatting
from taskhouse.pages.formatting import number, percent, short, signed
from taskhouse.plural import counted
from taskhouse.report.model import Report
from taskhouse.report.sentences import against
from taskhouse.report.summary import Tone

UP, DOWN = "\u25b2", "\u25bc"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        of: What it is a part of.
        change: How it compares; empty if there is nothing to compare with.
        tone: Whether that is good.
    """

    name: str
    value: str
    of: str
    change: str = ""
    tone: Tone = "even"

    @property
    def arrow(self) -> str:
        """Which way it moved, as a sign beside the colour."""
        return {"good": UP, "bad": DOWN, "even": ""}[self.tone]


def figures(report: Report) -> list[Figure]:
    """Readiness, then runs."""
    return [*(_readiness(report) if report.known else []), *_runs(report)]


def bridge(report: Report) -> str:
    """How the number of ready repositories came about, as one sum."""
    made = report.bridge
    if report.base == report.period.until:
        return f"{made.after:,} ready on {short(report.base)}"
    parts = [(made.got_ready, "became ready"), (-made.lost, "slipped from ready")]
    parts += [(made.came, "new and ready"), (-made.went, "gone")]
    said = [f"{made.before:,} ready on {short(report.base)}"]
    said += [f"{signed(value)} {name}" for value, name in parts if value]
    return f"{', '.join(said)}: {made.after:,} on {short(report.period.until)}"


def _readiness(report: Report) -> list[Figure]:
    known, ready = len(report.known), report.ready
    usual = report.usual.share if report.usual else None
    change = f"{against(report)} {percent(usual)}" if usual is not None else ""
    among = counted(known, "repository", "repositories")
    return [Figure("Ready", f"{ready:,}", f"of {among}, {percent(ready / known)}", change)]


def _runs(report: Report) -> list[Figure]:
    found = report.agents
    work, usual = found.work, found.usual
    if not work.ended:
        return []
    is_clear = found.clear is not None and found.clear.is_clear
    tone = _tone(found.change) if is_clear and found.change else "even"
    said = f"{against(report)} {percent(usual.success)}" if usual.success is not None else ""
    slow = f"{against(report)} {formatting.span(usual.p50_s)}" if usual.p50_s is not None else ""
    longer = f"90th percentile {formatting.span(work.p90_s)}"
    return [
        Figure("Agent runs that succeed", percent(work.success), f"of {work.ended:,} that ended", said, tone),
        Figure("Median run", formatting.span(work.p50_s), longer, slow),
        _merged(report),
    ]


def _merged(report: Report) -> Figure:
    now, *before = report.agents.pull_requests
    usual = f"{against(report)} {number(median(one.merged for one in before))}" if before else ""
    return Figure("Pull requests merged", f"{now.merged:,}", f"{now.opened:,} opened", usual)


def _tone(change: float) -> Tone:
    return "good" if change > 0 else "bad" if change < 0 else "even"
