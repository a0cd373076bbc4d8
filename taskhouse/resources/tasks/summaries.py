"""Summaries: the cheap way to request tasks by name. Every requested id is returned or is absent.

A summary shows the title, the repository and the state of the latest run. ``updated_at`` only shows that something else
was saved. Such tasks are read in full, a few in a tick and many in a sweep; until then the stored task keeps its old
``updated_at``, so that the next summary shows the difference again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from taskhouse.errors import NotFound, TaskhouseError, Throttled
from taskhouse.passes.page_commits import PageCommits
from taskhouse.passes.page_spool import Comparison, Kinds, PageSpool
from taskhouse.passes.sync_pass import Pass
from taskhouse.plural import counted
from taskhouse.posthog import content
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page, digest
from taskhouse.posthog.paging import PageWalk, pages
from taskhouse.resources.tasks import record, rows, run_facts, spec
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

IDS_A_CALL = 5000
"""The most ids in one call (API facts 2)."""

REQUEST_TRIES = 3
"""How often missing ids are requested again while the list changes."""

DETAILS = 4
"""How many tasks a tick reads in full."""

MANY_DETAILS = 500
"""How many tasks a sweep of the summaries reads in full."""

Api = Callable[[], TasksApi]
"""The endpoints for the next request, which knows how long it may still wait for room in the budget."""


async def fetch(
    the_pass: Pass,
    ids: Sequence[str],
    *,
    priority: Priority,
    details: int = DETAILS,
    waits_s: float | None = None,
) -> list[str]:
    """Request summaries; stores what changed and returns the ids that are proved absent.

    Args:
        the_pass: The pass; it gets a doubt if some ids are neither returned nor absent.
        ids: The ids to request.
        priority: Class of the requests.
        details: How many tasks to read in full at most.
        waits_s: How long all of it may take while the budget has no room; None waits as long as it takes.

    Raises:
        Throttled: There was no room for so long; what came until then is stored.
    """
    clock = the_pass.context.settings.clock
    began = clock.monotonic()

    def api() -> TasksApi:
        left = None if waits_s is None else max(0.0, began + waits_s - clock.monotonic())
        return the_pass.api(priority, within_s=left)

    absent: list[str] = []
    the_pass.wanted.clear()
    for some in _slices(ids, IDS_A_CALL):
        absent += await _request(the_pass, some, api)
    batch = WriteBatch()
    try:
        for task_id in the_pass.wanted[:details]:
            await _fetch_task(the_pass, batch, task_id, api)
    except Throttled:
        await _store(the_pass, batch)
        raise
    await _store(the_pass, batch)
    return absent


async def _store(the_pass: Pass, batch: WriteBatch) -> None:
    if batch.pages:
        await the_pass.commit_ahead(batch)
    await the_pass.committed()


async def _request(the_pass: Pass, ids: Sequence[str], api: Api) -> list[str]:
    """Request until every id is returned or absent; returns those that are left."""
    the_pass.stats.asked.update(ids)
    rest = list(ids)
    for _ in range(REQUEST_TRIES):
        walk = PageWalk(host=the_pass.context.client.host)
        commits = commits_of(the_pass)
        try:
            async for page in pages(lambda limit, offset, rest=rest: api().summaries(rest, limit, offset), walk):  # type: ignore[misc]
                batch = WriteBatch()
                _take(the_pass, batch, page)
                the_pass.stats.returned.update(the_pass.stats.asked.intersection(rows.ids(page)))
                await commits.add(batch)
        except TaskhouseError:
            await commits.finish()
            raise
        await commits.finish()
        result = walk.result()
        the_pass.stats.duplicates += result.duplicates
        rest = [task_id for task_id in rest if task_id not in the_pass.stats.returned]
        if result.complete:
            return rest
        if not rest:
            return []
    the_pass.doubt(result.code, f"summaries of {counted(len(rest), 'task')}: {result.reason}")
    return []


def _take(the_pass: Pass, batch: WriteBatch, page: Page) -> None:
    """Enter a page of summaries; what they say is compared with what is stored when the batch is committed."""
    names = rows.ids(page)
    number = the_pass.page(batch, "summaries", names, page.body_sha256, page.count)
    for bad in page.bad:
        the_pass.quarantine(batch, "summaries", bad.text, bad.reason, pointer="", key=bad.key)
    at = the_pass.context.now().isoformat()
    read = (
        Summary(
            name,
            the_pass.read(batch, row, record.summary, record.SUMMARY, "summaries"),
            run_facts.in_summary(the_pass, row),
            number,
            at,
        )
        for name, row in zip(names, page.rows, strict=True)
    )
    the_pass.complete_in(batch, SUMMARIES, read)


class Summary(NamedTuple):
    """A summary.

    Attributes:
        key: The id of its task; "" if it has no valid one.
        columns: Its columns, if it could be read.
        run: What it says of its latest run (``run_facts.in_summary``).
        page: The page that it came on.
        at: When that came.
    """

    key: str
    columns: dict[str, Any] | None
    run: dict[str, Any] | None
    page: int
    at: str


def compare(the_pass: Pass, connection: Any, batch: WriteBatch, came: Sequence[Summary]) -> None:
    """Enter the sightings of the tasks, and a version of each that has changed; note which are to be read in full."""
    heads = _heads(the_pass, connection, came)
    facts = [said for one in came if (said := run_facts.of_summary(one.key, one.run, _latest(heads, one.key)))]
    run_facts.mark(run_facts.SUMMARY, the_pass, connection, batch, facts)
    changed: dict[str, tuple[dict[str, Any], Summary]] = {}
    for one in came:
        columns = one.columns
        if columns is None or columns["task_id"] not in heads:
            continue
        task_id = columns["task_id"]
        batch.see(spec.SIGHTINGS, the_pass.sighting(task_id, one.page, at=one.at))
        differs = _differs(columns, heads[task_id])
        if "updated_at" in differs or ("latest_run_status" in differs and "latest_run_id" not in columns):
            the_pass.wanted.append(task_id)
        if differs - {"updated_at"}:
            changed[task_id] = (dict(columns), one)
    for task in _whole_versions(the_pass, connection, sorted(changed)):
        columns, one = changed[task["task_id"]]
        del columns["updated_at"]  # it tells how new the rest of the task is, which is not read here
        with the_pass.quarantining(batch, "summaries", content.canonical(columns), key=task["task_id"]):
            merged = {**task, **columns, **record.merge(task["payload"], columns), "payload_sha256": None}
            batch.add(spec.VERSIONS, the_pass.stamp(merged, one.page, "summaries", at=one.at))


SUMMARIES = Comparison(compare, Summary)
KEPT: Kinds = {**rows.KEPT, "summaries": SUMMARIES}
"""What a commit of pages of any pass over tasks compares with the warehouse."""


def commits_of(the_pass: Pass) -> PageCommits:
    """The commits of a walk of a pass over tasks, which has no other one that is not finished."""
    spool = PageSpool(the_pass.context, rows.RESOURCE, KEPT)
    return PageCommits(the_pass, spool, pages=rows.COMMIT_PAGES, spooled=rows.SPOOLED_PAGES)


async def _fetch_task(the_pass: Pass, batch: WriteBatch, task_id: str, api: Api) -> None:
    """Read one task in full; if it has disappeared meanwhile, the next pass handles it."""
    try:
        row = await api().task(task_id)
    except NotFound:
        return
    number = the_pass.page(batch, f"task {task_id}", [task_id], digest(row.text))
    rows.take_one(the_pass, batch, row, number, "task")


def _latest(heads: Mapping[str, Mapping[str, Any]], task_id: str) -> str | None:
    """The stored latest run of a task, for servers whose summaries do not name it."""
    return heads[task_id]["latest_run_id"] if task_id in heads else None


def _heads(the_pass: Pass, connection: Any, came: Sequence[Summary]) -> Mapping[str, Mapping[str, Any]]:
    ids = {one.key for one in came if one.key}
    heads = state.records(connection, "tasks/heads", project_id=the_pass.context.project_id, task_ids=sorted(ids))
    return {row["task_id"]: row for row in heads}


def _whole_versions(the_pass: Pass, connection: Any, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    if not ids:
        return []
    return state.records(
        connection, "tasks/newest_versions", project_id=the_pass.context.project_id, task_ids=list(ids)
    )


def _differs(columns: Mapping[str, Any], held: Mapping[str, Any]) -> set[str]:
    def comparable(value: object) -> object:
        return value.isoformat() if isinstance(value, datetime) else value

    return {name for name, value in columns.items() if comparable(held.get(name)) != value}


def _slices(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
