"""Find the differences between the server's list and ours by bisection: about ten requests for each, not a thousand.

Both have the same order, newest first, so the position of a row shows how many tasks before it are missing on either
side. Between two positions with the same shift, the lists contain the same number of tasks. The order is reliable only
from second to second: within a second the server may sort by more digits than it prints, and it may print a time with
more or fewer digits from one answer to the next. So pages are compared at the boundaries of seconds. Pure: it says
which offset to read, and takes the rows that were there.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

Key = tuple[datetime, str]
"""The position of a task: the whole second of ``created_at``, and its id."""

PAGE_ROWS = 100
MARGIN_ROWS = 8
"""How many rows before a mismatch are on the page that explains it."""

MOST_PAGES = 60
"""How many pages to read before a complete sweep is better."""


class Moved(Exception):
    """The list changed while it was searched."""


def key(created_at: datetime, task_id: str) -> Key:
    """The position of a task in the list."""
    return created_at.replace(microsecond=0), task_id


@dataclass(frozen=True, slots=True)
class Range:
    """Rows ``low`` to ``high`` of the server's list, compared with tasks ``ours_low`` to ``ours_high`` of ours."""

    low: int
    high: int
    ours_low: int
    ours_high: int

    @property
    def differs(self) -> bool:
        """Whether they cannot be the same."""
        return self.high - self.low != self.ours_high - self.ours_low


@dataclass(slots=True)
class Search:
    """One search.

    Attributes:
        ours: Every task that should be there, newest first.
        count: How many the server counts.
        unexpected: Ids of rows that are not among ours.
        unlocated: Ids of ours that are not where they should be.
        asked: Pages read.
    """

    ours: Sequence[Key]
    count: int
    unexpected: set[str] = field(default_factory=set)
    unlocated: set[str] = field(default_factory=set)
    asked: int = 0
    _ranges: list[Range] = field(default_factory=list)
    _probed: Range | None = None
    _around: int | None = None
    _stuck: bool = False
    _oldest_first: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._oldest_first = [at for at, _ in reversed(self.ours)]
        self._ranges = [Range(0, self.count, 0, len(self.ours))]
        self._drop_empty()

    def agrees(self, offset: int, key: Key) -> bool:
        """Whether a row that was found at an offset can be there."""
        low, high = self._newer(key[0]), self._reached(key[0])
        return low <= offset < high and key in self.ours[low:high]

    def parted(self, offset: int) -> None:
        """Record that a row at an offset does not match: the lists differ there or on both sides of it."""
        self._around = offset

    def offset(self) -> int | None:
        """The offset of the page to read; None when every difference is found, or after ``MOST_PAGES`` pages."""
        differing = [part for part in self._ranges if part.differs or self._around is not None]
        if not differing or self._stuck or self.asked >= MOST_PAGES:
            return None
        self._probed = part = differing[0]
        if self._around is not None:
            around, self._around = self._around, None
            return max(part.low, around - MARGIN_ROWS)
        if not self.asked:
            return part.low  # new tasks stand at the head
        return max(part.low, min((part.low + part.high - PAGE_ROWS) // 2, part.high - 1))

    @property
    def found(self) -> bool:
        """Whether every difference was found."""
        return not self._stuck and not any(part.differs for part in self._ranges)

    def feed(self, offset: int, rows: Sequence[Key], count: int) -> None:
        """Take the page at the requested offset.

        Raises:
            Moved: It does not fit the previous pages.
        """
        part = self._probed
        if part is None or count != self.count or not rows:
            raise Moved
        self.asked += 1
        rows = rows[: part.high - offset]
        times = [at for at, _ in rows]
        if any(one < two for one, two in pairwise(times)):
            raise Moved
        if self._newer(times[0]) < part.ours_low or self._reached(times[-1]) > part.ours_high:
            raise Moved
        first, last, ours_first, ours_last = 0, len(rows), part.ours_low, part.ours_high
        if offset > part.low:  # the first second may have begun on the page before
            first, ours_first = times.count(times[0]), self._reached(times[0])
        if offset + len(rows) < part.high:  # the last one may go on
            last, ours_last = len(rows) - times.count(times[-1]), self._newer(times[-1])
        if first > last or (part.low, part.high) in {(offset + last, part.high), (part.low, offset + first)}:
            self._stuck = True  # one second fills the page
            return
        here, there = {key[1] for key in self.ours[ours_first:ours_last]}, {key[1] for key in rows[first:last]}
        self.unlocated |= here - there
        self.unexpected |= there - here
        before = Range(part.low, offset + first, part.ours_low, ours_first)
        behind = Range(offset + last, part.high, ours_last, part.ours_high)
        at = self._ranges.index(part)
        self._ranges[at : at + 1] = [before, behind]
        self._drop_empty()

    def _drop_empty(self) -> None:
        """If the server has no row left, none of ours is located."""
        for part in self._ranges:
            if part.low >= part.high:
                self.unlocated |= {key[1] for key in self.ours[part.ours_low : part.ours_high]}
        self._ranges = [part for part in self._ranges if part.low < part.high]

    def _newer(self, at: datetime) -> int:
        """How many of ours were created after a second."""
        return len(self.ours) - bisect_right(self._oldest_first, at)

    def _reached(self, at: datetime) -> int:
        """How many of ours were created in a second or after it."""
        return len(self.ours) - bisect_left(self._oldest_first, at)
