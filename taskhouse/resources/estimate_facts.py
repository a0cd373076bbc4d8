"""Collects the numbers for an estimate: from the warehouse and, for what is not stored yet, from a sample."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from taskhouse.capture import capture_schedule as captures
from taskhouse.capture import open_runs
from taskhouse.passes import polling_policy
from taskhouse.passes.context import Context
from taskhouse.posthog.api import EVERYTHING, TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page
from taskhouse.resources.estimate import LOG_MOST, Facts
from taskhouse.resources.readiness import sync as readiness
from taskhouse.resources.repositories.spec import SIGHTINGS as REPOSITORIES
from taskhouse.resources.runs import last_looks
from taskhouse.resources.runs import sync as runs
from taskhouse.resources.task_usage.spec import TASK_USAGE
from taskhouse.resources.tasks import run_facts
from taskhouse.resources.tasks.list_diff import PAGE_ROWS
from taskhouse.resources.tasks.sync import hot_tasks, watched
from taskhouse.warehouse import state

EVER = datetime(2000, 1, 1, tzinfo=UTC)
PAGES, LISTS = 3, 12
"""How many pages of tasks, and lists of runs, a sample requests; with the repositories, at most 16 requests."""


async def gather(context: Context) -> Facts:
    """The numbers; changes nothing.

    If there is a history, this requests one row to get the number of tasks. Before a first load it requests a sample,
    with at most 16 requests, and the result is a range.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    counts = _counts(context)
    api = TasksApi(context.client, context.project_id, priority=Priority.CHANGES)
    page = await api.list_tasks(1 if counts["known"] else PAGE_ROWS, 0, **EVERYTHING)
    facts = _facts(context, counts, page.count)
    return _due(context, facts) if facts.known else await _sampled(context, api, page, facts)


def stored(context: Context) -> Facts:
    """The numbers if there are no other tasks than those that are stored; asks nobody."""
    counts = _counts(context)
    return _due(context, _facts(context, counts, counts["known"]))


def _counts(context: Context) -> state.Record:
    now, days = context.now(), context.settings.first_load_days
    return context.read(
        state.records,
        "state/facts",
        project_id=context.project_id,
        yesterday=now - timedelta(days=1),
        oldest=now - timedelta(days=days) if days else EVER,
    )[0]


def _facts(context: Context, counts: state.Record, tasks: int) -> Facts:
    return Facts(
        tasks=tasks,
        known=counts["known"],
        hot=len(hot_tasks(context)),
        pull_requests=sum(task["pr_open"] for task in watched(context, context.now())),
        moved=counts["moved"],
        repositories=counts["repositories"],
        unlisted=counts["unlisted"],
        unpriced=counts["unpriced"] if context.settings.wants(TASK_USAGE.name) else 0,
        resting=counts["resting"],
    )


def _due(context: Context, facts: Facts) -> Facts:
    """What the passes of a home with a history would request now, by their own rules."""
    now, settings, project_id = context.now(), context.settings, context.project_id
    names = context.read(state.present, REPOSITORIES, project_id=project_id)
    answered = context.read(
        state.records, "readiness/answered", project_id=project_id, since=readiness.midnight(context)
    )
    done = {(row["repository"], row["window_days"]) for row in answered}
    answers = readiness.due(names, settings.readiness_windows, settings.readiness_overrides, done)
    tasks_to_read = context.read(state.records, "tasks/run_facts_due", project_id=project_id)
    grace = {"terminal": sorted(polling_policy.TERMINAL), "grace_s": polling_policy.GRACE.total_seconds()}
    tasks = context.read(state.records, "runs/due", project_id=project_id, **grace)
    lists = runs.due(tasks, now, most=settings.first_load_tasks, days=settings.first_load_days)
    moved = {task["task_id"] for task in lists.moved}
    days, final = settings.first_load_days, timedelta(seconds=settings.log_final_s)
    runs_known = context.read(open_runs.ask, project_id, now, days=days)
    plan = captures.plan_capture(
        runs_known.rows, now, parents=runs_known.parents, most=len(runs_known.rows), days=days, final=final
    )
    unseen = max(0, facts.tasks - facts.known)
    return replace(
        facts,
        answers=len(answers),
        details=min(run_facts.MOST_RUNS, sum(len(row["run_ids"]) for row in tasks_to_read)),
        lists=len(moved),
        last_looks=sum(task["task_id"] not in moved for task in last_looks.resting(context, runs.RESOURCE, now)),
        unlisted=len(lists.first) + lists.left + unseen,
        unpriced=(facts.unpriced + unseen) if settings.wants(TASK_USAGE.name) else 0,
        logs=sum(1 + bool(run.ancestors) for run in plan.logs),
        unread_logs=sum(1 + bool(run.ancestors) for run in plan.first) + unseen,
        streams=len(plan.streams),
        looks=len(plan.looks),
    )


async def _sampled(context: Context, api: TasksApi, page: Page, facts: Facts) -> Facts:
    """What a first load would request, from a sample of tasks and their runs, within two standard errors."""
    tasks, sample = facts.tasks, [row.data for row in page.rows]
    pages = min(PAGES, math.ceil(tasks / PAGE_ROWS))
    for number in range(1, pages):
        offset = round(number * (tasks - PAGE_ROWS) / (pages - 1))
        sample += [row.data for row in (await api.list_tasks(PAGE_ROWS, offset, **EVERYTHING)).rows]
    sample = list({task["id"]: task for task in sample if isinstance(task.get("id"), str)}.values())
    with_runs = [task for task in sample if isinstance(task.get("latest_run"), dict)]
    step = max(1, math.ceil(len(with_runs) / LISTS))
    counts = [(await api.list_runs(task["id"], 1)).count for task in with_runs[::step]]
    share, off = _share(len(with_runs), len(sample), whole=tasks)
    fewest, most = tasks * max(0.0, share - off), min(tasks, tasks * (share + off) + 2)
    mean, spread = _mean(counts, whole=len(with_runs))
    live = [task for task in with_runs if task["latest_run"].get("status") not in polling_policy.TERMINAL]
    moving = math.ceil(1.5 * len(live) * (tasks / len(sample) if sample else 1))
    return replace(
        facts,
        repositories=len((await api.repositories()).names),
        unlisted=math.floor(fewest),
        unpriced=math.ceil(most) if context.settings.wants(TASK_USAGE.name) else 0,
        unread_logs=max(0, math.floor(fewest * max(1.0, mean - spread)) - moving),
        most=(math.ceil(most), math.ceil(most * (mean + spread) * LOG_MOST), moving),
    )


def _share(part: int, seen: int, *, whole: int) -> tuple[float, float]:
    """A share and its possible error, which is 0 if everything was seen."""
    share = part / seen if seen else 0.0
    return share, 2 * math.sqrt(share * (1 - share) / seen) if 0 < seen < whole else 0.0


def _mean(counts: Sequence[int], *, whole: int) -> tuple[float, float]:
    """A mean and its possible error, which is 0 if everything was seen."""
    if not counts:
        return 1.0, 0.0
    off = 2 * max(statistics.pstdev(counts), 0.5) / math.sqrt(len(counts)) if len(counts) < whole else 0.0
    return statistics.fmean(counts), off
