"""The course of a run in lanes, and its tokens and cost over time, as SVG paths. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from taskhouse.pages import formatting
from taskhouse.plural import counted
from taskhouse.run_page.axis import WIDTH, Axis
from taskhouse.run_page.model import Attempt, Call, Gap, Message, Question, Run, Step, flat

HEIGHT = 40
"""Of a curve."""


class Lane(NamedTuple):
    """One line of the course: what it shows, in words and as paths, each with its class."""

    name: str
    said: str
    paths: Sequence[tuple[str, str]]


class Curve(NamedTuple):
    """A value over time: its name, its last and highest value in words, and its path."""

    name: str
    value: str
    said: str
    path: str


class Course(NamedTuple):
    """All charts of a run."""

    lanes: Sequence[Lane]
    curves: Sequence[Curve]
    pauses: Sequence[float]
    marks: Sequence[tuple[str, str]]
    """Vertical lines through all charts: attempts and gaps."""


def course(run: Run) -> Course | None:
    """The charts; None if nothing has a time."""
    steps = list(flat(run.steps))
    moments = [step.at for step in steps if step.at is not None]
    moments += [_end(step) for step in steps if isinstance(step, Call) and step.at is not None]
    moments += [row["at"] for row in run.usage if row["at"] is not None]
    if len(set(moments)) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    axis = Axis(moments)
    calls = [step for step in steps if isinstance(step, Call)]
    asked = [step for step in steps if isinstance(step, Question)]
    said = [step for step in steps if isinstance(step, Message)]
    failed = sum(call.failed for call in calls)
    waits = sum(question.wait_s or 0 for question in asked)
    lanes = [
        Lane(
            "Messages",
            counted(len(said), "message"),
            [
                ("u", _ticks(axis, (one for one in said if one.role == "user"))),
                ("a", _ticks(axis, (one for one in said if one.role != "user"))),
            ],
        ),
        Lane(
            "Tools",
            f"{counted(len(calls), 'tool call')}, {failed:,} failed",
            [
                ("c", _bars(axis, (call for call in calls if not call.failed))),
                ("f", _bars(axis, (call for call in calls if call.failed))),
            ],
        ),
    ]
    if asked:
        caption = f"{counted(len(asked), 'permission question')}; the answers took {formatting.span(waits)}"
        lanes.append(Lane("Questions", caption, [("q", _bars(axis, asked))]))
    return Course(lanes, _curves(run, axis), [place for place, _ in axis.pauses], _marks(steps, axis))


def _end(step: Step) -> int:
    seconds = step.call["duration_s"] if isinstance(step, Call) else getattr(step, "wait_s", None)
    return (step.at or 0) + int(1000 * (seconds or 0))


def _ticks(axis: Axis, steps: Iterable[Step]) -> str:
    places = sorted({round(axis.place(step.at)) for step in steps if step.at is not None})
    return "".join(f"M{place} 3v12" for place in places)


def _bars(axis: Axis, steps: Iterable[Step]) -> str:
    bars = {
        (round(begin := axis.place(step.at)), max(round(axis.place(_end(step)) - begin), 2))
        for step in steps
        if step.at is not None
    }
    return "".join(f"M{place} 9h{width}" for place, width in sorted(bars))


def _marks(steps: Sequence[Step], axis: Axis) -> list[tuple[str, str]]:
    """Where attempts begin and gaps are: a gap has no time, so it is where the step before it is."""
    attempts, gaps, last = "", "", None
    for step in steps:
        if isinstance(step, Attempt) and step.at is not None and step.row["attempt"] > 1:
            attempts += f"M{axis.place(step.at):.0f} 0V100"
        if isinstance(step, Gap) and not step.repaired and last is not None:
            gaps += f"M{axis.place(last):.0f} 0V100"
        last = step.at if step.at is not None else last
    return [(name, path) for name, path in (("at", attempts), ("gp", gaps)) if path]


def _curves(run: Run, axis: Axis) -> list[Curve]:
    spent = [row for row in run.usage if row["measure"] == "spend"] or [
        row for row in run.usage if row["measure"] == "turn"
    ]
    tokens, total = [], 0
    for row in spent:
        total += row["total_tokens"] or 0
        tokens.append((row["at"], float(total)))
    curves = [_curve("Tokens", axis, tokens, lambda value: f"{value:,.0f}")]
    curves.append(_curve("Cost", axis, _costs(run), lambda value: f"${value:,.2f}"))
    used = [(row["at"], float(row["context_used"])) for row in run.usage if row["context_used"] is not None]
    curves.append(_curve("Context", axis, used, lambda value: f"{value:,.0f} tokens"))
    return [curve for curve in curves if curve is not None]


def _costs(run: Run) -> list[tuple[int | None, float]]:
    """The cost so far: the last value of each session, added up, as ``run_usage`` does it."""
    if run.totals["cost_state"] != "summed":
        return []
    sessions: dict[str | None, float] = {}
    found = []
    for row in run.usage:
        if row["measure"] == "spend" and row["cost"] is not None:
            sessions[row["session_id"]] = row["cost"]
            found.append((row["at"], sum(sessions.values())))
    return found


def _curve(name: str, axis: Axis, points: Sequence[tuple[int | None, float]], words: object) -> Curve | None:
    known = [(axis.place(at), value) for at, value in points if at is not None]
    top = max((value for _, value in known), default=0)
    if top <= 0 or not callable(words):
        return None
    path = f"M0 {HEIGHT}" if name != "Context" else f"M{known[0][0]:.0f} {HEIGHT}"
    for place, value in known:
        path += f"H{place:.0f}V{HEIGHT - value / top * (HEIGHT - 4):.1f}"
    path += f"H{WIDTH}"
    last, most = words(known[-1][1]), words(top)
    said = f"{last} at the end" if last == most else f"{last} at the end, {most} at most"
    return Curve(name, most, said, path)
