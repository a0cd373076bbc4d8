"""Events without their texts: with ``capture_text = none`` no prompt, message or tool text reaches the disk.

What stays is structure: keys, numbers, flags, and the texts under keys that hold no prose. Every other text is replaced
by its length and a hash, ``[text 42 1f3a…]``: the same text has the same mark, and an analyst can still count, join and
compare. The list says what stays, so that a new field is hidden until somebody decides otherwise.

Nobody can imitate what is left: a text of the form of a mark is hidden like any other, also under a key whose texts
stay, and such an event never contains ``[redacted]``, which every event does that only lost a secret. So a row without
its texts is known by ``redacted`` and the absence of that word (macro ``text_hidden``), never by the form of a text.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from taskhouse.posthog.redact import REDACTED

STRUCTURE = frozenset(
    "type jsonrpc method id event_id first_event_id timestamp sessionId sessionUpdate toolCallId parentToolCallId "
    "toolName kind status priority level stopReason runId taskId taskRunId run_id task_id team_id requestId optionId "
    "adapter agentVersion group step stage environment updated_at completed_at created_at currentModeId mode "
    "previous_mode trigger currency errorType error_category classification category source branch head "
    "runtime_adapter model provider reasoning_effort fromModel toModel terminal_id signal checkpointId counter_id role "
    "resume_from_run_id run_source pr_state".split()
)
"""Keys whose texts are kept."""

SHORT = 200
"""A longer text is hidden even under such a key, because it is no name."""

HIDDEN = "[hidden]"
"""What stands for ``[redacted]``, in keys too, where the texts are hidden."""

_MARK = re.compile(r"\[text [0-9]+ [0-9a-f]{16}\]")

HIDDEN_OF_TASK = ("description", "ci_prompt", "json_schema")
HIDDEN_OF_RUN = ("error_message", "task_summary", "task_tags")


def without_text(data: bytes) -> bytes:
    """The event's structure as compact JSON; a text that is no JSON becomes one mark."""
    try:
        hidden = json.dumps(_hide(json.loads(data), ""), separators=(",", ":"))
    except (ValueError, RecursionError):
        hidden = json.dumps(mark(data.decode("utf-8", "replace")))
    return hidden.replace(REDACTED, HIDDEN).encode()


def mark(text: str) -> str:
    """What stands in place of a text: its length in characters, and the first 16 hex digits of its SHA-256."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"[text {len(text)} {digest}]"


def task_without_text(data: Mapping[str, Any]) -> dict[str, Any]:
    """A full task without its prompt."""
    return {name: _hide(value, "") if name in HIDDEN_OF_TASK else value for name, value in data.items()}


def run_without_text(data: Mapping[str, Any]) -> dict[str, Any]:
    """A run without what its agent wrote: error, output and summary; the address of its pull request stays."""
    hidden = {name: _hide(value, "") if name in HIDDEN_OF_RUN else value for name, value in data.items()}
    for name in ("output", "state"):
        if isinstance(hidden.get(name), dict):
            hidden[name] = {
                key: value if key in {"pr_url", "pr_urls", "head_branch", "repositories"} else _hide(value, key)
                for key, value in hidden[name].items()
            }
    return hidden


def _hide(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _hide(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hide(inner, key) for inner in value]
    if isinstance(value, str) and (key not in STRUCTURE or len(value) > SHORT or _MARK.search(value)):
        return mark(value)
    return value
