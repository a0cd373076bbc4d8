"""Finding where the server's list and ours part, by halving: some ten requests for each difference, not a thousand.

Both are in one order, newest first by ``created_at`` and then by id, and neither changes for a task, so a row's place
tells how many tasks before it are missing on either side. Between two places where the lists agree by the same
distance, they hold the same number of tasks. Pure: it says which offset to read, and takes the rows that were there.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

Key = tuple[datetime, str]
"""``created_at`` and id of a task."""

PAGE = 100
MOST = 60
"""Pages after which a whole sweep is the better way."""


class Moved(Exception):
    """The list changed while it was searched."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows ``low`` to ``high`` of the server's list stand against tasks ``ours_low`` to ``ours_high`` of ours."""

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
        missing: Ids of ours that are not where they should be.
        asked: Pages read.
    """

    ours: Sequence[Key]
    count: int
    unexpected: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    asked: int = 0
    _gaps: list[Gap] = field(default_factory=list)
    _probed: Gap | None = None
    _oldest_first: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._oldest_first = list(reversed(self.ours))
        self._gaps = [Gap(0, self.count, 0, len(self.ours))]
        self._drop_empty()

    def parted(self, offset: int, key: Key) -> None:
        """A row was found at an offset other than its own: the lists differ on both sides of it."""
        place = self._place(key)
        self._gaps = [Gap(0, offset, 0, place), Gap(offset, self.count, place, len(self.ours))]
        self._drop_empty()

    def offset(self) -> int | None:
        """The offset of the page to read; None when every difference is found, or after ``MOST`` pages."""
        differing = [gap for gap in self._gaps if gap.differs]
        if not differing or self.asked >= MOST:
            return None
        self._probed = gap = differing[0]
        if not self.asked:
            return gap.low  # new tasks stand at the head
        return max(gap.low, min((gap.low + gap.high - PAGE) // 2, gap.high - 1))

    @property
    def found(self) -> bool:
        """Whether every difference was found."""
        return not any(gap.differs for gap in self._gaps)

    def feed(self, offset: int, rows: Sequence[Key], count: int) -> None:
        """Take the page at the offset that was asked for.

        Raises:
            Moved: It does not fit to the pages before it.
        """
        gap = self._probed
        if gap is None or count != self.count or not rows:
            raise Moved
        self.asked += 1
        rows = rows[: gap.high - offset]
        first, last = self._place(rows[0]), self._place(rows[-1], after=True)
        if not gap.ours_low <= first <= last <= gap.ours_high or list(rows) != sorted(rows, reverse=True):
            raise Moved
        here, there = {key[1] for key in self.ours[first:last]}, {key[1] for key in rows}
        self.missing |= here - there
        self.unexpected |= there - here
        before = Gap(gap.low, offset, gap.ours_low, first)
        behind = Gap(offset + len(rows), gap.high, last, gap.ours_high)
        at = self._gaps.index(gap)
        self._gaps[at : at + 1] = [before, behind]
        self._drop_empty()

    def _drop_empty(self) -> None:
        """Where the server has no row left, all of ours are missing."""
        for gap in self._gaps:
            if gap.low >= gap.high:
                self.missing |= {key[1] for key in self.ours[gap.ours_low : gap.ours_high]}
        self._gaps = [gap for gap in self._gaps if gap.low < gap.high]

    def _place(self, key: Key, *, after: bool = False) -> int:
        """How many of ours come before a key, itself included if ``after``."""
        return len(self.ours) - (bisect_left if after else bisect_right)(self._oldest_first, key)
