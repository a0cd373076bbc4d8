"""Usage: what each task has cost so far, if the setting is on.

A pass makes one request for each task with a run that was never requested, whose runs changed since the last request,
or whose unfinished run is due by its age. A finished task is requested once more after an hour, because the server
meters later than it runs. A pass requests a limited number of tasks for the first time, newest first.

Metering may be down, or the server may not have it: a pass stops after several answers in a row without a result. A
refusal is a state with a time (``refusal_policy``): it is repeated at growing intervals, and is a doubt for a day.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from taskhouse.errors import AccessDenied, Contract, NotFound, Permanent, Refused, Retryable, TaskhouseError
from taskhouse.passes import polling_policy, refusal_policy, refusals
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import Pass, PassReport
from taskhouse.plural import counted
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Row, digest
from taskhouse.resources.task_usage import record
from taskhouse.resources.task_usage.spec import VERSIONS
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "task_usage"
TRIED = "usage of tasks"
AT_ONCE = 4
IN_A_ROW = 4
"""How many answers in a row without a result end a pass; the rest is left for the next one."""

COMMIT_ANSWERS = 100

Task = Mapping[str, Any]


async def sync(context: Context) -> PassReport:
    """One pass over the tasks whose cost may have grown.

    If an answer fails, this pass is incomplete and the next one requests it again.

    Raises:
        AccessDenied: The server refuses the key.
        TaskhouseError: The warehouse failed.
    """
    async with running(context, RESOURCE) as the_pass:
        now = context.now()
        found = context.read(
            state.records,
            "task_usage/due",
            project_id=context.project_id,
            terminal=sorted(polling_policy.TERMINAL),
            grace=polling_policy.GRACE,
            now=now,
        )
        wanted, left = due(found, now, most=context.settings.first_load_tasks, days=context.settings.first_load_days)
        await _fetch(the_pass, wanted)
        the_pass.stats.server_count = the_pass.stats.server_count_end = len(wanted)
        await refusals.tell(the_pass, (RESOURCE,), "usage of a task", "usages of tasks")
        if left:
            usage = f"the usage of {counted(left, 'task')}"
            the_pass.doubt("unfinished", f"first load: {usage} is still to be read; run it again")
        the_pass.complete(f"the usage of {counted(len(wanted), 'task')} may have grown, and all of it was read")
    return the_pass.report()


def due(found: Iterable[Task], now: datetime, *, most: int, days: int | None) -> tuple[list[str], int]:
    """Ids of the tasks to request, and how many first requests are left for later passes.

    Args:
        found: Rows as the query ``task_usage/due`` returns them.
        now: The present moment.
        most: How many tasks to request for the first time.
        days: Tasks whose runs have been at rest for longer are never requested; None requests all.
    """
    oldest = now - timedelta(days=days) if days is not None else datetime.min.replace(tzinfo=UTC)
    asked = [task for task in found if task["asked_at"] is not None]
    never = [task for task in found if task["asked_at"] is None and task["changed_at"] >= oldest]
    never.sort(key=lambda task: task["changed_at"], reverse=True)
    moved = [task["task_id"] for task in asked if _grown(task, now)]
    return moved + [task["task_id"] for task in never[:most]], max(0, len(never) - most)


def _grown(task: Task, now: datetime) -> bool:
    changed_at: datetime = task["changed_at"]
    asked_at: datetime = task["asked_at"]
    if task["state"] in refusal_policy.STATES:
        came_back = task["state"] == refusal_policy.NOT_FOUND and task["returned_at"] > asked_at
        return came_back or refusal_policy.due(since=task["since"], asked_at=asked_at, now=now)
    if asked_at < task["seen_at"]:  # by our own clock, since the server's may be behind
        return True
    if task["moves"]:
        return now - asked_at >= polling_policy.rest(now - changed_at)
    return asked_at < changed_at + polling_policy.GRACE <= now


async def attempt(api: TasksApi, run: Task | None) -> tuple[str, str]:
    """Whether the server says what a task cost, for ``taskhouse check``; it requests a task with a run, as a pass does.

    Raises:
        TaskhouseError: There is no answer.
    """
    if run is None:
        return "no", "unknown: none of the newest tasks has a run"
    try:
        answer = await api.usage(run["task"])
    except Refused:
        return "no", "the server refuses it for the newest task with a run, but may answer for others"
    cost = answer.data.get("total_cost_usd")
    amount = f"; the newest task with a run cost {cost} US dollars" if cost is not None else ", without an amount"
    return "ok", f"the server answers{amount}"


async def _fetch(the_pass: Pass, wanted: list[str]) -> None:
    """Request each task, a few at a time, and commit from time to time."""
    waiting, left = deque(wanted), len(wanted)
    answers: asyncio.Queue[tuple[str, Row | TaskhouseError]] = asyncio.Queue()
    batch, failed = WriteBatch(), 0
    denied: AccessDenied | None = None

    async def work() -> None:
        while waiting:
            task_id = waiting.popleft()
            answers.put_nowait((task_id, await _one(the_pass, task_id)))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
        while left:
            task_id, answer = await answers.get()
            failed = 0 if _take(the_pass, batch, task_id, answer) else failed + 1
            left -= 1
            if isinstance(answer, AccessDenied) and denied is None:
                denied, left = answer, left - len(waiting)
                waiting.clear()
            the_pass.tell(len(the_pass.stats.asked), len(wanted), "tasks")
            if failed >= IN_A_ROW and waiting:
                unasked = counted(len(waiting), "task was", "tasks were")
                reason = f"{unasked} not requested, because the last {failed} answers had no result"
                the_pass.doubt("no_answer", reason)
                left -= len(waiting)
                waiting.clear()
            if len(batch.pages) >= COMMIT_ANSWERS:
                await the_pass.commit(batch)
                batch = WriteBatch()
    await the_pass.commit(batch)
    if denied is not None:
        raise denied


async def _one(the_pass: Pass, task_id: str) -> Row | TaskhouseError:
    """One answer, or the reason why there is none."""
    try:
        return await the_pass.api(Priority.SWEEP).usage(task_id)
    except (Retryable, Contract, Permanent) as problem:
        return problem


def _take(the_pass: Pass, batch: WriteBatch, task_id: str, found: Row | TaskhouseError) -> bool:
    """Store an answer; False if it has no result."""
    the_pass.stats.asked.add(task_id)
    if isinstance(found, NotFound | Refused):
        batch.cursors.append(the_pass.cursor(RESOURCE, task_id, None, refusal_policy.state_of(found)))
        return False
    if isinstance(found, TaskhouseError):
        the_pass.doubt("no_answer", f"no usage of {task_id}: {found.message}")
        return False
    the_pass.stats.returned.add(task_id)
    number = the_pass.page(batch, f"usage of {task_id}", [task_id], digest(found.text))
    columns = the_pass.read(batch, found, record.read, record.SHAPE, RESOURCE, key=task_id)
    if columns is None:
        return False
    batch.add(VERSIONS, the_pass.stamp(columns | {"task_id": task_id}, number, RESOURCE))
    batch.cursors.append(the_pass.cursor(RESOURCE, task_id, None, "asked"))
    return True
