"""The commits of a long pass: the first ones soon, so that it can be resumed, and then many pages at once."""

from datetime import timedelta
from typing import NamedTuple

from taskhouse.passes.page_spool import PageSpool, SpooledPages
from taskhouse.passes.sync_pass import Pass
from taskhouse.warehouse.commit import WriteBatch

SOON = 2
"""Commits before pages are spooled: until the first one is in the warehouse, there is no pass to resume."""

EVERY = timedelta(seconds=10)
"""A commit follows sooner if the pages come slowly."""


class Reached(NamedTuple):
    """How far a walk is: ``done`` of ``total`` ``unit``."""

    done: int
    total: int
    unit: str


class PageCommits:
    """The commits of one walk.

    Args:
        the_pass: Its pass.
        spool: Where pages are until they are committed; what is there is of no use any more.
        pages: Pages in each of the first commits; the pages of one answer count as one. As many may be read ahead while
            one is written.
        spooled: Pages in each of the others, which are on disk before the next one is requested.
    """

    def __init__(self, the_pass: Pass, spool: PageSpool, *, pages: int, spooled: int) -> None:
        self._pass, self._spool, self._few, self._many = the_pass, spool, pages, spooled
        self._batch, self._added, self._commits, self._at = WriteBatch(), 0, 0, the_pass.context.now()
        self._reached: Reached | None = None
        self._writing: Reached | None = None
        spool.clear()

    async def add(self, page: WriteBatch, reached: Reached | None = None) -> None:
        """A page, with the cursor behind it; it is committed with others, or on disk when this returns.

        ``reached``: how far the walk is, if that is reported.

        Raises:
            Locked: As :meth:`Pass.commit_ahead`.
        """
        most = self._few
        if self._commits >= SOON:
            held = SpooledPages(page, self._pass.stats.figures())
            most = self._many if self._spool.keep(self._pass.pass_id, held) else 1
        self._batch.extend(page)
        self._reached = reached
        self._added += 1
        now = self._pass.context.now()
        if self._added >= most or (self._added >= self._few and now - self._at >= EVERY):
            await self._pass.commit_ahead(self._batch)
            self._spool.next_commit()
            self._report()
            self._batch, self._added = WriteBatch(), 0
            self._commits, self._at, self._writing = self._commits + 1, now, reached

    async def finish(self, rest: WriteBatch | None = None) -> None:
        """Commit all that is left, and ``rest``; nothing is spooled any more.

        Raises:
            Locked: As :meth:`Pass.commit`.
        """
        self._batch.extend(rest or WriteBatch())
        if self._batch.cursors or self._batch.pages:
            await self._pass.commit(self._batch)
            self._batch, self._writing = WriteBatch(), self._reached
        await self._pass.committed()
        self._report()
        self._spool.clear()

    def _report(self) -> None:
        """Report what is in the warehouse."""
        if self._writing is not None:
            self._pass.tell(*self._writing)
            self._writing = None
