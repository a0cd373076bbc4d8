"""What the raw rows of a run show of its life, found as a person would: states, ends, signs of life and of work."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Sign = tuple[Any, ...]

OVER = {"completed", "failed", "cancelled"}
MINUTE = timedelta(minutes=1)


def of(rows: list[Row], **key: Any) -> list[Row]:
    return [row for row in rows if all(row.get(name) == value for name, value in key.items())]


def starts_of(rows: dict[str, list[Row]], **run: Any) -> list[Sign]:
    """Reports of the agent that it runs: when, shown by, seen in, learned when, and whether the server has the time.

    The agent's clock may be ahead; the id in the stream says when the server had the report by then.
    """
    found = []
    tables = {"stream": "raw.run_events", "log": "raw.run_log_entries"}
    reports = [
        (row["occurred_at"], source, row["received_at"], _streamed(row))
        for source, table in tables.items()
        for row in of(rows[table], **run)
        if row.get("method") == "_posthog/run_started" or row["kind"] == "pi_run_started"
    ]
    for moment, source, known_at, _ in reports:
        near = [one for one in reports if abs(one[0] - moment) <= timedelta(seconds=1) and one[3]]
        learned = [known_at, *(one[2] for one in near if source == "log")]
        found.append((min([moment, *(one[3] for one in near)]), "agent", source, max(learned), bool(near)))
    return found


def _streamed(row: Row) -> datetime | None:
    return None if row.get("stream_ms") is None else datetime.fromtimestamp(row["stream_ms"] / 1000, UTC)


def settled(starts: list[Sign], sources: list[list[Row]]) -> list[Sign]:
    """The same, where a report that only the log has is no life up to a minute after an end."""
    ends, found = _told(sources), []
    for start in starts:
        before = max((ended for ended in ends if ended <= start[0]), default=None)
        after_end = not start[4] and before is not None and start[0] <= before + MINUTE
        found.append((_in_ms(before), *start[1:]) if after_end else start)
    return found


def _in_ms(moment: Any) -> Any:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def states_of(rows: dict[str, list[Row]], starts: list[Sign], **run: Any) -> list[list[Row]]:
    """The states of a run, in the order of each source: versions, and states in its stream."""
    versions = [
        {**row, "source": "version", "at": row["valid_from"], "known_at": row["valid_from"], "place": 0}
        for row in of(rows["raw.run_versions"], **run)
    ]
    stream = []
    for row in of(rows["raw.run_events"], **run, kind="task_run_state"):
        document = json.loads(row["payload"])
        for name in ("updated_at", "completed_at"):
            document[name] = datetime.fromisoformat(document[name]) if document[name] else None
        moment = datetime.fromtimestamp(row["stream_ms"] / 1000, UTC)
        known_at = row["received_at"]
        document["pr_url"] = document["output"]["pr_url"]
        stream.append({**document, "source": "stream", "at": moment, "known_at": known_at, "place": row["stream_seq"]})
    versions, stream = [
        sorted(source, key=lambda state: (state["at"], state["place"])) for source in (versions, stream)
    ]
    return [versions, list(_in_time(stream, starts))]


def _in_time(stream: list[Row], starts: list[Sign]) -> Iterator[Row]:
    """The states without those that come after an end that they do not know of yet: unless an agent starts then."""
    for number, state in enumerate(stream):
        began = _starts_after_end(stream, number, starts)
        if began is None:
            yield state
        elif began:
            yield state | {"known_at": max(state["known_at"], min(began))}


def _starts_after_end(stream: list[Row], number: int, starts: list[Sign]) -> list[datetime] | None:
    """When it was learned of each agent that starts after an end that this state may not know of; None if it does."""
    state, before = stream[number], stream[:number]
    while before and before[-1]["status"] == "in_progress":
        before.pop()
    if state["status"] != "in_progress" or not before or before[-1]["status"] not in OVER:
        return None
    ended = max((one["completed_at"] for one in before if one["completed_at"]), default=None)
    old = ended and state["updated_at"] and state["updated_at"] <= ended
    over, after = before[-1]["at"], [one["at"] for one in stream[number + 1 :]]
    if not old and state["at"] > over + timedelta(minutes=1):
        return None
    return [start[3] for start in starts if over < start[0] and (not after or start[0] <= after[0])]


def _told(sources: list[list[Row]]) -> dict[datetime, list[Row]]:
    """Every time that is given for an end, and the states that give it."""
    evidence_by_end: dict[datetime, list[Row]] = {}
    for states in sources:
        for over, stretch in itertools.groupby(states, key=lambda state: state["status"] in OVER):
            if not over:
                continue
            sights = list(stretch)
            given = next((one for one in sights if one["completed_at"]), None)
            for one in sights:
                if one["completed_at"]:
                    evidence_by_end.setdefault(one["completed_at"], []).append(one | {"timed": True})
                elif given and given["completed_at"] <= one["at"] + MINUTE:
                    learned = max(one["known_at"], given["known_at"])
                    evidence_by_end.setdefault(given["completed_at"], []).append(
                        one | {"timed": True, "known_at": learned}
                    )
                else:
                    evidence_by_end.setdefault(sights[0]["at"], []).append(one | {"timed": False})
    return evidence_by_end


def ends_of(sources: list[list[Row]], life: list[Sign]) -> dict[datetime, Row]:
    """Every end of a run: its state, when it was learned, and from what."""
    found: dict[datetime, Row] = {}
    same_end: dict[datetime, list[Row]] = {}
    for ended, evidence in _told(sources).items():  # the same end may come in milliseconds and in microseconds
        same_end.setdefault(_in_ms(ended), []).extend({**one, "ended": ended} for one in evidence)
    for ended, evidence, settled in corrected(same_end, life):
        status = max(evidence, key=lambda one: (one["known_at"], one["source"], one["at"]))["status"]
        same = [one for one in evidence if one["status"] == status]
        seen = [one["known_at"] for one in same if one["source"] == "version"]
        told_first = min(same, key=lambda one: (one["known_at"], one["at"]))
        found[ended] = {
            "reported": {name: told_first.get(name) for name in ("pr_url", "error_message")},
            "status": status,
            "known_at": max([min(seen or [one["known_at"] for one in same]), *settled]),
            "end_known_at": max([min(one["known_at"] for one in evidence), *settled]),
            "sources": {one["source"] for one in evidence},
        }
    return found


def corrected(
    same_end: dict[datetime, list[Row]], life: list[Sign]
) -> Iterator[tuple[datetime, list[Row], list[datetime]]]:
    """Each end with its evidence, and when its time was learned, and that the next is another.

    Without life between them, ends within a minute are one, and an end without a time is the one before it.
    """
    ends: list[list[tuple[datetime, list[Row], bool]]] = []
    parted: list[list[datetime]] = []
    anchor = datetime.max.replace(tzinfo=UTC)
    ordered = sorted(same_end.items(), key=lambda end: end[0])
    for number, (ended, evidence) in enumerate(ordered):
        timed = any(one["timed"] for one in evidence)
        between: list[datetime] = []
        near = False
        if number:
            last, until = (max(one["ended"] for one in of_one) for of_one in (ordered[number - 1][1], evidence))
            between = [sign[3] for sign in life if last < sign[0] <= until]
            near = not timed or ended - anchor <= MINUTE
        if near and not between:
            ends[-1].append((ended, evidence, not timed))
            anchor = ended if timed else anchor
            continue
        anchor = ended
        ends.append([(ended, evidence, False)])
        parted.append([min(between)] if near else [min([*between, *(one["known_at"] for one in evidence)])])
    for number, group in enumerate(ends):
        learned = []
        if number + 1 < len(ends):
            after = ends[number + 1]
            near = not any(one["timed"] for one in after[0][1]) or after[0][0] - _anchor(group) <= MINUTE
            joined = [one["known_at"] for _, of_one, again in after if near or again for one in of_one]
            learned = [moment for moment in parted[number + 1] if joined and moment > min(joined)]
        given = [(one["at"], ended) for ended, evidence, _ in group for one in evidence if one["timed"]]
        stands = max(given)[1] if given else group[0][0]
        there = {ended: evidence for ended, evidence, _ in group}[stands]
        others = [moment for moment, ended in given if ended != stands]
        dated = min(one["known_at"] for one in there if not others or one["at"] >= max(others))
        kept = [one for ended, evidence, _ in group for one in evidence if ended == stands or not one["timed"]]
        yield min(there, key=lambda one: (one["known_at"], one["source"]))["ended"], kept, [dated, *learned]


def _anchor(group: list[tuple[datetime, list[Row], bool]]) -> datetime:
    return max(ended for ended, _, again in group if not again)


def signs_of(sources: list[list[Row]]) -> list[Sign]:
    """Signs of life: when, shown by, seen in, learned when, the state, and whether it shows that the run goes on."""
    found = []
    for states in sources:
        before: list[datetime] = []
        for number, state in enumerate(states, 1):
            if state["status"] not in OVER:
                stale = state["updated_at"] is None or (before and state["updated_at"] <= max(before))
                moment = state["at"] if stale else state["updated_at"]
                after = states[number:]
                newest = not after if state["source"] == "version" else all(one["status"] not in OVER for one in after)
                found.append((moment, state["source"], state["source"], state["known_at"], state["status"], newest))
            if state["completed_at"] is not None:
                before.append(state["completed_at"])
    return found


def works_of(sources: list[list[Row]], starts: list[Sign]) -> list[Sign]:
    """When a run was seen at work, by what, and when that was learned."""
    states = itertools.chain(*sources)
    seen = [(one["at"], one["source"], one["known_at"]) for one in states if one["status"] in {"queued", "in_progress"}]
    return seen + [(start[0], "agent", start[3]) for start in starts]


def scheduled(versions: list[Row], sources: list[list[Row]], starts: list[Sign], ended: datetime | None) -> Any:
    """When a scheduled run began, by what, and when that was learned: at its time, or earlier if it was at work."""
    moment, known_at = versions[-1]["scheduled_at"], versions[0]["valid_from"]
    early = sorted(work for work in works_of(sources, starts) if work[0] < moment)
    if early and (ended is None or early[0][0] <= ended):
        return max(early[0][0], versions[-1]["created_at"]), early[0][1], max(early[0][2], known_at)
    states = [one for one in itertools.chain(*sources) if one["status"] in {"queued", "in_progress"}]
    ends = itertools.chain(*_told(sources).values())
    moved = [*(one["known_at"] for one in (*states, *ends)), *(start[3] for start in starts)]
    if not moved or (ended and ended < moment):
        return None, None, None
    return moment, "scheduled", max(known_at, min(moved))


def living(signs: list[Sign], ended: datetime | None, newest: Row, task: list[Row], sight: Row) -> list[Sign]:
    """Signs that a run goes on after its last end; the API may have shown since that it does not."""
    alive = [sign for sign in signs if sign[5] and (ended is None or sign[0] > ended)]
    if newest["status"] not in OVER:
        return alive
    seen = [newest["valid_from"]]
    for one, after in itertools.pairwise([*task, {"valid_from": sight.get("last_seen_at")}]):
        if (one.get("latest_run_id"), one.get("latest_run_status")) == (newest["run_id"], newest["status"]):
            seen.append(after["valid_from"])
    return [sign for sign in alive if sign[3] >= max(seen)]
