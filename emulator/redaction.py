"""What a careful client may not keep: secrets in run states and the signatures of presigned URLs.

The emulator serves events as they are and only uses this to say what such a client should hold.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

KEPT_STATE: Final = frozenset(
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
"""The keys of a run's ``state`` whose values stay."""
REDACTED: Final = "[redacted]"
_SIGNED: Final = re.compile(r"""(https?://[^\s"'<>\\?]*)\?[^\s"'<>\\]*X-Amz-Signature=[^\s"'<>\\]*""")


def redacted(text: str) -> str:
    """The event's text with state secrets and signed query strings replaced, otherwise unchanged."""
    if '"task_run_state"' in text:
        text = _without_secrets(text)
    if "X-Amz-Signature=" in text:
        text = _SIGNED.sub(rf"\1?{REDACTED}", text)
    return text


def _without_secrets(text: str) -> str:
    try:
        event = json.loads(text)
    except ValueError:
        return text
    if not isinstance(event, dict) or event.get("type") != "task_run_state":
        return text
    state = event.get("state")
    if not isinstance(state, dict) or KEPT_STATE.issuperset(state):
        return text
    event["state"] = {name: value if name in KEPT_STATE else REDACTED for name, value in state.items()}
    return _like(event, text)


def _like(event: Any, text: str) -> str:
    """Print with spaces and ASCII, or compact and in UTF-8, as ``text`` is."""
    if text.startswith('{"type": ') or '": ' in text[:80]:
        return json.dumps(event)
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)
