"""Rounds through the list of tasks: which part of it was read when, and how much is due now. Pure.

The list has one order, newest first, from second to second. Within a second of ``created_at`` the order is not
reliable, because a server may sort by more digits than it prints. So a page proves everything between its first and its
last row, for the moment before it was requested. A round continues after the last row that it read, whatever was
inserted or deleted before that row. The previous round has read the part of the list that this round has not reached
yet, so together they cover the whole list.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from taskhouse.resources.tasks.list_diff import PAGE_ROWS, Key, key

LIST_EVERY = 7
"""A sweep of the list is this many times rarer than the interval at which every task is seen."""

SMALL = 300
"""Up to this number of tasks, every pass reads the whole list, and there is nothing to rotate."""

ROUND = timedelta(hours=22, minutes=30)
"""How long a round through a long list takes. The rest of the day allows for the grain below, and for a list that grows
by 5 % a day: the next round reaches a row later if rows were inserted before it."""

GRAIN = timedelta(minutes=15)
"""Pages that were read within this time are stored as one part, as old as its oldest page."""

OVERLAP_ROWS = 2
"""Rows that a page of the list shares with the page before it, so that both are known to join."""

MOST_PAGES = 60
"""The most pages in one pass, after a pause or if passes are rare."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, from the end of the part before it down to ``until``; None is the end of the list.

    Attributes:
        until: The last row of it.
        read_at: When its oldest page was read.
    """

    until: Key | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Rounds:
    """The state of the rounds.

    Attributes:
        began: When this round began.
        viewer: Whose view of the list it is.
        at: The last row that this round has read; None at the head of the list.
        skew: How many more rows the server has before that row than are stored here.
        read: What this round has read, from the head of the list on.
        before: What the previous round read of the rest; it may be empty or incomplete before the first whole round.
    """

    began: datetime
    viewer: str | None = None
    at: Key | None = None
    skew: int = 0
    read: tuple[Part, ...] = ()
    before: tuple[Part, ...] = ()

    def oldest(self) -> datetime | None:
        """When the oldest page was read of those that cover the whole list; None while they do not."""
        if not self.before or self.before[-1].until is not None:
            return None
        return min(part.read_at for part in (*self.read, *self.before))

    def due(self, now: datetime, place: int, total: int) -> int:
        """Pages to read now, so that the round is over in its time.

        Args:
            now: The present moment.
            place: How many tasks the round has passed.
            total: How many there are.
        """
        elapsed = (now - self.began) / period(total)
        if elapsed >= 1:
            return min(MOST_PAGES, max(1, math.ceil((total - place) / (PAGE_ROWS - OVERLAP_ROWS))))
        return min(MOST_PAGES, max(0, math.ceil((total * elapsed - place) / (PAGE_ROWS - OVERLAP_ROWS))))

    def advanced(self, until: Key | None, moment: datetime, skew: int = 0) -> "Rounds":
        """The state after a page that was requested at ``moment`` and reaches down to ``until``; None is the end."""
        last = self.read[-1] if self.read else None
        if last is not None and moment - last.read_at < GRAIN:
            read = (*self.read[:-1], Part(until, min(last.read_at, moment)))
        else:
            read = (*self.read, Part(until, moment))
        if until is None:
            return replace(self, began=moment, at=None, skew=0, read=(), before=read)
        rest = tuple(part for part in self.before if _left(part.until, until))
        return replace(self, at=until, skew=skew, read=read, before=rest)

    def dump(self) -> str:
        """As JSON, for a cursor."""
        return json.dumps(
            {
                "began": self.began.isoformat(),
                "viewer": self.viewer,
                "at": _written(self.at),
                "skew": self.skew,
                "read": [[*_written(one.until), one.read_at.isoformat()] for one in self.read],
                "before": [[*_written(one.until), one.read_at.isoformat()] for one in self.before],
            }
        )


def _left(end: Key | None, until: Key) -> bool:
    """Whether a round that reached ``until`` may not have read a part to its end; inside a second there is no order."""
    return end is None or (end != until and end[0] <= until[0])


def period(total: int) -> timedelta:
    """How long a round takes, minus the time of one page, by which an inserted row can delay the rows after it."""
    pages = max(1.0, total / (PAGE_ROWS - OVERLAP_ROWS))
    return ROUND * (pages / (pages + 1))


def whole(moment: datetime, viewer: str | None) -> Rounds:
    """The state after a sweep that began at ``moment`` and read every page; the next round begins with it."""
    return Rounds(moment, viewer, before=(Part(None, moment),))


def load(text: str) -> Rounds:
    """What :meth:`Rounds.dump` wrote."""
    found = json.loads(text)
    return Rounds(
        datetime.fromisoformat(found["began"]),
        found["viewer"],
        _key(found["at"]),
        found["skew"],
        _parts(found["read"]),
        _parts(found["before"]),
    )


def _parts(found: Iterable[list[str | None]]) -> tuple[Part, ...]:
    return tuple(Part(_key(one[:2]), datetime.fromisoformat(str(one[2]))) for one in found)


def _written(key: Key | None) -> list[str | None]:
    return [None, None] if key is None else [key[0].isoformat(), key[1]]


def _key(found: list[str | None]) -> Key | None:
    created_at, name = found
    return None if created_at is None or name is None else key(datetime.fromisoformat(created_at), name)
