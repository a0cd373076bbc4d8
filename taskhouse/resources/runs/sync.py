"""Runs: the list of every task that may have a run that is not stored, or an older run that may change.

The newest run of a task comes with the task. The list is requested if it was never read, if the latest run is a new one
or differs from what is stored, if an older run may have changed, and once more before the log of an older run expires.
An older run that has not ended may have changed if its task was active since (``resources/tasks/activity.py``); without
that, it is requested less and less often. A pass makes one request for each such task, and one more for every further
98 runs.

A list may be refused although its runs are not: one run that the key may not read makes the task's whole list 403. Then
the known runs are requested by id, and the list again at growing intervals.

A first load requests a list for every task, which takes days. It runs beside the daily work, with a limited number of
tasks per pass and while the budget has room; lists whose logs expire next come first. Until it ends, the passes are
incomplete and say how far it is.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from taskhouse.errors import Contract, NotFound, Refused, Retryable, Throttled
from taskhouse.passes import polling_policy, refusal_policy, refusals
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.page_commits import PageCommits, Reached
from taskhouse.passes.page_spool import PageSpool
from taskhouse.passes.sync_pass import Pass, PassReport
from taskhouse.passes.verdict import ReasonCode
from taskhouse.plural import counted, plural
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page, Row, digest
from taskhouse.posthog.paging import PageWalk, pages
from taskhouse.resources.runs import last_looks, record
from taskhouse.resources.runs.spec import VERSIONS
from taskhouse.resources.tasks import activity, rows
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "runs"
AT_ONCE = 8
COMMIT_LISTS = 10
"""Lists in each of the first commits of a pass; as many may be read ahead while one is written."""

SPOOLED_LISTS = 400
"""Lists in each of the others: what came is on disk by then, so a kill costs only the requests that are under way."""

UNREAD = "unread"
"""The state of a list with an unreadable record: it is requested again at the next pass."""

Task = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """The tasks whose lists to request.

    Attributes:
        moved: Tasks that changed, in any order.
        first: Tasks that this pass lists for the first time, nearest to expiry first.
        left: How many tasks without a list are left for later passes.
        passed_over: How many tasks without a list have had no activity for longer than the settings allow.
    """

    moved: list[Task]
    first: list[Task]
    left: int
    passed_over: int


async def sync(context: Context) -> PassReport:
    """One pass over the runs of the tasks that changed.

    Raises:
        TaskhouseError: The server or the warehouse failed; everything read before that is stored.
    """
    async with running(context, RESOURCE, spooled={}) as the_pass:
        now = context.now()
        tasks = context.read(
            state.records,
            "runs/due",
            project_id=context.project_id,
            terminal=sorted(polling_policy.TERMINAL),
            grace_s=polling_policy.GRACE.total_seconds(),
        )
        wanted = due(tasks, now, most=context.settings.first_load_tasks, days=context.settings.first_load_days)
        moved = {task["task_id"] for task in wanted.moved}
        rested = [task for task in last_looks.due(the_pass) if task["task_id"] not in moved]
        total = len(wanted.moved) + len(wanted.first) + len(rested)
        await _list(the_pass, wanted.moved, Priority.CHANGES, total)
        with suppress(Throttled):
            await _list(the_pass, rested, Priority.FIRST, total)
            await _list(the_pass, wanted.first, Priority.FIRST, total)
        the_pass.stats.server_count = the_pass.stats.server_count_end = total
        if left := wanted.left + sum(task["task_id"] not in the_pass.stats.asked for task in wanted.first):
            runs = f"the runs of {counted(left, 'task')}"
            the_pass.doubt("unfinished", f"first load: {runs} are still to be listed; run it again")
        await refusals.tell(the_pass, (RESOURCE,), "list of runs", "lists of runs")
        read = "all that are not refused" if the_pass.judgement.notes else "all"
        rests_on = last_looks.proof(the_pass)
        the_pass.complete(
            f"the runs of {counted(len(the_pass.stats.asked), 'task')} were due, and {read} were read; every list"
            f" with a run whose log still exists was read at {rests_on.at:%Y-%m-%d %H:%M} UTC or later"
            + left_out(wanted.passed_over, "task", "tasks", context.settings.first_load_days),
            rests_on,
        )
    return the_pass.report()


def left_out(count: int, one: str, many: str, days: int | None) -> str:
    """What a first load leaves out because of its age, in words; "" if nothing."""
    if not count or days is None:
        return ""
    what = counted(count, f"{one} without activity", f"{many} without activity")
    were = plural(count, "was", "were")
    return f"; {what} for more than {counted(days, 'day')} {were} left out (TASKHOUSE_FIRST_LOAD_DAYS)"


def due(tasks: Iterable[Task], now: datetime, *, most: int, days: int | None) -> Due:
    """What to request; rows as the query ``runs/due`` returns them."""
    moved: list[Task] = []
    unlisted: list[Task] = []
    passed_over = 0
    for task in tasks:
        if not task["never"]:
            if task["moved"] or task["state"] == UNREAD or _older_moves(task, now) or _refused_is_due(task, now):
                moved.append(task)
        elif days is not None and task["changed_at"] is not None and now - task["changed_at"] > timedelta(days=days):
            passed_over += 1
        else:
            unlisted.append(task)
    unlisted.sort(key=lambda task: polling_policy.expires(task["changed_at"] or now, now))
    return Due(moved, unlisted[:most], max(0, len(unlisted) - most), passed_over)


def _older_moves(task: Task, now: datetime) -> list[str]:
    """Ids of a task's older runs that may have changed."""
    return [
        run["run_id"]
        for run in task["older"] or ()
        if polling_policy.due(
            status=run["status"],
            changed_at=run["changed_at"],
            asked_at=task["listed_at"],
            now=now,
            scheduled_at=run["scheduled_at"],
            is_active=task["is_active"],
        )
    ]


