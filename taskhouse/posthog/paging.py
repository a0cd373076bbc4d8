"""Walking a limit/offset list that moves, by a server that is not trusted to say where it ends.

Offset pages are no snapshot: rows that appear or vanish between two requests shift the window, so that rows come
twice or are stepped over (API facts 1.7, 9.15). So the walk computes every offset from the rows that it received and
never follows ``next``; it reads ``next`` only as a claim to check. It decides nothing about the rows: it says what it
saw, and the caller judges.

A wrong host in ``next`` is noted, not fatal: self-hosted servers behind a proxy often name themselves wrongly, and the
URL is never used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from taskhouse.errors import Contract
from taskhouse.plural import counted, plural
from taskhouse.posthog.http_errors import origin
from taskhouse.posthog.pages import Page, Row

LIMIT = 100
"""The server's largest page (API facts 1.7)."""

SLACK = 1000
"""Rows that a list may grow by while it is walked, at least."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Ask for the page at ``offset``."""

    offset: int


@dataclass(frozen=True, slots=True)
class Done:
    """The list ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Reading on would prove nothing."""

    reason: str


Step = Continue | Done | Broken


@dataclass(frozen=True, slots=True)
class WalkResult:
    """What a walk proved.

    Attributes:
        complete: It ended by itself and as many distinct ids came as the server counted, first and last.
        reason: Why, in words.
        pages: Pages received.
        rows: Objects received, repeats included.
        distinct: Distinct ids received.
        duplicates: Objects whose id had come before, but for those an overlap asked for.
        bad: Elements that were no objects, or objects without an id.
        first_count: The server's count on the first page; None when no page came.
        last_count: The server's count on the last page.
        moved: The count changed between pages.
        joined: Every page held a row of the page before it, so that no row between them was stepped over. Without
            an overlap this can be shown only of a single page.
        notes: Oddities, each once.
    """

    complete: bool
    reason: str
    pages: int
    rows: int
    distinct: int
    duplicates: int
    bad: int
    first_count: int | None
    last_count: int | None
    moved: bool
    joined: bool
    notes: tuple[str, ...]

    @property
    def code(self) -> Literal["moved", "inconsistent"]:
        """Why it is not complete: the list changed meanwhile, or the server's answers contradict each other."""
        return "moved" if self.moved else "inconsistent"


_LAST = "the last page came"
_MARKED = ("offset", "pages", "rows", "duplicates", "bad", "first", "last", "moved", "lost")

MOST_LOST = 3
"""The number of unreadable pages after which the walk gives up."""


