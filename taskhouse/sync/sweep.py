"""The sweep of the list: every page of it, the only way to find whatever nothing else shows.

Each commit leaves a bookmark beside the rows, so that a pass that was killed or met an outage goes on with its next
page. That is sound while the page holds a row of the last one that was kept, it is the same key's view, and the
interruption was short; otherwise the pass is closed and a new one begins.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page
from taskhouse.posthog.paging import PageWalk, pages
from taskhouse.sync import proof, rotation, rounds, rows, run_facts, summaries
from taskhouse.sync.coverage import Pass, Proof
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch

KIND = "list"
OVERLAP = 2
STUCK = 3
"""Resumes without a page's progress after which a pass is given up."""


async def begin(this: Pass, missing: set[str]) -> None:
    """Walk the list from its start, then prove the whole."""
    this.kind = KIND
    await _walk(this, PageWalk(host=this.context.client.host, overlap=OVERLAP), {}, missing)


async def resume(this: Pass) -> str:
    """Go on with the walk of an interrupted pass; "" when it has been judged, else why going on is not sound."""
    mark: dict[str, Any] = json.loads(this.bookmark or "{}")
    if this.doubts:
        return "; ".join(this.doubts.values())
    if this.earlier["resumes"] - mark["resumes"] > STUCK:
        return f"{STUCK} attempts brought it no further"
    walk = PageWalk(host=this.context.client.host, overlap=OVERLAP)
    count = (await this.api(Priority.SWEEP).list_tasks(1, 0, **rows.EVERYTHING)).count
    seen = this.context.read(state.records, "walked", project_id=this.context.project_id, pass_id=this.pass_id)
    tasks = {row["key"] for row in seen if row["what"] == "task"}
    walk.resume(
        mark["walk"],
        ids=tasks | set(mark["unread"]),
        bodies=[row["key"] for row in seen if row["what"] == "page"],
        count=count,
    )
    this.keys |= walk.ids
    return await _walk(this, walk, mark, set())


async def _walk(this: Pass, walk: PageWalk, mark: Mapping[str, Any], missing: set[str]) -> str:
    """Every page from where the walk stands; "" when the pass has been judged, else why it cannot go on."""
    api = this.api(Priority.SWEEP)
    resumed = walk.offset if mark else None
    newest = datetime.fromisoformat(mark["newest"]) if mark.get("newest") else None
    unread: list[str] = list(mark.get("unread", ()))
    batch, held, offset = Batch(), 0, walk.offset
    before = this.duplicates - walk.verdict().duplicates
    async for page in pages(lambda limit, start: api.list_tasks(limit, start, **rows.EVERYTHING), walk):
        if resumed is not None and not _joined(walk, page):
            return f"the page at offset {resumed} holds no row of the last one"
        resumed = None
        unread += rows.take(this, batch, page, "list", offset)
        this.duplicates = before + walk.verdict().duplicates
        newest = max(filter(None, [newest, rows.newest(page, this.context.now())]), default=None)
        this.server_count = page.count if this.server_count is None else this.server_count
        this.tell(len(walk.ids), page.count, "tasks")
        offset, held = walk.offset, held + 1
        if held >= rows.COMMIT_PAGES:
            batch.cursors.append(_bookmark(this, walk, newest, unread))
            await this.commit(batch)
            batch, held = Batch(), 0
    batch.cursors.append(_bookmark(this, walk, newest, unread))
    await this.commit(batch)
    await _judge(this, walk, newest, missing)
    return ""


def _joined(walk: PageWalk, page: Page) -> bool:
    return walk.verdict().joined or not walk.ids or page.count == 0


def _bookmark(this: Pass, walk: PageWalk, newest: datetime | None, unread: Sequence[str]) -> Mapping[str, Any]:
    mark = {
        "walk": walk.bookmark(),
        "newest": newest.isoformat() if newest else None,
        "unread": list(unread),
        "resumes": this.earlier.get("resumes", 0),
    }
    return this.cursor(rows.RESOURCE, "walk", json.dumps(mark), "open")


async def _judge(this: Pass, walk: PageWalk, newest: datetime | None, missing: set[str]) -> None:
    """Settle what did not come, and prove the whole."""
    verdict = walk.verdict()
    if not walk.ended:
        this.incomplete(verdict.reason)
        return
    held = {row["task_id"] for row in this.context.read(state.records, "present", project_id=this.context.project_id)}
    rest = sorted(held - walk.ids - missing)
    missing |= set(await summaries.ask(this, rest, priority=Priority.HOT))
    if verdict.joined:
        rotation.settle(this, rounds.whole(this.started_at, this.viewer))
    rests_on = Proof("listed", this.started_at) if verdict.joined else rotation.rests_on(rotation.known(this))
    await run_facts.read(this)
    if reason := await proof.prove(this, missing, rests_on):
        this.incomplete(reason)
        return
    if newest is not None:
        this.closing.cursors.append(this.cursor(rows.RESOURCE, "activity", newest.isoformat(), "seen"))
