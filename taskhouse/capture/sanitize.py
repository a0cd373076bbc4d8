"""What is stored of an event's text: everything except secrets, or only its structure."""

from typing import Literal

from taskhouse.posthog.privacy import without_text
from taskhouse.posthog.redact import redact_event
from taskhouse.spool.line import Entry


def entry(stream_id: str | None, data: bytes, text: Literal["full", "none"]) -> Entry:
    """The spool's entry for an event's exact text, marked as redacted if something was removed."""
    kept, redacted = redact_event(data)
    if text == "none":
        kept, redacted = without_text(kept), True
    return Entry(stream_id, None, kept, redacted)
