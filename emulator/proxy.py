"""How the agent proxy writes what the Django endpoint writes otherwise: compact JSON, in UTF-8 as it is.

Frames, ids and order are the same, but for the orchestrator's progress, which never passes through the proxy.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

_PROGRESS: Final = "_posthog/progress"
_DATA: Final = b"data: "
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""What UTF-8 cannot hold stays an escape."""


def shown_text(text: str) -> str | None:
    """An event's text on this leg; None if the event does not come this way. What is no JSON stays as it is."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if is_orchestrators(event):
        return None
    compact = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return _SURROGATE.sub(lambda lone: f"\\u{ord(lone[0]):04x}", compact)


def shown(frame: bytes) -> bytes:
    """A frame of the Django endpoint as the proxy sends it; empty if it does not."""
    head, _, data = frame.partition(_DATA)
    lines = data.removesuffix(b"\n\n").replace(b"\n" + _DATA, b"\n")
    text = shown_text(lines.decode("utf-8", "surrogatepass"))
    if text is None:
        return b""
    return head + _DATA + text.encode("utf-8", "surrogatepass").replace(b"\n", b"\n" + _DATA) + b"\n\n"


def is_orchestrators(event: Any) -> bool:
    """Whether it is a step of the setup, which the orchestrator tells and no agent numbered."""
    if not isinstance(event, dict) or "event_id" in event:
        return False
    notification = event.get("notification")
    return isinstance(notification, dict) and notification.get("method") == _PROGRESS
