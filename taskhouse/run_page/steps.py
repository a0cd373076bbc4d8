"""The steps of a run in order, from the rows of its queries. Pure."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from taskhouse.run_page import notes
from taskhouse.run_page.model import Attempt, Call, Fold, Gap, Message, Note, Question, Row, Step
from taskhouse.run_page.payloads import CallUpdates

LAST = 1 << 62
"""The place of what follows every event."""

TOLD_ELSEWHERE = frozenset({"_posthog/usage_update", "_posthog/rtk_savings"})
"""Events that a page shows in its charts alone."""


def steps(
    events: Sequence[Row],
    messages: Sequence[Row],
    calls: Sequence[Row],
    gaps: Sequence[Row],
    attempts: Sequence[Row],
    hidden: frozenset[int],
) -> list[Step]:
    """All steps in order.

    Args:
        events: Rows of ``events.sql``, and so on for the others.
        messages: The messages.
        calls: The tool calls.
        gaps: The gaps.
        attempts: The attempts.
        hidden: Places of events of which only the structure was kept.
    """
    spoken: list[Step] = [
        Message(
            row["ordinal"],
            row["at"],
            row["role"],
            "" if row["ordinal"] in hidden else row["text"],
            row["characters"],
            hidden=row["ordinal"] in hidden,
        )
        for row in messages
    ]
    said = frozenset(row["text"].strip() for row in messages if row["role"] == "user")
    done = list(_events(events, {row["tool_call_id"]: row for row in calls}, said))
    merged = list(heapq.merge(spoken, done, key=lambda step: step.ordinal))
    return list(_folded(_with_attempts(list(_with_gaps(merged, gaps)), attempts)))


def _events(events: Iterable[Row], calls: dict[str, Row], said: frozenset[str]) -> Iterator[Step]:
    """Steps of everything that is no message; a tool call stands where it first appeared."""
    updates: dict[str, CallUpdates] = defaultdict(CallUpdates)
    found: list[Step | Row] = []
    status: str | None = None
    for event in events:
        if event["tool_call_id"] in calls:
            if event["tool_call_id"] not in updates:
                found.append(event)
            updates[event["tool_call_id"]].add(event)
            if event["method"] != "_posthog/permission_request":
                continue
        if event["method"] in TOLD_ELSEWHERE or event["session_update"] == "usage_update":
            continue
        step = notes.step_of(event, before=status, said=said)
        if isinstance(step, Question) and step.call_id in calls:
            row = calls[step.call_id]
            step.decision, step.wait_s = row["permission_decision"], row["permission_wait_s"]
        if step is not None:
            status = step.status if isinstance(step, Note) and step.status else status
            found.append(step)
    for each in found:
        yield (
            each if isinstance(each, Step) else _call(calls[each["tool_call_id"]], updates[each["tool_call_id"]], each)
        )


def _call(row: Row, updates: CallUpdates, first: Row) -> Call:
    place = (first["ordinal"], first["at"])
    depth = 1 if row["parent_tool_call_id"] else 0
    if updates.hidden:
        kept = {**row, "title": None, "error_message": None, "paths": []}
        return Call(*place, kept, "", hidden=True, depth=depth)
    title = row["title"] or ""
    return Call(
        *place,
        row,
        title,
        updates.arguments(title),
        updates.output(),
        updates.diffs(),
        updates.enclosed(),
        unread=updates.unread,
        depth=depth,
    )


def _with_gaps(found: Sequence[Step], gaps: Sequence[Row]) -> Iterator[Step]:
    """Each gap right after the event that it follows; what is not known to follow any stands at the end."""
    holes = [
        Gap(
            LAST if row["after_ordinal"] is None else row["after_ordinal"],
            None,
            row["kind"],
            row["how"],
            certain=row["certain"],
            repaired=row["repaired"],
        )
        for row in gaps
    ]
    yield from heapq.merge(found, sorted(holes, key=lambda gap: gap.ordinal), key=lambda step: step.ordinal)


def _with_attempts(found: Sequence[Step], attempts: Sequence[Row]) -> Iterator[Step]:
    """The beginning of each attempt, if there are several: before the first event that is not older."""
    waiting = list(attempts) if len(attempts) > 1 else []
    for step in found:
        while waiting and step.at is not None and step.at >= _ms(waiting[0]["began_at"] or waiting[0]["started_at"]):
            yield Attempt(step.ordinal, _ms(waiting[0]["began_at"]) or None, waiting.pop(0))
        yield step
    for row in waiting:
        yield Attempt(LAST, _ms(row["began_at"]) or None, row)


def _ms(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp() * 1000)


def _folded(found: Iterable[Step]) -> Iterator[Step]:
    """Quiet notes that follow each other as one."""
    quiet: list[Step] = []
    for step in found:
        if isinstance(step, Note) and step.tone == "quiet":
            quiet.append(step)
            continue
        yield from _together(quiet)
        quiet = []
        yield step
    yield from _together(quiet)


def _together(quiet: list[Step]) -> Iterator[Step]:
    if len(quiet) > 1:
        yield Fold(quiet[0].ordinal, quiet[0].at, quiet)
    else:
        yield from quiet
