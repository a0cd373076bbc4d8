"""What must not be kept of an event, cut out of its exact text; every other byte stays as it arrived.

Two things (API facts 7.4, 9.17): the values of a run's internal ``state``, which may hold sandbox addresses and
secrets, but for a few that are needed; and the query of presigned URLs, which is a key to the file. Linear in the
event's length; events without either cost two substring searches, also if they are many.
"""

import re

from taskhouse.posthog import jsonslices

STATE_KEYS = frozenset(
    {
        "resume_from_run_id",
        "token_usage",
        "mode",
        "run_source",
        "pr_base_branch",
        "task_summary",
        "repositories",
    }
)
"""Keys of a run's ``state`` whose values are kept; servers since August 2026 have no tokens and no summary there."""

REDACTED = "[redacted]"

_SIGNATURE = b"X-Amz-Signature="
_RUN_STATE = b'"task_run_state"'
_QUERY = re.compile(rb"""\?(?:[^\s"'<>\\]|\\+u0026)*+""")
"""From the question mark to the end of the URL; an ampersand may be escaped, also within JSON inside JSON."""


def may_change(data: bytes) -> bool:
    """Whether an event's text may contain what must not be kept; also of several texts, one after the other."""
    return data.find(_RUN_STATE) >= 0 or (data.find(b"?") >= 0 and data.find(_SIGNATURE) >= 0)


def redact_event(data: bytes) -> tuple[bytes, bool]:
    """The event's text without what must not be kept, and whether anything was cut."""
    if not may_change(data):
        return data, False
    kept = _without_state(data) if _RUN_STATE in data else data
    if _SIGNATURE in kept:
        kept = _QUERY.sub(_unsigned, kept)
    return kept, kept != data


def _unsigned(query: re.Match[bytes]) -> bytes:
    return b"?" + REDACTED.encode() if _SIGNATURE in query[0] else query[0]


def _without_state(data: bytes) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    try:
        cuts = _cuts(text)
    except ValueError:
        return data
    return jsonslices.encode(cut(text, cuts)) if cuts else data


def _cuts(text: str) -> list[tuple[int, int]]:
    """Spans of the values to cut; none if the text is no run state."""
    at = jsonslices.skip(text, 0)
    if text[at : at + 1] != "{":
        return []
    fields = jsonslices.whole(text)
    if {field.key: field.value for field in fields}.get("type") != "task_run_state":
        return []
    return [span for field in fields if field.key == "state" for span in state_cuts(text, field)]


def state_cuts(text: str, state: jsonslices.Member) -> list[tuple[int, int]]:
    """Spans of the values to cut of a run's ``state``, which may be nested too deeply to have a value here."""
    if text[state.start] != "{":
        return []
    inner, _ = jsonslices.members(text, state.start)
    return [(field.start, field.end) for field in inner if field.key not in STATE_KEYS]


def cut(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with a word in place of these parts, which stand in their order."""
    for start, end in reversed(spans):
        text = f'{text[:start]}"{REDACTED}"{text[end:]}'
    return text