@dataclass(slots=True)
class PageWalk:
    """The decisions of one walk; no I/O.

    Attributes:
        host: Origin that ``next`` should name; "" leaves it unchecked.
        limit: Rows asked for on each page.
        overlap: Rows of the page before that each page asks for again, to catch rows shifted by deletions.
        key: Name of the id in a row.
        slack: Rows beyond the first count after which the list is taken to be endless; by default a tenth of it.
    """

    host: str = ""
    limit: int = LIMIT
    overlap: int = 0
    key: str = "id"
    slack: int | None = None
    ids: set[str] = field(default_factory=set)
    _offset: int = 0
    _pages: int = 0
    _rows: int = 0
    _duplicates: int = 0
    _bad: int = 0
    _first: int | None = None
    _last: int | None = None
    _moved: bool = False
    _joined: bool = True
    _tail: tuple[str, ...] = ()
    _bodies: set[str] = field(default_factory=set)
    _notes: dict[str, None] = field(default_factory=dict)
    _lost: tuple[str, ...] = ()
    _end: Done | Broken | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.limit:
            raise ValueError("the overlap must be smaller than a page")

    def feed(self, page: Page) -> Step:
        """Take the page at the offset last asked for, 0 at first, and decide what follows."""
        grown = page.count - (self._last if self._last is not None else page.count)
        self._count(page.count)
        received = len(page.rows) + len(page.bad)
        came = [found for row in page.rows if (found := self._id(row))]
        fresh = [found for found in dict.fromkeys(came) if found not in self.ids]
        again = received > 0 and page.body_sha256 in self._bodies
        self._pages += 1
        self._rows += len(page.rows)
        self._bad += received - len(came)
        self._bodies.add(page.body_sha256)
        self._repeats(came)
        self._check_next(page.next)
        if received != self.limit and page.next:
            self._note(f"pages of {counted(received, 'row')} where {self.limit} were asked for")
        offset, end = self._offset, self._offset + received
        self._offset = max(end - self.overlap, offset + 1) if received else offset
        self._tail = tuple(came[-self.overlap :]) if self.overlap else ()
        stuck = received > 0 and not fresh and not self._bad and end < page.count
        self.ids.update(fresh)
        if again:
            return self._stop(Broken(f"the page at offset {offset} repeats an earlier one byte for byte"))
        if stuck and grown < received - self.overlap:
            return self._stop(Broken(f"the page at offset {offset} holds only rows that came before"))
        return self._follow(page, offset, end, received)

    def lose(self, reason: str) -> Continue | None:
        """Step over the page last asked for, which cannot be read; None where that would bring little.

        Its rows may be anywhere, so the walk goes on but proves nothing any more.
        """
        if self._first is None or len(self._lost) == MOST_LOST:
            return None
        self._lost = (*self._lost, f"the page at offset {self._offset} could not be read: {reason}")
        self._offset += self.limit - self.overlap
        self._joined = False
        return Continue(self._offset)

    @property
    def offset(self) -> int:
        """Where the next page begins."""
        return self._offset

    @property
    def ended(self) -> bool:
        """Whether the list came whole and to an end by itself, regardless of its count."""
        return isinstance(self._end, Done) and self._end.reason == _LAST and not self._lost

    def bookmark(self) -> dict[str, Any]:
        """All that a later process needs to go on, as JSON can hold it, but for the ids and the pages' digests."""
        return {name: getattr(self, f"_{name}") for name in _MARKED} | {"tail": list(self._tail)}

    def resume(self, bookmark: Mapping[str, Any], *, ids: Iterable[str], bodies: Iterable[str], count: int) -> None:
        """Go on where ``bookmark`` was set.

        The next page is asked for where its rows should be by now: what the list grew or shrank by since then is taken
        to have happened before them. Only if that page holds a row of the last one (``result().joined``) is it so.

        Args:
            bookmark: What :meth:`bookmark` gave.
            ids: Ids that had come by then.
            bodies: SHA-256 of the pages that had come by then.
            count: What the server counts now.
        """
        for name in _MARKED:
            setattr(self, f"_{name}", bookmark.get(name, getattr(self, f"_{name}")))
        self._lost = tuple(self._lost)
        self._tail = tuple(bookmark["tail"])
        self._offset = max(0, self._offset + count - (self._last or 0))
        self._joined = True
        self._bodies.update(bodies)
        self.ids.update(ids)

    def stop(self, reason: str) -> None:
        """Note that the caller has seen enough."""
        if self._end is None:
            self._end = Done(reason)
            self._note("not walked to the end")

    def result(self) -> WalkResult:
        """What the walk has proved so far."""
        complete, reason = self._judge()
        return WalkResult(
            complete=complete,
            reason=reason,
            pages=self._pages,
            rows=self._rows,
            distinct=len(self.ids),
            duplicates=self._duplicates,
            bad=self._bad,
            first_count=self._first,
            last_count=self._last,
            moved=self._moved,
            joined=self._joined,
            notes=tuple(self._notes),
        )

    def _follow(self, page: Page, offset: int, end: int, received: int) -> Step:
        first = self._first or 0
        slack = self.slack if self.slack is not None else max(SLACK, first // 10)
        if len(self.ids) + self._bad > first + slack or page.count > first + slack:
            return self._stop(
                Broken(f"no end in sight: {len(self.ids)} rows and a count of {page.count}, first {first}")
            )
        if not received and page.next:
            return self._stop(Broken(f"the page at offset {offset} is empty but names a next one"))
        if not received or (page.next is None and end >= page.count):
            return self._stop(Done(_LAST))
        return Continue(self._offset)

    def _stop(self, end: Done | Broken) -> Done | Broken:
        self._end = end
        return end

    def _count(self, count: int) -> None:
        if self._first is None:
            self._first = count
        self._moved = self._moved or (self._last is not None and self._last != count)
        self._last = count

    def _id(self, row: Row) -> str:
        found = row.data.get(self.key)
        return found if isinstance(found, str) else ""

    def _repeats(self, came: list[str]) -> None:
        """Count repeats, and see whether this page joins the one before."""
        expected = set(self._tail)
        here: set[str] = set()
        for found in came:
            if found in expected:
                expected.discard(found)
            elif found in self.ids or found in here:
                self._duplicates += 1
            here.add(found)
        if self._pages > 1 and came and not (self._tail and len(expected) < len(self._tail)):
            self._joined = False

    def _check_next(self, following: str | None) -> None:
        if following is None:
            return
        if self.host and origin(following) != origin(self.host):
            self._note("'next' names another host")
        try:
            offset = int(parse_qs(urlsplit(following).query).get("offset", ["0"])[-1])
        except ValueError:
            offset = 0
        if offset <= self._offset:
            self._note("'next' does not move on")

    def _note(self, note: str) -> None:
        self._notes[note] = None

    def _judge(self) -> tuple[bool, str]:
        distinct = len(self.ids)
        if self._end is None:
            return False, "the walk did not end"
        if isinstance(self._end, Broken) or self._end.reason != _LAST:
            return False, self._end.reason
        if self._lost or self._bad:
            return False, "; ".join(self._lost) or f"{counted(self._bad, 'row')} could not be read"
        came = f"{counted(distinct, 'distinct row')} came"
        if self._moved or self._first != self._last:
            return False, f"the list moved: it counted {self._first:,}, then {self._last:,}; {came}"
        if distinct != self._last:
            return False, f"{came} where the server counts {self._last:,}"
        return True, plural(distinct, "the one row came", f"all {distinct:,} rows came")


async def pages(fetch: Callable[[int, int], Awaitable[Page]], walk: PageWalk) -> AsyncIterator[Page]:
    """Every page of a walk; ``walk.result()`` afterwards says what it proved.

    A page that breaks the walk is not given out, and one that cannot be read is stepped over: the others still come. A
    caller that leaves early should call ``walk.stop(reason)``.

    Args:
        fetch: Gets the page for a limit and an offset.
        walk: The decisions, fresh.
    """
    step: Step = Continue(walk.offset)
    while isinstance(step, Continue):
        try:
            page = await fetch(walk.limit, step.offset)
        except Contract as problem:
            onward = walk.lose(problem.message)
            if onward is None:
                raise
            step = onward
            continue
        step = walk.feed(page)
        if not isinstance(step, Broken):
            yield page
