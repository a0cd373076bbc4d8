"""A run as one HTML file: no script runs, nothing is fetched, and every text of an agent is inert."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jinja2
from markupsafe import Markup, escape

from taskhouse.pages import formatting, links, templating
from taskhouse.plural import counted
from taskhouse.run_page import charts, compare, fit, prose, texts
from taskhouse.run_page.model import Attempt, Call, Fold, Gap, Message, Note, Question, Row, Run, Step, flat

LARGE = 2_000_000
"""Bytes that a page does not exceed."""

STEP, TEXT = 230, 70
"""Bytes that a step takes without its texts, and a text without its words, about."""

MOST_STEPS = 3000
"""How many steps a page shows at most; of a larger run, some are left out."""

MOST_TEXT = 40_000
"""Characters of one text that a page shows."""

MOST_PROSE = 300_000
"""Characters of messages up to which they are read as Markdown, which takes about a second for each million."""

NAMED = 12
"""Errors, questions, gaps and files that are named at the top."""

SHORT = 600
"""Characters of output up to which a tool call is open."""

TALL = 14
"""Lines of output up to which a tool call is open."""


def page(run: Run, home: str | None = None) -> str:
    """The whole document, of at most ``LARGE`` bytes. ``home`` is the first page of the site that it is part of."""
    steps, share = MOST_STEPS, 0.93
    while True:
        shown = replace(run, steps=fit.thinned(run.steps, steps))
        made = _drawn(shown, _lengths(shown, int(LARGE * share)), home)
        if len(made.encode()) <= LARGE or steps < fit.BLOCK:
            return made
        steps, share = steps * 2 // 3, share * 0.8


def _lengths(run: Run, room: int) -> tuple[int, int]:
    """How long messages, and all other texts, may be on a page of this size: messages come first."""
    shown = [step for step in run.steps if not (isinstance(step, Fold) and step.left_out)]
    said = [_weight(step.text) for step in shown if isinstance(step, Message)]
    other = [_weight(text) for step in shown if not isinstance(step, Message) for text in step.texts() if text]
    room = max(room - STEP * len(shown) - TEXT * len(other), room // 4)
    words = fit.length(said, room * 2 // 3, MOST_TEXT)
    room -= sum(min(size, words) for size in said)
    return words, fit.length(other, room, MOST_TEXT)


def _drawn(run: Run, lengths: tuple[int, int], home: str | None) -> str:
    shown = [step for step in run.steps if not (isinstance(step, Fold) and step.left_out)]
    for number, step in enumerate(flat(shown), start=1):
        step.number = number
    words, length = lengths
    said = sum(min(len(step.text), words) for step in shown if isinstance(step, Message))
    reads = prose.markdown if said <= MOST_PROSE else prose.plain
    return (
        _environment()
        .get_template("run.html")
        .render(
            run=run,
            home=home,
            row=run.row,
            row_id=run.row["run_id"].replace("'", "''"),
            facts=facts(run),
            course=charts.course(run),
            index=_index(run, shown),
            large=len(shown) > 400,  # noqa: PLR2004 - as many as a browser lays out at once without a pause
            excerpt=functools.partial(_excerpt, length),
            prose=functools.partial(_prose, reads, words),
            diff=functools.partial(_diff, length),
            clock=functools.partial(_clock, _begins(run.steps)),
            is_open=_is_open,
            left_out=sum(len(step.steps) for step in run.steps if isinstance(step, Fold) and step.left_out),
        )
    )


def comparison(left: Run, right: Run) -> str:
    """The document that shows two runs side by side."""
    found = compare.compare(left, right)
    holes = [
        f"{counted(count, 'gap')} in run {letter}"
        for letter, run in (("A", left), ("B", right))
        if (count := sum(not gap.repaired for gap in run.of(Gap)))
    ]
    return (
        _environment()
        .get_template("compare.html")
        .render(
            left=left,
            right=right,
            comparison=found,
            gaps=", ".join(holes),
            most=compare.MOST,
            tone=lambda run: TONES.get(run.row["status"], ""),
            clock=functools.partial(_clock, _begins(left.steps) | _begins(right.steps)),
        )
    )


TONES = {"completed": "ok", "failed": "no", "cancelled": "no"}


def facts(run: Run) -> dict[str, Any]:
    """What the head of a page says, in words and figures."""
    row = run.row
    calls, said = run.of(Call), run.of(Message)
    failed = sum(call.failed for call in calls)
    return {
        "status": (row["status"] or "unknown").replace("_", " "),
        "tone": TONES.get(row["status"], ""),
        "calls": len(calls),
        "failed": failed,
        "tools": Counter(call.tool for call in calls).most_common(6),
        "messages": sum(one.role == "agent" for one in said),
        "asked": sum(one.role == "user" for one in said),
        "took": ", ".join(_took(row)),
        "posthog": links.task(row["host"], row["project_id"], row["task_id"], row["run_id"]),
        "repository": links.repository(row["repository"]),
        "pulls": [
            (url, links.safe(url)) for url in sorted(row["pr_urls"], key=lambda url: (url != row["pr_url"], url))
        ],
        "files": _files(calls),
        "cost": COSTS.get(run.totals["cost_state"], ""),
    }


def _took(row: Row) -> Iterator[str]:
    """What else is known of how long a run took."""
    if row["active_s"] is not None:
        yield f"{formatting.span(row['active_s'])} with an agent"
    if row["attempts"] and row["attempts"] > 1:
        yield f"{row['attempts']} attempts"


COSTS: dict[str | None, str] = {
    "not_cumulative": "no sum: the reported values are no running totals",
    "other_currency": "no sum: not all of it is in US dollars",
    "not_reported": "not reported by the agent",
}


def _files(calls: Sequence[Call]) -> list[tuple[str, int, int, int]]:
    """Files that were changed: path, lines added and removed, and the number of the first step that did."""
    found: dict[str, tuple[int, int, int]] = {}
    for call in calls:
        for diff in call.diffs:
            added, removed, first = found.get(diff.path, (0, 0, call.number))
            found[diff.path] = (added + diff.added, removed + diff.removed, first)
    return [(path, *figures) for path, figures in found.items()]


def _index(run: Run, shown: Sequence[Step]) -> dict[str, Any]:
    """Where to look first: questions, gaps, and errors, each message once."""
    there = list(flat(shown))
    errors = {
        (one.text or one.label) if isinstance(one, Note) else one.number: one
        for one in reversed(there)
        if (isinstance(one, Note) and one.tone == "bad") or (isinstance(one, Call) and one.failed)
    }
    return {
        "errors": [*reversed(errors.values())],
        "questions": [one for one in there if isinstance(one, Question)],
        "gaps": [one for one in there if isinstance(one, Gap)],
        "attempts": [one for one in there if isinstance(one, Attempt)],
        "open_gaps": sum(not one.repaired for one in run.of(Gap)),
    }


def _weight(text: str) -> int:
    """About how many characters a text takes once it is escaped."""
    return len(text) + 4 * (text.count("<") + text.count("&") + text.count(">") + text.count('"'))


def _excerpt(length: int, text: str) -> Markup:
    """A text of several lines, cut to a maximum."""
    return _cut(texts.cut(texts.lines(text).rstrip(), length), escape)


def _prose(reads: Callable[[str], Markup], length: int, text: str) -> Markup:
    return _cut(texts.cut(text.strip(), length), reads)


def _cut(part: texts.Excerpt, shown: Callable[[str], Markup]) -> Markup:
    if not part.left_out:
        return shown(part.head)
    notice = Markup("<span class=cut>{:,} characters are left out here</span>").format(part.left_out)
    return shown(part.head) + notice + shown(part.tail)


def _diff(length: int, text: str) -> Markup:
    """Unified lines; neighbours of one kind share an element."""
    part = texts.cut(texts.lines(text), length)
    notice = Markup("<span class=cut>{:,} characters are left out here</span>").format(part.left_out)
    return _coloured(part.head) + (notice + _coloured(part.tail) if part.left_out else Markup())


def _coloured(text: str) -> Markup:
    made, block, sign = [], list[str](), ""
    for line in [*text.split("\n"), None]:
        kind = "" if line is None else {"+": "ins", "-": "del", "@": "i"}.get(line[:1], "")
        if line is None or (kind != sign and block):
            inside = escape("\n".join(block))
            made.append(Markup(f"<{sign}>{{}}</{sign}>").format(inside) if sign else inside)  # noqa: S704 - our own names
            block = []
        sign = kind
        if line is not None:
            block.append(line)
    return Markup().join(made)


def _begins(steps: Sequence[Step]) -> dict[int, int]:
    """For each step that has a time, when its attempt began, or else the run: by the id of the step."""
    begins: dict[int, int] = {}
    begin = None
    for shown in steps:
        for step in (shown, *(shown.steps if isinstance(shown, Fold) else ())):
            if step.at is not None:
                begin = step.at if begin is None or isinstance(step, Attempt) else begin
                begins[id(step)] = begin
    return begins


def _clock(begins: Mapping[int, int], step: Step) -> Markup:
    """The time since the attempt began, and the moment itself for programs."""
    at, begin = step.at, begins.get(id(step))
    if begin is None or at is None:
        return Markup()
    seconds = max(at - begin, 0) // 1000
    hours, rest = divmod(seconds, 3600)
    shown = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return Markup('<time datetime="{:%Y-%m-%dT%H:%M:%SZ}">{}</time>').format(moment, shown)


def _is_open(call: Call) -> bool:
    """Whether a tool call shows what it did at once: short ones that failed, and short changes of files."""
    long = sum(len(text) for text in call.texts())
    tall = sum(text.count("\n") + 1 for text in call.texts() if text)
    return (call.failed or bool(call.diffs)) and long <= SHORT and tall <= TALL


def summary(steps: Sequence[Step]) -> str:
    """What some steps are, in words: 12 tool calls (8 Bash, 4 Read), 3 messages."""
    calls = Counter(texts.line(step.tool, 30) for step in steps if isinstance(step, Call))
    said = sum(isinstance(step, Message) for step in steps)
    other = len(steps) - calls.total() - said
    parts = []
    if calls:
        named = ", ".join(f"{count} {tool}" for tool, count in calls.most_common(4))
        parts.append(f"{counted(calls.total(), 'tool call')} ({named}{', …' if len(calls) > 4 else ''})")  # noqa: PLR2004
    parts += [counted(number, word) for number, word in ((said, "message"), (other, "other event")) if number]
    return ", ".join(parts)


def _labels(steps: Sequence[Step]) -> Iterator[str]:
    """What quiet events are, each once."""
    return iter(dict.fromkeys(texts.line(step.label, 40) for step in steps if isinstance(step, Note)))


def _short_count(count: int) -> str:
    """A large number in three digits: 1,234 is 1.2 k, and 669,156 is 669 k."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count / size < 999.5 else f"{count / size:.0f} {unit}"  # noqa: PLR2004
    return str(count)


@functools.cache
def _environment() -> jinja2.Environment:
    made = templating.environment("taskhouse.run_page")
    made.filters.update(
        line=texts.line,
        lines=texts.lines,
        size=texts.size,
        summary=summary,
        labels=lambda steps: ", ".join(_labels(steps)),
        counted=counted,
        kind=lambda step: type(step).__name__.lower(),
        is_mark=lambda text: texts.MARK.fullmatch(text) is not None,
        short_path=texts.short_path,
        named=lambda call: texts.short_path(call.title if call.title not in ("", call.tool) else call.preview),
        safe_link=links.safe,
        as_short_count=_short_count,
    )
    made.globals.update(named=NAMED, length_of=len)
    return made
