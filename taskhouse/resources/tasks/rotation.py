"""The list in rotation: each tick continues where the last one stopped, so that every page is read once a day.

A count and one random row do not show that one task went while another came. So a tick also reads some pages of the
list. A task that is stored between the first and the last row of a page but is not on it is requested by name; a task
that is on the page but not stored is added. If the server supports ``basic``, pages contain light rows: they show that
a task exists but never create a version, and a page with a task that is not stored is read once more in full.

The position moves with the rows of a page. From the first absence on it moves with the verdict, because only a complete
pass marks a task absent; otherwise that part is read again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime
from itertools import pairwise

from taskhouse.errors import TaskhouseError, Throttled
from taskhouse.passes.sync_pass import Pass, Proof
from taskhouse.posthog.api import EVERYTHING
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page
from taskhouse.resources.tasks import rounds, rows, summaries
from taskhouse.resources.tasks.list_diff import PAGE_ROWS, Key
from taskhouse.resources.tasks.rounds import OVERLAP_ROWS, Rounds
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

CURSOR = "rotation"
REQUEST = "list, in rotation"
ROOM_S = 1.0
"""The wait for room in the budget after which the rest is left to the next tick."""

HEAD = "~"
"""An id before all others of its second."""

PAGE_TRIES = 3
"""How often a page is requested that does not join the previous one."""


async def read(the_pass: Pass, absent: AbstractSet[str]) -> tuple[Proof, AbstractSet[str]]:
    """Read on in the list as far as is due.

    Args:
        the_pass: The pass.
        absent: Ids that are present here and were proved absent.

    Returns:
        What is proved of the whole list by now; and the absent ids, with those that were found here.
    """
    walk = _Walk(the_pass, known(the_pass), absent)
    try:
        with suppress(Throttled):  # the next tick makes up for it
            for _ in range(walk.due()):
                if not await walk.step():
                    break
    except TaskhouseError:
        await walk.commits.finish()
        raise
    await walk.commits.finish()
    if walk.waits:
        move_with_verdict(the_pass, walk.rounds)
    return rests_on(walk.rounds), walk.absent


def known(the_pass: Pass) -> Rounds:
    """The stored state of the rounds; they start again for another viewer."""
    project_id = the_pass.context.project_id
    mark = the_pass.context.read(state.cursors, project_id, rows.RESOURCE).get(CURSOR)
    found = rounds.load(mark["position"]) if mark else None
    if found is None or found.viewer != the_pass.viewer:
        return Rounds(the_pass.context.now(), the_pass.viewer)
    return found


def rests_on(found: Rounds) -> Proof:
    """What the rounds prove about the whole list."""
    oldest = found.oldest()
    return Proof("counted", None) if oldest is None else Proof("listed", oldest)


def move_with_verdict(the_pass: Pass, found: Rounds) -> None:
    """Move the position with the verdict."""
    others = [cursor for cursor in the_pass.closing.cursors if cursor["key"] != CURSOR]
    the_pass.closing.cursors = [*others, the_pass.cursor(rows.RESOURCE, CURSOR, found.dump(), "read")]


class _Walk:
    """Some pages of one round.

    Attributes:
        rounds: The state of the rounds.
        absent: Ids that are present here and were proved absent.
        waits: Whether the position moves only with the verdict.
        commits: The commits of its pages.
    """

    def __init__(self, the_pass: Pass, found: Rounds, absent: AbstractSet[str]) -> None:
        self.rounds = found
        self.absent = absent
        self.waits = False
        self._this = the_pass
        self._held = rows.present(the_pass)
        self._oldest_first = self._held[::-1]
        self._ids = {key[1] for key in self._held}
        self._grown = 0
        self.commits = summaries.commits_of(the_pass)
        self._offset = max(0, self._passed() + found.skew - OVERLAP_ROWS)

    def due(self) -> int:
        """How many pages to read now."""
        return self.rounds.due(self._this.context.now(), self._passed(), len(self._held))

    async def step(self) -> bool:
        """Read and store one page; False if this pass cannot continue."""
        asked_at = self._this.context.now()
        page = await self._joined(light=True)
        if page is None:
            return False
        light = any("description" not in row.data for row in page.rows)
        if light and (page.bad or any(key is None or key[1] not in self._ids for key in map(rows.key, page.rows))):
            page, light = await self._joined(light=False), False
        return page is not None and await self._keep(page, asked_at, light=light)

    async def _joined(self, *, light: bool) -> Page | None:
        """The page at the offset, or nearer to the head so that it joins the previous rows; None if there is none."""
        api = self._this.api(Priority.SWEEP, within_s=ROOM_S)
        asked = {**EVERYTHING, "basic": "true"} if light else EVERYTHING
        for _ in range(PAGE_TRIES):
            page = await api.list_tasks(PAGE_ROWS, self._offset, **asked)
            keys = _keys(page)
            if any(one[0] < two[0] for one, two in pairwise(keys)):
                return None  # the list is in another order
            if self._offset == 0 or _joins(self.rounds.at, keys):
                return page
            self._offset = max(0, min(self._offset, page.count) - self._too_far(keys) - OVERLAP_ROWS)
        return None

    async def _keep(self, page: Page, asked_at: datetime, *, light: bool) -> bool:
        """Take in a page, request what is missing from it, and move on."""
        the_pass, batch, keys = self._this, WriteBatch(), _keys(page)
        received = len(page.rows) + len(page.bad)
        end = page.next is None and self._offset + received >= page.count
        if not end and (not keys or not _beyond(self.rounds.at, keys[-1])):
            return False  # nothing new on it
        if light:
            the_pass.page(batch, REQUEST, rows.ids(page), page.body_sha256, page.count)
        else:
            rows.take(the_pass, batch, page, REQUEST)
        here = {key[1] for key in keys}
        unseen = self._between(keys, head=self._offset == 0, end=end) - here - self.absent
        if unseen:  # a summary of a task may not be stored before an older page that has it too
            await self.commits.finish()
        gone = set(await summaries.fetch(the_pass, sorted(unseen), priority=Priority.CHANGES, details=0))
        self.absent = self.absent | gone
        self._grown += len(here - self._ids) - len(gone)
        self._ids |= here
        self.waits = self.waits or bool(gone)
        last = None if end else keys[-1]
        skew = 0 if last is None else self._offset + received - self._place(last, after=True) - self._grown
        self.rounds = self.rounds.advanced(last, asked_at, skew)
        if not self.waits:
            batch.cursors.append(the_pass.cursor(rows.RESOURCE, CURSOR, self.rounds.dump(), "read"))
        await self.commits.add(batch)
        if unseen:  # pages after it may not be taken from the disk without it, and those of the summaries came between
            await self.commits.finish()
        self._offset = max(0, self._offset + received - OVERLAP_ROWS)
        return not end

    def _between(self, keys: Sequence[Key], *, head: bool, end: bool) -> set[str]:
        """Ids of stored tasks that should be on the page."""
        first = 0 if head or not keys else self._place(max(keys))
        last = len(self._held) if end or not keys else self._place(min(keys), after=True)
        return {key[1] for key in self._held[first:last]}

    def _too_far(self, keys: Sequence[Key]) -> int:
        """How many rows too far a page began that does not join, as far as this can be known here."""
        if not keys or self.rounds.at is None:
            return PAGE_ROWS // 2
        return max(0, self._place(keys[0]) - self._place((self.rounds.at[0], HEAD)))

    def _passed(self) -> int:
        """How many of the stored tasks the round has passed."""
        return self._place(self.rounds.at, after=True) if self.rounds.at else 0

    def _place(self, key: Key, *, after: bool = False) -> int:
        """How many of the stored tasks come before a key, including itself if ``after``."""
        return len(self._held) - (bisect_left if after else bisect_right)(self._oldest_first, key)


def _joins(at: Key | None, keys: Sequence[Key]) -> bool:
    """Whether no row can be between the last row that was read and this page."""
    return at is None or at in keys or (bool(keys) and keys[0][0] > at[0])


def _beyond(at: Key | None, last: Key) -> bool:
    """Whether a page that joins reaches further than the previous rows; within a second there is no order."""
    return at is None or (last != at and last[0] <= at[0])


def _keys(page: Page) -> list[Key]:
    """The positions of the rows of a page, without rows that have none."""
    return [key for key in map(rows.key, page.rows) if key is not None]
