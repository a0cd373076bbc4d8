"""The objects by which the server marks the end of a stream inside it. No reader is ever shown one."""

from __future__ import annotations

import json
from typing import Final

_STATUS: Final = "STREAM_STATUS"


def status_of(text: str) -> str | None:
    """The status of a ``STREAM_STATUS`` object, which no reader is shown; None for every other event."""
    if _STATUS not in text:
        return None
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return str(event.get("status")) if isinstance(event, dict) and event.get("type") == _STATUS else None
