"""The largest changes of the period, with the server's own reasons: what it said before, and what it says now."""

import json
from typing import Any

from taskhouse.reading import Snapshot
from taskhouse.report.model import Capability, Change
from taskhouse.report.options import Period
from taskhouse.report.query import run_query

CAPABILITIES = {
    "coreSuggestions": "Core suggestions",
    "replayInsights": "Replay insights",
    "errorInsights": "Error insights",
}
EVIDENCE = {
    "matchedEventCount": "matched events",
    "eventNameCount": "event names",
    "replayTaskCount": "replay tasks",
    "recentErrorIssueCount": "recent error issues",
}


def changes(snapshot: Snapshot, period: Period, sign: int) -> list[Change]:
    """The five largest changes down (-1) or up (1)."""
    found = []
    for row in run_query(snapshot, "changes", sign=sign, since=period.since, until=period.until):
        answers = run_query(
            snapshot,
            "answers",
            project_id=row["project_id"],
            repository=row["repository"],
            window=row["window_days"],
            day=row["day"],
        )
        found.append(
            Change(
                project_id=row["project_id"],
                repository=row["repository"],
                window=row["window_days"],
                day=row["day"],
                before=row["before"],
                after=row["after"],
                score_before=row["score_before"],
                score_after=row["score_after"],
                capabilities=capabilities(*[_answer(answer["payload"]) for answer in answers]),
            )
        )
    return found


def capabilities(after: dict[str, Any] | None = None, before: dict[str, Any] | None = None) -> tuple[Capability, ...]:
    """The capabilities whose state changed between two answers, or all of them if none changed."""
    said = [_capability(key, after or {}, before or {}) for key in CAPABILITIES if key in (after or {})]
    moved = tuple(capability for capability in said if capability.before != capability.after)
    return moved or tuple(said)


def _capability(key: str, after: dict[str, Any], before: dict[str, Any]) -> Capability:
    now, then = _object(after.get(key)), _object(before.get(key))
    facts, held = _object(now.get("evidence")), _object(then.get("evidence"))
    words = [_fact(name, facts[name], held.get(name)) for name in sorted(facts)]
    return Capability(
        name=CAPABILITIES[key],
        before=str(then["state"]) if "state" in then else None,
        after=str(now.get("state", "unknown")),
        reason=str(now.get("reason") or ""),
        evidence="; ".join(words),
    )


def _fact(name: str, value: object, before: object) -> str:
    word = EVIDENCE.get(name, name)
    return f"{word}: {value}" if before is None or before == value else f"{word}: {before} \u2192 {value}"


def _answer(payload: str | None) -> dict[str, Any]:
    try:
        return _object(json.loads(payload or "{}"))
    except ValueError:
        return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
