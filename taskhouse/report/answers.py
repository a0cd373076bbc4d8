"""What the server says about the three capabilities of a repository: state, reason and evidence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from taskhouse.reading import Snapshot
from taskhouse.report.query import run_query

KEYS = {
    "core_suggestions": "coreSuggestions",
    "replay_insights": "replayInsights",
    "error_insights": "errorInsights",
}
"""Capabilities, each as an answer calls it."""

NBSP = "\u00a0"
EVIDENCE = {
    "matchedEventCount": "matched events",
    "eventNameCount": "event names",
    "replayTaskCount": "replay tasks",
    "recentErrorIssueCount": "recent error issues",
}


LONGEST = 300
"""Characters of a text of the server that are shown."""

FACTS, FACT = 4, 60
"""How many facts of the evidence are shown, and characters of each."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says about one capability."""

    state: str
    reason: str
    evidence: Mapping[str, Any]


Answer = dict[str, Said]
"""What an answer says, by capability."""


def at(snapshot: Snapshot, window: int, day: date) -> dict[tuple[int, str], Answer]:
    """The answers that the states at the end of a day rest on, by project and repository."""
    rows = run_query(snapshot, "answers", window=window, day=day)
    return {(row["project_id"], row["repository"]): parsed(row["payload"]) for row in rows}


def parsed(payload: str | None) -> Answer:
    """The capabilities of an answer; what cannot be read is left out."""
    try:
        answer = _object(json.loads(payload or "{}"))
    except ValueError:
        return {}
    return {
        name: Said(str(said.get("state", "unknown")), clipped(said.get("reason")), _object(said.get("evidence")))
        for name, key in KEYS.items()
        if (said := _object(answer.get(key)))
    }


def evidence(facts: Mapping[str, Any]) -> str:
    """What the server counted, in words."""
    said = (f"{EVIDENCE.get(name, name)} {facts[name]}" for name in sorted(facts)[:FACTS])
    return "; ".join(clipped(fact, FACT).replace(" ", NBSP) for fact in said)


def counts(text: str | None) -> str:
    """The same of evidence as JSON; nothing if it is no object."""
    return evidence(_object(json.loads(text or "{}")))


def clipped(text: object, longest: int = LONGEST) -> str:
    """A text of the server in one line, as far as there is room."""
    line = " ".join(str(text or "").split())
    return line if len(line) <= longest else f"{line[: longest - 1]}\u2026"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
