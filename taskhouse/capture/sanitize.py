"""What is stored of an event's text: everything except secrets, or only its structure."""

from collections.abc import Sequence
from typing import Literal

from taskhouse.posthog.privacy import without_text
from taskhouse.posthog.redact import may_change, redact_event
from taskhouse.posthog.sse import Frame
from taskhouse.spool.line import Entry


def entries(frames: Sequence[Frame], text: Literal["full", "none"]) -> list[Entry]:
    """The spool's entries for events that arrived together; one look shows that most texts stay as they are."""
    make = tuple.__new__  # a third of the time of Entry(…)
    if text == "full" and not may_change(b"".join([data for _, _, data in frames])):
        return [make(Entry, (stream_id, None, data, False, "event")) for _, stream_id, data in frames]
    return [
        entry(stream_id, data, text)
        if text == "none" or may_change(data)
        else make(Entry, (stream_id, None, data, False, "event"))
        for _, stream_id, data in frames
    ]


def entry(stream_id: str | None, data: bytes, text: Literal["full", "none"]) -> Entry:
    """The spool's entry for an event's exact text, marked as redacted if something was removed."""
    kept, redacted = redact_event(data)
    if text == "none":
        kept, redacted = without_text(kept), True
    return Entry(stream_id, None, kept, redacted)
