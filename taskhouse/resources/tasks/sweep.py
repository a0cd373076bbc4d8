"""The sweep of the list: it reads every page, and finds what nothing else shows.

The first pages are requested in the class of changes, because they are all that a small project has, at every pass.

Each commit stores a bookmark with its rows, so that a pass can continue with its next page after a kill or an outage.
Pages that are not committed yet are on disk, and a pass that continues commits them first.
This is sound if the page contains a row of the last stored page, the viewer is the same, and the interruption was
short. Otherwise the pass is closed and a new one begins.
"""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from taskhouse.errors import TaskhouseError
from taskhouse.passes.page_commits import Reached
from taskhouse.passes.sync_pass import Doubt, Pass, Proof
from taskhouse.posthog.api import EVERYTHING
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page
from taskhouse.posthog.paging import PageWalk, pages
from taskhouse.resources.tasks import completeness, rotation, rounds, rows, run_facts, summaries
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

KIND = "list"
STUCK_RESUMES = 3
"""After this many resumes without progress, a pass is given up."""


async def begin(the_pass: Pass, absent: AbstractSet[str]) -> None:
    """Read the list from its start, then prove the whole."""
    the_pass.kind = KIND
    await _walk(the_pass, PageWalk(host=the_pass.context.client.host, overlap=rounds.OVERLAP_ROWS), {}, absent)


async def resume(the_pass: Pass) -> Doubt | None:
    """Continue an interrupted pass; None when it has a verdict, else why it cannot continue."""
    mark: dict[str, Any] = json.loads(the_pass.bookmark or "{}")
    if the_pass.judgement.doubts:
        return the_pass.judgement.doubted()
    if the_pass.stats.earlier["resumes"] - mark["resumes"] > STUCK_RESUMES:
        return Doubt("interrupted", f"{STUCK_RESUMES} attempts made no progress")
    walk = PageWalk(host=the_pass.context.client.host, overlap=rounds.OVERLAP_ROWS)
    count = (await the_pass.api(Priority.CHANGES).list_tasks(1, 0, **EVERYTHING)).count
    seen = the_pass.context.read(
        state.records, "tasks/walked", project_id=the_pass.context.project_id, pass_id=the_pass.pass_id
    )
    tasks = {row["key"] for row in seen if row["what"] == "task"}
    walk.resume(
        mark["walk"],
        ids=tasks | set(mark["unread"]),
        bodies=[row["key"] for row in seen if row["what"] == "page"],
        count=count,
    )
    the_pass.stats.keys |= walk.ids
    return await _walk(the_pass, walk, mark, set())


async def _walk(the_pass: Pass, walk: PageWalk, mark: Mapping[str, Any], absent: AbstractSet[str]) -> Doubt | None:
    """Read every page from the present position; None when the pass has a verdict, else why it cannot continue."""
    head, api = the_pass.api(Priority.CHANGES), the_pass.api(Priority.SWEEP)
    resumed = walk.offset if mark else None
    newest = datetime.fromisoformat(mark["newest"]) if mark.get("newest") else None
    unread: list[str] = list(mark.get("unread", ()))
    offset, commits = walk.offset, summaries.commits_of(the_pass)
    before = the_pass.stats.duplicates - walk.result().duplicates

    async def fetch(limit: int, start: int) -> Page:
        try:
            return await (head if start < rounds.SMALL else api).list_tasks(limit, start, **EVERYTHING)
        except TaskhouseError:
            await commits.finish()
            raise

    async for page in pages(fetch, walk):
        if resumed is not None and not _joined(walk, page):
            return Doubt("moved", f"the page at offset {resumed} contains no row of the previous one")
        resumed = None
        batch = WriteBatch()
        unread += rows.take(the_pass, batch, page, "list", offset)
        the_pass.stats.duplicates = before + walk.result().duplicates
        newest = max(filter(None, [newest, rows.newest(page, the_pass.context.now())]), default=None)
        the_pass.stats.server_count = page.count if the_pass.stats.server_count is None else the_pass.stats.server_count
        offset = walk.offset
        batch.cursors.append(_bookmark(the_pass, walk, newest, unread))
        await commits.add(batch, Reached(len(walk.ids), page.count, "tasks"))
    await commits.finish(WriteBatch(cursors=[_bookmark(the_pass, walk, newest, unread)]))
    await _judge(the_pass, walk, newest, absent)
    return None


def _joined(walk: PageWalk, page: Page) -> bool:
    return walk.result().joined or not walk.ids or page.count == 0


def _bookmark(the_pass: Pass, walk: PageWalk, newest: datetime | None, unread: Sequence[str]) -> Mapping[str, Any]:
    mark = {
        "walk": walk.bookmark(),
        "newest": newest.isoformat() if newest else None,
        "unread": list(unread),
        "resumes": the_pass.stats.earlier.get("resumes", 0),
    }
    return the_pass.cursor(rows.RESOURCE, "walk", json.dumps(mark), "open")


async def _judge(the_pass: Pass, walk: PageWalk, newest: datetime | None, absent: AbstractSet[str]) -> None:
    """Request the ids that did not come, and prove the whole."""
    result = walk.result()
    if not walk.ended:
        the_pass.incomplete(Doubt(result.code, result.reason))
        return
    rest = sorted({task_id for _, task_id in rows.present(the_pass)} - walk.ids - absent)
    absent = absent | {*await summaries.fetch(the_pass, rest, priority=Priority.CHANGES)}
    if result.joined:
        rotation.move_with_verdict(the_pass, rounds.whole(the_pass.started_at, the_pass.viewer))
    rests_on = Proof("listed", the_pass.started_at) if result.joined else rotation.rests_on(rotation.known(the_pass))
    await run_facts.read(the_pass)
    doubt, _ = await completeness.prove(the_pass, absent, rests_on)
    if doubt is not None:
        the_pass.incomplete(doubt)
        return
    if newest is not None:
        the_pass.closing.cursors.append(the_pass.cursor(rows.RESOURCE, "activity", newest.isoformat(), "seen"))
