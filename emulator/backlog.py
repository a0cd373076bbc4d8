"""What a thin-tail run's stream begins with: the run's log, entry by entry, and which live entries it covers.

A reader gets the log first, as frames ``log-<n>`` (n counts the entries of the whole chain from 0), then the live
stream without what the log held already. A stored Redis id resumes the live stream alone; any other cursor, and one
that was trimmed away or has expired, gets the log from its beginning.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from taskhouse.emulator.streams import StreamId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskhouse.emulator.streams import RunStream

BUSY: Final = "Backlog busy"
UNAVAILABLE: Final = "Backlog unavailable"

_CURSOR: Final = re.compile(r"log-([0-9]+)", re.ASCII)
_EVENT_ID: Final = re.compile(r"(.+)-([0-9]{1,18})", re.ASCII | re.DOTALL)
_LAST: Final = 10**18
_DIGITS: Final = 18

EventId = tuple[str, int]


def event_id(value: object) -> EventId | None:
    """``<boot>-<seq>`` as a text and a number; a boot is any text."""
    found = _EVENT_ID.fullmatch(value) if isinstance(value, str) else None
    return (found[1], int(found[2])) if found else None


def event_id_of(text: str | bytes) -> EventId | None:
    """The agent's number of an event, None if it has none."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event_id(event.get("event_id")) if isinstance(event, dict) else None


class Covered:
    """The agent's numbers that a log holds, alone or in the range of a coalesced entry."""

    def __init__(self, texts: Sequence[str]) -> None:
        spans = []
        for text in texts:
            entry = json.loads(text)
            last = event_id(entry.get("event_id"))
            if last is not None:
                first = event_id(entry.get("first_event_id")) or last
                spans.append((first if first[0] == last[0] else last, last))
        self._spans: list[tuple[EventId, EventId]] = []
        for first, last in sorted(spans):
            if self._spans and first <= self._spans[-1][1]:
                self._spans[-1] = (self._spans[-1][0], max(last, self._spans[-1][1]))
            else:
                self._spans.append((first, last))

    def __contains__(self, frame: bytes) -> bool:
        """Whether the log contains the live event of a frame; an event without a number never counts as contained."""
        number = event_id_of(frame.partition(b"data: ")[2])
        if number is None:
            return False
        at = bisect_right(self._spans, (number, (number[0], _LAST)))
        return at > 0 and self._spans[at - 1][1] >= number


class Replay(NamedTuple):
    """The frames that come before the live stream, and which live events can be skipped because of them."""

    frames: list[bytes]
    covered: Covered | None


class Backlog:
    """The log of one thin-tail run, read when a connection needs it.

    ``chain`` gives the entries of the run and its ancestors, ``own`` the run's alone: another run's agent counts its
    own events, so only these cover live entries. A log above ``most_bytes`` is passed over. ``trouble`` is why the
    log cannot be read just now.
    """

    def __init__(
        self,
        chain: Callable[[], Sequence[str]],
        own: Callable[[], Sequence[str]],
        *,
        most_bytes: int,
        trouble: str | None = None,
    ) -> None:
        self._chain = chain
        self._own = own
        self._most_bytes = most_bytes
        self.trouble = trouble

    def replay(self, cursor: str | None) -> Replay:
        """The log strictly after ``log-<n>``, or all of it for any other cursor and for one past the end."""
        texts = self._chain()
        if sum(map(len, texts)) > self._most_bytes:
            return Replay([], None)
        found = _CURSOR.fullmatch(cursor or "")
        after = int(found[1]) if found and len(found[1]) <= _DIGITS else len(texts)
        begin = after + 1 if after < len(texts) else 0
        frames = [
            f"id: log-{begin + n}\ndata: {json.dumps(json.loads(text))}\n\n".encode()
            for n, text in enumerate(texts[begin:])
        ]
        return Replay(frames, Covered(self._own()))


def is_stored(cursor: str | None, stream: RunStream, now_ms: int) -> bool:
    """Whether the live stream alone can go on from the cursor: a Redis id that was neither trimmed nor expired.

    It is read as Python reads numbers, so ``0_1`` passes here and Redis refuses it afterwards.
    """
    oldest = stream.oldest(now_ms)
    ms, dash, seq = (cursor or "").partition("-")
    try:
        return oldest is not None and StreamId(int(ms), int(seq) if dash else 0) >= oldest
    except ValueError:
        return False
