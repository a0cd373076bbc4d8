"""How values look on the wire: compact UTF-8 JSON, and times as the framework prints them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def compact(value: Any) -> bytes:
    """JSON as the framework's renderer writes it: no spaces, UTF-8, lone surrogates as escapes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def stamp(at: datetime | None) -> str | None:
    """``…Z``; microseconds are printed unless they are zero."""
    return None if at is None else at.isoformat().removesuffix("+00:00") + "Z"


def hand_built(at: datetime | None) -> str | None:
    """``…+00:00``, as in readiness and inside stream events."""
    return None if at is None else at.astimezone(UTC).isoformat()
