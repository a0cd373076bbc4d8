"""Tasks: discovery by activity, summaries of what is hot, and the sweep that proves the whole.

What moves ``last_activity_at`` is not established, so discovery is only a hint that makes a pass quick. A pass is
complete when the tasks that are present here are as many as the server counts, every id asked for came back or is
recorded as absent, and it was the same key's view as before. Where the quick way does not reach that, the pass sweeps.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from taskhouse.posthog import records
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page, Row
from taskhouse.posthog.paging import PageWalk, Verdict, pages
from taskhouse.sync import hot
from taskhouse.sync.passes import Context, Pass, Report, previous_viewer, running
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch

RESOURCE = "tasks"
EVERYTHING = {"internal": "all", "archived": "all"}
ASK = 5000
"""Ids in one summaries call at most (API facts 2)."""

SMALL = 300
"""Up to so many tasks a sweep costs no more than asking around it."""

SWEEP_EVERY = timedelta(days=1)
OVERLAP = timedelta(minutes=10)
COMMIT_PAGES = 10
ABSENT_SHARE = 0.2
ABSENT_ANYWAY = 20
"""More absences than this share of what was present, and than this number, are not believed."""

Known = Mapping[str, Mapping[str, Any]]


async def sync(context: Context) -> Report:
    """One pass over the tasks of a project.

    Raises:
        TaskhouseError: The server or the warehouse failed; what was read until then is kept.
    """
    async with running(context, RESOURCE, identify=True) as this:
        before = previous_viewer(context, RESOURCE)
        if before not in {None, this.viewer} and not context.settings.accept_viewer:
            this.incomplete(
                f"this key sees the project as {this.viewer}, the history so far as {before};"
                " set TASKHOUSE_ACCEPT_VIEWER=true once to go on with the new view"
            )
            return this.report()
        if not await _quick(this) or not await _proved(this):
            await _sweep(this)
    return this.report()


async def _quick(this: Pass) -> bool:
    """Discovery and the hot set; False where only a sweep will do."""
    context = this.context
    marks = context.read(state.cursors, context.project_id, RESOURCE)
    swept, activity = marks.get("sweep"), marks.get("activity")
    if swept is None or activity is None or context.now() - swept["updated_at"] >= SWEEP_EVERY:
        return False
    known = _known(context)
    if len(known) <= SMALL:
        return False
    since = datetime.fromisoformat(activity["position"]) - OVERLAP
    seen = await _discover(this, since)
    if seen is None:
        return False
    quiet = [task_id for task_id in hot.tasks(known.values(), context.now()) if task_id not in seen]
    missing = await _ask(this, quiet, known)
    await _absent(this, missing, present=len(known))
    return True


async def _discover(this: Pass, since: datetime) -> set[str] | None:
    """Read the list by activity back to ``since``; None where the server does not keep that order."""
    api = this.api(Priority.HOT)
    walk = PageWalk(host=this.context.client.host, overlap=2)
    newest: datetime | None = None
    last: datetime | None = None
    async for page in pages(
        lambda limit, offset: api.list_tasks(limit, offset, ordering="-last_activity_at", **EVERYTHING), walk
    ):
        times = [_activity(row) for row in page.rows]
        if any(time is None for time in times) or times != sorted(times, reverse=True, key=lambda time: time or since):
            return None
        batch = Batch()
        _take(this, batch, page, "list by activity")
        this.server_count = page.count
        newest = newest or (times[0] if times else None)
        last = times[-1] if times else last
        await this.commit(batch)
        if last is None or last < since:
            walk.stop("back at the watermark")
            break
    if newest is not None:
        await this.commit(Batch(cursors=[this.cursor(RESOURCE, "activity", newest.isoformat(), "seen")]))
    return set(this.keys)


async def _proved(this: Pass) -> bool:
    """Whether the server counts as many tasks as are present here; closes the pass if so."""
    page = await this.api(Priority.HOT).list_tasks(1, 0, **EVERYTHING)
    present = len(_known(this.context))
    this.server_count_end = page.count
    return present == page.count and this.complete(f"all {present} tasks that the server counts are present")


async def _sweep(this: Pass) -> None:
    """Read the whole list, and settle what is absent."""
    api = this.api(Priority.SWEEP)
    walk = PageWalk(host=this.context.client.host, overlap=2)
    known = _known(this.context)
    batch, held, newest = Batch(), 0, None
    async for page in pages(lambda limit, offset: api.list_tasks(limit, offset, **EVERYTHING), walk):
        _take(this, batch, page, "list")
        newest = max(filter(None, [newest, *map(_activity, page.rows)]), default=None)
        this.tell(len(walk.ids), page.count, "tasks")
        held += 1
        if held >= COMMIT_PAGES:
            await this.commit(batch)
            batch, held = Batch(), 0
    await this.commit(batch)
    verdict = walk.verdict()
    this.server_count, this.server_count_end = verdict.first_count, verdict.last_count
    missing = await _ask(this, sorted(known.keys() - walk.ids), known)
    believed = await _absent(this, missing, present=len(known)) if _walked(verdict) else False
    await _judge(this, verdict, believed=believed, newest=newest)


async def _judge(this: Pass, verdict: Verdict, *, believed: bool, newest: datetime | None) -> None:
    if not verdict.complete and not (_walked(verdict) and verdict.joined and await _proved(this)):
        this.incomplete(verdict.reason)
        return
    if not believed:
        this.incomplete("more tasks are absent than is believed at once; see `taskhouse status`")
        return
    if not this.complete(f"all {verdict.distinct} tasks that the server counts are present"):
        return
    cursors: list[Mapping[str, Any]] = [this.cursor(RESOURCE, "sweep", None, "swept")]
    if newest is not None:
        cursors.append(this.cursor(RESOURCE, "activity", newest.isoformat(), "seen"))
    await this.commit(Batch(cursors=cursors))


def _walked(verdict: Verdict) -> bool:
    """Whether the walk came to the list's end, whatever moved meanwhile."""
    return verdict.complete or verdict.moved


