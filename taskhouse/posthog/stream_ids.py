"""Ids of streams: when the server wrote an event, and the place just before it. Pure."""

import re

_STAMPED = re.compile("([0-9]{13})-([0-9]{1,19})")
_LAST = 2**64 - 1
"""The greatest number that an id can have within its millisecond."""


def stream_ms(stream_id: str | None) -> int | None:
    """When the server wrote the event of an id, in milliseconds; None where the id does not tell."""
    found = _STAMPED.fullmatch(stream_id or "")
    return int(found[1]) if found else None


def before(stream_id: str | None) -> str | None:
    """The greatest id that is smaller: reading on after it brings the event itself. None where there is none."""
    found = _STAMPED.fullmatch(stream_id or "")
    if found is None:
        return None
    ms, number = int(found[1]), int(found[2])
    return f"{ms}-{number - 1}" if number else f"{ms - 1}-{_LAST}"
