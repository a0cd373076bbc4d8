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


def evidence(now: Said | None, before: Said | None = None) -> str:
    """What the server counted, with the number before where it was another one."""
    facts, held = (now.evidence if now else {}), (before.evidence if before else {})
    said = (_fact(name, facts[name], held.get(name)) for name in sorted(facts)[:FACTS])
    return "; ".join(said)


def clipped(text: object, longest: int = LONGEST) -> str:
    """A text of the server in one line, as far as there is room."""
    line = " ".join(str(text or "").split())
    return line if len(line) <= longest else f"{line[: longest - 1]}\u2026"


def _fact(name: str, value: object, before: object) -> str:
    word = EVIDENCE.get(name, name)
    said = f"{word} {value}" if before is None or before == value else f"{word} {before} \u2192 {value}"
    return clipped(said, FACT).replace(" ", NBSP)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
