"""Runs: the list of every task whose runs may have moved.

The newest run of a task comes with the task. The list is asked for where it never was, where the latest run is not the
one it was then or has another state, and where a run may still move. Requests a pass: one for each such task, and one
more for every further hundred runs.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from taskhouse.errors import NotFound
from taskhouse.posthog import records
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page
from taskhouse.posthog.paging import PageWalk, pages
from taskhouse.sync import hot
from taskhouse.sync.passes import Context, Pass, Report, running
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch

RESOURCE = "runs"
AT_ONCE = 8
COMMIT_TASKS = 100


async def sync(context: Context) -> Report:
    """One pass over the runs of the tasks that moved.

    Raises:
        TaskhouseError: The server or the warehouse failed; what was read until then is kept.
    """
    async with running(context, RESOURCE) as this:
        tasks = context.read(state.records, "tasks", project_id=context.project_id)
        listed = context.read(state.cursors, context.project_id, RESOURCE)
        runs = context.read(state.records, RESOURCE, project_id=context.project_id)
        wanted = due(tasks, listed, runs, context)
        await _list(this, wanted)
        this.server_count = this.server_count_end = len(wanted)
        this.complete(f"the runs of {len(wanted)} tasks may have moved, and all were read")
    return this.report()


def due(
    tasks: Iterable[Mapping[str, Any]],
    listed: Mapping[str, Mapping[str, Any]],
    runs: Iterable[Mapping[str, Any]],
    context: Context,
) -> list[Mapping[str, Any]]:
    """Tasks whose list of runs to ask for; rows as the questions ``tasks``, ``cursors`` and ``runs`` give them."""
    now = context.now()
    moving = set()
    for run in runs:
        held = listed.get(run["task_id"])
        if held is not None and hot.due(
            status=run["status"], changed_at=run["changed_at"], asked_at=held["updated_at"], now=now
        ):
            moving.add(run["task_id"])
    return [
        task
        for task in tasks
        if task["latest_run_id"] is not None
        and (task["task_id"] in moving or listed.get(task["task_id"], {}).get("position") != position(task))
    ]


def position(task: Mapping[str, Any]) -> str:
    """What the list of runs was read at: the latest run and its state."""
    return f"{task['latest_run_id']} {task['latest_run_status']}"


async def _list(this: Pass, wanted: list[Mapping[str, Any]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(task: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Page], str]:
        async with gate:
            return task, *await _pages(this, task["task_id"])

    batch, held = Batch(), 0
    asked = [asyncio.ensure_future(one(task)) for task in wanted]
    try:
        for done, answer in enumerate(asyncio.as_completed(asked), start=1):
            task, found, problem = await answer
            _take(this, batch, task, found, problem)
            held += 1
            this.tell(done, len(wanted), "tasks")
            if held >= COMMIT_TASKS:
                await this.commit(batch)
                batch, held = Batch(), 0
    finally:
        for future in asked:
            future.cancel()
    await this.commit(batch)


async def _pages(this: Pass, task_id: str) -> tuple[list[Page], str]:
    """Every page of a task's runs, and what keeps them from being all ("" if nothing does)."""
    api = this.api(Priority.HOT)
    walk = PageWalk(host=this.context.client.host, overlap=1)
    try:
        found = [page async for page in pages(lambda limit, offset: api.list_runs(task_id, limit, offset), walk)]
    except NotFound:
        return [], ""
    verdict = walk.verdict()
    return found, "" if verdict.complete else verdict.reason


def _take(this: Pass, batch: Batch, task: Mapping[str, Any], found: list[Page], problem: str) -> None:
    task_id = task["task_id"]
    for page in found:
        ids = [str(row.data.get("id")) for row in page.rows]
        number = this.page(batch, f"runs of {task_id}", ids, page.body_sha256, page.count)
        for text in page.bad:
            this.quarantine(batch, RESOURCE, text, "not an object", pointer="")
        for row in page.rows:
            columns = this.read(batch, row, records.run, records.RUN, RESOURCE)
            if columns is not None:
                batch.runs.append(this.stamp(columns, number, RESOURCE))
    if problem:
        this.doubt(f"runs of {task_id}: {problem}")
    else:
        batch.cursors.append(this.cursor(RESOURCE, task_id, position(task), "listed"))
