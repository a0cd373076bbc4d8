"""Discovery: the newest end of the list, back to the watermark of the last complete pass.

The list is requested by activity. Servers silently ignore unknown parameters (API facts 1.7), so the order of the rows
is checked: a server without it lists by creation, and the list is then read back to the newest known task. Either way,
discovery only makes a pass fast; it proves nothing.
"""

from datetime import datetime
from itertools import pairwise

from taskhouse.passes.sync_pass import Pass
from taskhouse.posthog.api import EVERYTHING
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page, Row
from taskhouse.posthog.paging import PageWalk, pages
from taskhouse.resources.tasks import activity, rows
from taskhouse.resources.tasks.rounds import OVERLAP_ROWS
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch


async def read(the_pass: Pass, since: datetime) -> datetime | None:
    """Store what changed since a moment; returns the new watermark, or None if it may not move."""
    api = the_pass.api(Priority.CHANGES)
    walk = PageWalk(host=the_pass.context.client.host, overlap=OVERLAP_ROWS)
    orders = ["last_activity_at", "created_at"]
    mark: datetime | None = None
    last: Row | None = None
    bounds = {
        "last_activity_at": since - activity.MARGIN,
        "created_at": _newest_known(the_pass, since) - activity.MARGIN,
    }
    async for page in pages(
        lambda limit, offset: api.list_tasks(limit, offset, ordering="-last_activity_at", **EVERYTHING), walk
    ):
        orders = [name for name in orders if descends(page, name, last)]
        batch = WriteBatch()
        rows.take(the_pass, batch, page, f"list by {orders[0] if orders else 'no order'}")
        the_pass.stats.server_count = the_pass.stats.server_count or page.count
        mark = max(filter(None, [mark, rows.newest(page, the_pass.context.now())]), default=None)
        await the_pass.commit(batch)
        if not orders or not page.rows:
            walk.stop("the server keeps no usable order")
            break
        last = page.rows[-1]
        reached = rows.zoned_moment(last, orders[0])
        if reached is not None and reached < bounds[orders[0]]:
            walk.stop("back at the watermark")
            break
    result = walk.result()
    the_pass.stats.duplicates += result.duplicates
    return mark if orders[:1] == ["last_activity_at"] and (result.joined or result.pages == 1) else None


def _newest_known(the_pass: Pass, otherwise: datetime) -> datetime:
    found = the_pass.context.read(state.records, "tasks/newest", project_id=the_pass.context.project_id)
    return found[0]["created_at"] or otherwise


def descends(page: Page, name: str, last: Row | None = None) -> bool:
    """Whether the rows go back in time by this field, starting from the last row of the previous page."""
    times = [_second(row, name) for row in page.rows]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return False
    before = _second(last, name) if last is not None else None
    follows = before is None or not known or known[-1] <= before
    return follows and all(one >= two for one, two in pairwise(known))


def _second(row: Row, name: str) -> datetime | None:
    """A time of a row, to the precision that shows the order: the server may sort by more digits than it prints."""
    found = rows.zoned_moment(row, name)
    return None if found is None else found.replace(microsecond=0)
