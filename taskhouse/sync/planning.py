"""Gathering what an estimate rests on: the warehouse, and one request that counts the tasks."""

from datetime import UTC, datetime, timedelta

from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.sync import hot, rows
from taskhouse.sync.context import Context
from taskhouse.sync.estimate import Estimate, Facts, estimate
from taskhouse.sync.tasks import hot_tasks, watched
from taskhouse.warehouse import state

EVER = datetime(2000, 1, 1, tzinfo=UTC)


async def plan(context: Context) -> tuple[Facts, Estimate]:
    """What a sync, a day and a first load would spend; asks for one row, and changes nothing.

    A first load knows only the number of tasks: it takes every one to have a run, and a third of the runs to have
    a log that has not expired, until the list of tasks has been read.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    facts = await gather(context)
    return facts, estimate(facts, context.settings)


async def gather(context: Context) -> Facts:
    """The numbers."""
    now = context.now()
    days = context.settings.first_load_days
    oldest = now - timedelta(days=days) if days else EVER
    held = context.read(
        state.records,
        "facts",
        project_id=context.project_id,
        yesterday=now - timedelta(days=1),
        expired=max(now - hot.EXPIRY, oldest),
        oldest=oldest,
    )[0]
    api = TasksApi(context.client, context.project_id, priority=Priority.HOT)
    tasks = (await api.list_tasks(1, 0, **rows.EVERYTHING)).count
    unseen = max(0, tasks - held["known"])
    return Facts(
        tasks=tasks,
        known=held["known"],
        hot=len(hot_tasks(context)),
        pull_requests=sum(task["pr_open"] for task in watched(context, now)),
        moved=held["moved"],
        repositories=held["repositories"],
        unlisted=held["unlisted"] + unseen,
        unpriced=(held["unpriced"] + unseen) if context.settings.task_usage else 0,
        unread_logs=held["unread_logs"] + unseen // 3,
        streams=held["streams"],
        resting=held["resting"],
    )
