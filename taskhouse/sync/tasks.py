"""Tasks: discovery by activity, summaries of what is hot, two slow sweeps, and a proof at the end of each pass.

What moves ``last_activity_at`` is not established, so discovery is only a hint that makes a pass quick; correctness
comes from the proof and from the sweeps. A pass is one of three kinds. A *tick* asks for what moved and what is hot. A
sweep of the *summaries* asks by name for every task that nothing has shown lately. A sweep of the *list* reads every
page, and is the only way for a small project, for a first load, and where a tick finds more wrong than it can mend.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from taskhouse.posthog.budget import Priority
from taskhouse.sync import discovery, hot, proof, rotation, rounds, rows, run_facts, summaries, sweep
from taskhouse.sync.context import Context
from taskhouse.sync.coverage import Pass, Report
from taskhouse.sync.passes import running
from taskhouse.sync.viewer import other
from taskhouse.warehouse import state

RESOURCE = rows.RESOURCE

AGAIN = timedelta(hours=1)
"""The time until a sweep that proved nothing is tried again."""


async def sync(context: Context) -> Report:
    """One pass over the tasks of a project; an interrupted sweep is gone on with first.

    Raises:
        TaskhouseError: The server or the warehouse failed; what was read until then is kept.
    """
    unsound = ""
    async with running(context, RESOURCE, identify=True, resume=True) as this:
        if this.bookmark is None:
            await _pass(this)
        elif unsound := await sweep.resume(this):
            this.incomplete(f"it was interrupted and cannot go on: {unsound}; a new pass begins")
            this.interrupted = True  # it judged nothing
    if not unsound:
        return this.report()
    async with running(context, RESOURCE, identify=True) as this:
        await _pass(this)
    return this.report()


async def _pass(this: Pass) -> None:
    """Do what is due."""
    if reason := other(this.context, RESOURCE, this.viewer):
        this.incomplete(reason)
        return
    due = _Due(this.context)
    missing: set[str] = set()
    if not due.list:
        if not await _tick(this, due, missing):
            return
        if not due.list_again:
            return
    await sweep.begin(this, missing)


async def _tick(this: Pass, due: "_Due", missing: set[str]) -> bool:
    """Ask for what moved, for what is hot and, where due, for what nothing has shown lately; whether it was in vain."""
    context = this.context
    this.kind = "summaries" if due.summaries else "tick"
    mark = await discovery.read(this, due.since)
    quiet = [task_id for task_id in hot_tasks(context) if task_id not in this.keys]
    missing |= set(await summaries.ask(this, quiet, priority=Priority.HOT))
    if due.summaries:
        unseen = context.read(state.records, "tasks_unseen", project_id=context.project_id, before=due.unseen_before)
        ids = [row["task_id"] for row in unseen if row["task_id"] not in missing]
        found = await summaries.ask(this, ids, priority=Priority.SWEEP, details=summaries.MANY_DETAILS)
        missing |= set(found)
    rests_on = await rotation.read(this, missing)
    await run_facts.read(this)
    if reason := await proof.prove(this, missing, rests_on):
        this.incomplete(reason)
        return True
    if mark is not None:
        this.closing.cursors.append(this.cursor(RESOURCE, "activity", mark.isoformat(), "seen"))
    return False


def hot_tasks(context: Context) -> list[str]:
    """Ids of the tasks that a tick asks for by name."""
    now = context.now()
    return hot.tasks(watched(context, now - hot.PULL_REQUEST), now)


def watched(context: Context, seen: datetime) -> Sequence[Mapping[str, Any]]:
    """Tasks that may be worth a question; with those that have an open pull request and were seen last at ``seen``."""
    now = context.now()
    return context.read(
        state.records,
        "tasks_watched",
        project_id=context.project_id,
        terminal=sorted(hot.TERMINAL),
        grace=now - hot.GRACE,
        seen=seen,
        rested=now - hot.EXPIRY,
    )


class _Due:
    """What is due, from the ledger's memory of earlier passes.

    Attributes:
        list: A sweep of the list.
        list_again: A sweep of the list, if a tick is in vain.
        summaries: A sweep of the summaries.
        unseen_before: What a sweep of the summaries asks for: tasks not seen since then.
        since: The watermark of discovery.
    """

    def __init__(self, context: Context) -> None:
        now, settings = context.now(), context.settings
        project = context.project_id
        with context.warehouse.reading("reading what is due") as connection:
            attempts = state.records(connection, "attempts", resource=RESOURCE, project_id=project)
            present = state.records(connection, "present_count", project_id=project)[0]["tasks"]
            mark = state.cursors(connection, project, RESOURCE).get("activity")
        last = {(row["kind"], row["verdict"]): row["started_at"] for row in attempts}
        walked = [last[key] for key in last if key[0] == sweep.KIND]
        proved = last.get((sweep.KIND, "complete"))
        tried = max(walked, default=None)
        self.list_again = tried is None or now - tried >= AGAIN
        self.list = (
            tried is None
            or present <= rounds.SMALL
            or (self.list_again and (proved is None or now - proved >= timedelta(hours=settings.sweep_list_hours)))
        )
        light = timedelta(hours=settings.sweep_summaries_hours)
        asked = max([*walked, *(last[key] for key in last if key == ("summaries", "complete"))], default=now)
        self.summaries = now - asked >= light / 4
        self.unseen_before = now - light * 3 / 4
        self.since: datetime = datetime.fromisoformat(mark["position"]) if mark else (tried or now)