def _take(this: Pass, batch: Batch, page: Page, request: str) -> None:
    """Enter a page of full tasks: versions of the tasks and of their latest runs, and that they were seen."""
    ids = [str(row.data.get("id")) for row in page.rows]
    number = this.page(batch, request, ids, page.body_sha256, page.count)
    for text in page.bad:
        this.quarantine(batch, RESOURCE, text, "not an object", pointer="")
    for row in page.rows:
        columns = this.read(batch, row, records.task, records.TASK, RESOURCE)
        if columns is None:
            continue
        batch.tasks.append(this.stamp(columns, number, "list"))
        batch.seen.setdefault(RESOURCE, []).append(this.sighting(columns["task_id"]))
        inner = records.latest_run(row)
        run = this.read(batch, inner, records.run, records.RUN, "runs") if inner else None
        if run is not None:
            batch.runs.append(this.stamp(run, number, "task"))


async def _ask(this: Pass, ids: Sequence[str], known: Known) -> list[str]:
    """Ask for summaries; keeps what changed and returns the ids that did not come back."""
    api = this.api(Priority.HOT)
    missing: list[str] = []
    for some in _slices(ids, ASK):
        walk = PageWalk(host=this.context.client.host)
        async for page in pages(lambda limit, offset, some=some: api.summaries(some, limit, offset), walk):  # type: ignore[misc]
            batch = Batch()
            _merge(this, batch, page, known)
            await this.commit(batch)
        verdict = walk.verdict()
        if verdict.complete:
            missing += [task_id for task_id in some if task_id not in walk.ids]
        else:
            this.doubt(f"summaries: {verdict.reason}")
    return missing


def _merge(this: Pass, batch: Batch, page: Page, known: Known) -> None:
    number = this.page(batch, "summaries", [str(row.data.get("id")) for row in page.rows], page.body_sha256, page.count)
    changed: dict[str, dict[str, Any]] = {}
    for row in page.rows:
        columns = this.read(batch, row, records.summary, records.SUMMARY, "summaries")
        if columns is None:
            continue
        batch.seen.setdefault(RESOURCE, []).append(this.sighting(columns["task_id"]))
        if _differs(columns, known.get(columns["task_id"], {})):
            changed[columns["task_id"]] = columns
    if not changed:
        return
    for held in this.context.read(
        state.records, "task_versions", project_id=this.context.project_id, task_ids=sorted(changed)
    ):
        columns = changed[held["task_id"]]
        merged = {**held, **columns, **records.merge(held["payload"], columns), "payload_sha256": None}
        batch.tasks.append(this.stamp(merged, number, "summaries"))


def _differs(columns: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    def told(value: object) -> object:
        return value.isoformat() if isinstance(value, datetime) else value

    return any(told(held.get(name)) != value for name, value in columns.items())


async def _absent(this: Pass, missing: Sequence[str], *, present: int) -> bool:
    """Record absences; refuses to believe a great many at once, which a changed view looks like."""
    if len(missing) > max(ABSENT_ANYWAY, present * ABSENT_SHARE):
        return False
    if missing:
        await this.commit(Batch(absent={RESOURCE: [this.sighting(task_id) for task_id in missing]}))
        this.absent += len(missing)
    return True


def _known(context: Context) -> Known:
    return {row["task_id"]: row for row in context.read(state.records, "tasks", project_id=context.project_id)}


def _activity(row: Row) -> datetime | None:
    text = row.data.get("last_activity_at")
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _slices(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
