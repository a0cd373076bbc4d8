"""Two runs side by side: which steps they share, where they part, and their figures. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from taskhouse.pages import formatting
from taskhouse.run_page import texts
from taskhouse.run_page.model import Attempt, Call, Message, Note, Question, Run, Step, flat

SAID = ("agent",)
"""What stands for any words of an agent."""

MOST = 1500
"""Steps of a run that are compared: a comparison of long runs takes time by the square."""

_IDS = re.compile(r"\b[0-9a-f]{7,}\b|\d+")
_RESUMED = re.compile(r"^You are resuming a previous conversation\.[^\n]*\n")
"""What PostHog puts before the prompt of a run that continues another."""


class Stretch(NamedTuple):
    """Steps of both runs that follow each other: as many and alike, or other ones."""

    alike: bool
    left: Sequence[Step]
    right: Sequence[Step]


class Figure(NamedTuple):
    """One line of the table: a name, both values, and the difference in words if there is one."""

    name: str
    left: str
    right: str
    change: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two runs.

    Attributes:
        left: The first.
        right: The other.
        figures: What can be compared in figures.
        stretches: Their steps in order, aligned.
        shared: Steps that both take before they part; None if they never part.
        parted: The first step of each that the other one does not take there; None if a run has no more.
        files: Files that both changed, that only the first changed, and that only the other changed.
        cut: Whether one has more steps than are compared.
    """

    left: Run
    right: Run
    figures: Sequence[Figure]
    stretches: Sequence[Stretch]
    shared: int | None
    parted: tuple[Step | None, Step | None]
    files: tuple[Sequence[str], Sequence[str], Sequence[str]]
    cut: bool


def compare(left: Run, right: Run) -> Comparison:
    """Align two runs by their tool calls and by what users said.

    Messages of agents are never worded alike, so any message stands for any other.
    """
    one, other = steps_of(left), steps_of(right)
    aligned = SequenceMatcher(
        None, [key(step) for step in one[:MOST]], [key(step) for step in other[:MOST]], autojunk=False
    )
    stretches = _joined(
        Stretch(tag == "equal", one[first:last], other[begin:end])
        for tag, first, last, begin, end in aligned.get_opcodes()
    )
    parts = next((stretch for stretch in stretches if not stretch.alike), None)
    shared = None
    if parts is not None:
        shared = len(stretches[0].left) if stretches[0].alike else 0
    changed, others = paths(left), paths(right)
    return Comparison(
        left,
        right,
        figures(left, right),
        stretches,
        shared,
        (next(iter(parts.left), None), next(iter(parts.right), None)) if parts else (None, None),
        (
            [path for path in changed if path in others],
            [path for path in changed if path not in others],
            [path for path in others if path not in changed],
        ),
        cut=max(len(one), len(other)) > MOST,
    )


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Later stretches that share nothing but words of the agent are none: they belong to what differs around them."""
    found: list[Stretch] = []
    for stretch in stretches:
        if stretch.alike and found and all(key(step) == SAID for step in stretch.left):
            stretch = stretch._replace(alike=False)  # noqa: PLW2901 - it is seen differently from here on
        if found and not stretch.alike and not found[-1].alike:
            before = found.pop()
            stretch = Stretch(False, [*before.left, *stretch.left], [*before.right, *stretch.right])  # noqa: PLW2901, FBT003 - the same
        found.append(stretch)
    return found


def steps_of(run: Run) -> list[Step]:
    """The steps by which runs are compared: no thoughts, no plans, no events of the set-up."""
    return [
        step
        for step in flat(run.steps)
        if isinstance(step, Call | Question)
        or (isinstance(step, Attempt) and step.row["attempt"] > 1)
        or (isinstance(step, Message) and step.role != "thought")
        or (isinstance(step, Note) and step.matters)
    ]


def key(step: Step) -> tuple[str, ...]:
    """What makes two steps the same: not their numbers, ids, and the folder of the repository."""
    match step:
        case Call():
            title = step.title if step.title not in ("", step.tool) else step.preview
            return ("call", step.tool, _plain(title))
        case Message(role="user"):
            return ("user", _plain(_RESUMED.sub("", step.text)))
        case Message():
            return SAID
        case Note():
            return ("note", step.label, _plain(step.text))
        case Question():
            return ("question", _plain(step.title))
        case _:
            return (type(step).__name__,)


def paths(run: Run) -> list[str]:
    """Files that a run changed, each once, without the folder of the repository."""
    found = (texts.FOLDER.sub("", diff.path) for step in run.of(Call) for diff in step.diffs)
    return list(dict.fromkeys(found))


def _plain(text: str) -> str:
    return _IDS.sub("#", texts.FOLDER.sub("", texts.line(text, 300))).lower()


def figures(left: Run, right: Run) -> list[Figure]:
    """The table of figures."""
    runs = (left, right)
    said = [Counter(one.role for one in run.of(Message)) for run in runs]
    calls = [run.of(Call) for run in runs]
    found = [
        _words("Outcome", *(str(run.row["status"] or "unknown").replace("_", " ") for run in runs)),
        _words("Model", *(_model(run) for run in runs)),
        _time("Took", *(run.row["duration_s"] for run in runs)),
        _time("With an agent", *(run.row["active_s"] for run in runs)),
        _count("Attempts", *(run.row["attempts"] for run in runs)),
        _count("Tool calls", *(len(each) for each in calls)),
        _count("of them failed", *(sum(call.failed for call in each) for each in calls)),
        _count("Messages of the agent", *(each["agent"] for each in said)),
        _count("Messages of users", *(each["user"] for each in said)),
        _count("Permission questions", *(len(run.of(Question)) for run in runs)),
        _count("Files changed", *(len(paths(run)) for run in runs)),
        _count("Tokens", *(run.totals["tokens"] for run in runs)),
        _count("Output tokens", *(run.totals["output_tokens"] for run in runs)),
        _cost(*(run.totals["cost_usd"] for run in runs)),
    ]
    tools = [Counter(texts.line(call.tool, 40) for call in each) for each in calls]
    for tool, _ in (tools[0] + tools[1]).most_common(6):
        found.append(_count(f"Calls of {tool}", tools[0][tool], tools[1][tool]))
    return found


def _model(run: Run) -> str:
    row = run.row
    return ", ".join(
        texts.line(one, 60) for one in (row["model"], row["reasoning_effort"], row["runtime_adapter"]) if one
    )


def _words(name: str, left: str, right: str) -> Figure:
    return Figure(name, left, right)


def _count(name: str, left: int | None, right: int | None) -> Figure:
    change = formatting.signed(right - left) if None not in (left, right) and left != right else ""  # type: ignore[operator]
    return Figure(name, _number(left), _number(right), change)


def _time(name: str, left: float | None, right: float | None) -> Figure:
    change = ""
    if left is not None and right is not None and round(left) != round(right):
        change = f"{'+' if right > left else formatting.MINUS}{formatting.span(abs(right - left))}"
    return Figure(name, formatting.span(left), formatting.span(right), change)


def _cost(left: float | None, right: float | None) -> Figure:
    change = ""
    if left is not None and right is not None and (more := round(round(right, 2) - round(left, 2), 2)):
        change = f"{'+' if more > 0 else formatting.MINUS}${abs(more):,.2f}"
    return Figure("Cost", _number(left, "$", 2), _number(right, "$", 2), change)


def _number(value: float | None, unit: str = "", digits: int = 0) -> str:
    return formatting.NEVER if value is None else f"{unit}{value:,.{digits}f}"