def _refused_is_due(task: Task, now: datetime) -> bool:
    """Whether to request a refused list again; at once if its task was seen since."""
    if task["state"] not in refusal_policy.STATES:
        return False
    seen = task["state"] == refusal_policy.NOT_FOUND and task["task_seen_at"] > task["listed_at"]
    return seen or refusal_policy.due(since=task["since"], asked_at=task["listed_at"], now=now)


async def _list(the_pass: Pass, wanted: list[Task], priority: Priority, total: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(task: Task) -> "_Answer":
        await gate.acquire()  # until the answer is taken, so that few wait for a commit
        return await _fetch(the_pass, task, priority)

    spool = PageSpool(the_pass.context, RESOURCE, {})
    commits = PageCommits(the_pass, spool, pages=COMMIT_LISTS, spooled=SPOOLED_LISTS)
    requests = [asyncio.ensure_future(one(task)) for task in wanted]
    try:
        for answer in asyncio.as_completed(requests):
            batch = WriteBatch()
            _take(the_pass, batch, await answer)
            gate.release()
            reached = Reached(len(the_pass.stats.asked), total, "tasks")
            the_pass.tell(*reached)
            await commits.add(batch, reached)
    except Retryable:
        await commits.finish()
        raise
    finally:
        for future in requests:
            future.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
    await commits.finish()


@dataclass(frozen=True, slots=True)
class _Answer:
    """The answer to a request for a task's list of runs.

    Attributes:
        task: The task, as the query ``runs/due`` returns it.
        pages: Every page of the list.
        rows: Runs that were requested by id because the list was refused.
        refusal: The state of a refused list.
        problem: Why the runs are not complete otherwise ("" if they are).
    """

    task: Task
    pages: list[Page] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    refusal: str | None = None
    problem: str = ""
    code: ReasonCode = "no_answer"


async def _fetch(the_pass: Pass, task: Task, priority: Priority) -> _Answer:
    """Every page of a task's runs, or the known ones by id if the list is refused."""
    api, task_id = the_pass.api(priority), task["task_id"]
    walk = PageWalk(host=the_pass.context.client.host, overlap=2)
    try:
        run_pages = [page async for page in pages(lambda limit, offset: api.list_runs(task_id, limit, offset), walk)]
    except NotFound as refusal:
        return _Answer(task, refusal=refusal_policy.state_of(refusal))
    except Refused as refusal:
        runs, trouble = await _one_by_one(api, task, the_pass.context.now())
        return _Answer(task, rows=runs, refusal=refusal_policy.state_of(refusal), problem=trouble)
    except Contract as problem:
        return _Answer(task, problem=problem.message)
    result = walk.result()
    the_pass.stats.duplicates += result.duplicates
    return _Answer(task, run_pages, problem="" if result.complete else result.reason, code=result.code)


async def _one_by_one(api: TasksApi, task: Task, now: datetime) -> tuple[list[Row], str]:
    """The latest run of a task and the older ones that may have changed, and why they are not complete."""
    runs: list[Row] = []
    problems: list[str] = []
    older = _older_moves(task, now) if task.get("older") else []
    for run_id in dict.fromkeys([task["latest_run_id"], *older]):
        try:
            runs.append(await api.run(task["task_id"], run_id))
        except (NotFound, Refused):
            continue  # the capture of the run keeps that as a state
        except Contract as problem:
            problems.append(problem.message)
    return runs, "; ".join(problems)


def _take(the_pass: Pass, batch: WriteBatch, answer: _Answer) -> None:
    task_id = answer.task["task_id"]
    unnamed, unread = f"a run of {task_id}", the_pass.stats.quarantined
    the_pass.stats.asked.add(task_id)
    if answer.pages:
        the_pass.stats.returned.add(task_id)
    for page in answer.pages:
        names = rows.ids(page)
        number = the_pass.page(batch, f"runs of {task_id}", names, page.body_sha256, page.count)
        for bad in page.bad:
            the_pass.quarantine(batch, RESOURCE, bad.text, bad.reason, pointer="", key=bad.key or unnamed)
        for row, name in zip(page.rows, names, strict=True):
            _take_run(the_pass, batch, task_id, row, number, name or unnamed)
    for row in answer.rows:
        key = str(row.data.get("id"))
        _take_run(the_pass, batch, task_id, row, the_pass.page(batch, f"run {key}", [key], digest(row.text)), key)
    readable = the_pass.stats.quarantined == unread
    if answer.pages and not answer.problem and readable:
        at = the_pass.context.now().isoformat()
        batch.good.append(
            {"project_id": the_pass.context.project_id, "resource": RESOURCE, "key": unnamed, "seen_at": at}
        )
    if answer.problem:
        the_pass.doubt(answer.code, f"runs of {task_id}: {answer.problem}")
    if answer.refusal or not answer.problem:
        state_now = answer.refusal or ("listed" if readable else UNREAD)
        batch.cursors.append(the_pass.cursor(RESOURCE, task_id, answer.task["latest_run_id"], state_now))
    if not answer.problem:
        batch.cursors += activity.listed(the_pass, answer.task)


def _take_run(the_pass: Pass, batch: WriteBatch, task_id: str, row: Row, number: int, key: str) -> None:
    columns = the_pass.read(batch, row, record.run_of(task_id), record.SHAPE, RESOURCE, key=key)
    if columns is not None:
        batch.add(VERSIONS, the_pass.stamp(columns, number, RESOURCE))
