"""Tasks: discovery by activity, summaries of hot tasks, two slow sweeps, and a proof at the end of each pass.

It is not known what moves ``last_activity_at``, so discovery only makes a pass fast; the proof and the sweeps make it
correct. There are three kinds of pass. A *tick* requests what changed and what is hot. A sweep of the *summaries*
requests by name every task that was not seen lately. A sweep of the *list* reads every page; it is used for small
projects, for a first load, and if a tick finds more differences than it can repair.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from taskhouse.errors import Throttled
from taskhouse.passes import polling_policy, viewer
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import Doubt, Pass, PassReport
from taskhouse.posthog.budget import Priority
from taskhouse.resources.tasks import completeness, discovery, rotation, rounds, rows, run_facts, summaries, sweep
from taskhouse.warehouse import state

RESOURCE = rows.RESOURCE

AGAIN = timedelta(hours=1)
"""The time until a sweep that proved nothing is tried again."""

AGAIN_FIRST = timedelta(minutes=10)
"""The same while the list was never proved; it doubles with each sweep, up to ``AGAIN``."""

SWEEP_S = 180.0
"""How long a tick sweeps the summaries while the budget has no room; the next one continues, and nothing else waits."""


async def sync(context: Context) -> PassReport:
    """One pass over the tasks of a project; it first continues an interrupted sweep.

    Raises:
        TaskhouseError: The server or the warehouse failed; everything read before that is stored.
    """
    unsound: Doubt | None = None
    async with running(context, RESOURCE, identify=True, spooled=summaries.KEPT, resume=True) as the_pass:
        if the_pass.bookmark is None:
            await _pass(the_pass)
        elif unsound := await sweep.resume(the_pass):
            reason = f"it was interrupted and cannot continue: {unsound.reason}; a new pass begins"
            the_pass.incomplete(Doubt(unsound.code, reason))
            the_pass.judgement.interrupted = True  # it judged nothing
    if not unsound:
        return the_pass.report()
    async with running(context, RESOURCE, identify=True) as the_pass:
        await _pass(the_pass)
    return the_pass.report()


async def _pass(the_pass: Pass) -> None:
    """Do what is due."""
    if doubt := viewer.changed(the_pass.context, RESOURCE, the_pass.viewer):
        the_pass.incomplete(doubt)
        return
    due = _Due(the_pass.context)
    absent: AbstractSet[str] = frozenset()
    if not due.list:
        doubt, absent = await _tick(the_pass, due)
        if doubt is None or not due.list_again:
            return
    await sweep.begin(the_pass, absent)


async def _tick(the_pass: Pass, due: "_Due") -> tuple[Doubt | None, AbstractSet[str]]:
    """Request what changed, what is hot and, if due, what was not seen lately.

    Returns:
        None if that proved the whole list, else the reason; and ids that are present here and were proved absent.
    """
    context = the_pass.context
    the_pass.kind = "summaries" if due.summaries else "tick"
    mark = await discovery.read(the_pass, due.since)
    quiet = [task_id for task_id in hot_tasks(context) if task_id not in the_pass.stats.keys]
    gone = {*await summaries.fetch(the_pass, quiet, priority=Priority.CHANGES)}
    if due.summaries:
        unseen = context.read(state.records, "tasks/unseen", project_id=context.project_id, before=due.unseen_before)
        ids = [row["task_id"] for row in unseen if row["task_id"] not in gone]
        try:
            gone |= {
                *await summaries.fetch(
                    the_pass, ids, priority=Priority.SWEEP, details=summaries.MANY_DETAILS, waits_s=SWEEP_S
                )
            }
        except Throttled:
            the_pass.kind = "tick"  # the next tick goes on with the tasks that were not seen
    rests_on, absent = await rotation.read(the_pass, gone)
    await run_facts.read(the_pass)
    doubt, absent = await completeness.prove(the_pass, absent, rests_on)
    if doubt is not None:
        the_pass.incomplete(doubt)
    elif mark is not None:
        the_pass.closing.cursors.append(the_pass.cursor(RESOURCE, "activity", mark.isoformat(), "seen"))
    return doubt, absent


def hot_tasks(context: Context) -> list[str]:
    """Ids of the tasks that a tick requests by name."""
    now = context.now()
    return polling_policy.tasks(watched(context, now - polling_policy.PULL_REQUEST), now)


def watched(context: Context, seen: datetime) -> Sequence[Mapping[str, Any]]:
    """Tasks that may be requested, including those with an open pull request that were last seen at ``seen``."""
    now = context.now()
    return context.read(
        state.records,
        "tasks/watched",
        project_id=context.project_id,
        terminal=sorted(polling_policy.TERMINAL),
        grace=now - polling_policy.GRACE,
        seen=seen,
        rested=now - polling_policy.EXPIRY,
    )


def again(failed: int) -> timedelta:
    """The time until a first load is tried again after a number of sweeps that proved nothing."""
    return min(AGAIN, AGAIN_FIRST * 2 ** min(failed - 1, 8)) if failed else AGAIN_FIRST


class _Due:
    """What is due, according to the ledger of earlier passes.

    Attributes:
        list: A sweep of the list.
        list_again: A sweep of the list, if a tick proves nothing.
        summaries: A sweep of the summaries.
        unseen_before: A sweep of the summaries requests the tasks that were not seen since then.
        since: The watermark of discovery.
    """

    def __init__(self, context: Context) -> None:
        now, settings = context.now(), context.settings
        project = context.project_id
        with context.warehouse.reading("reading what is due") as connection:
            attempts = state.records(connection, "state/attempts", resource=RESOURCE, project_id=project)
            present = state.records(connection, "tasks/present_count", project_id=project)[0]["tasks"]
            mark = state.cursors(connection, project, RESOURCE).get("activity")
        last = {(row["kind"], row["verdict"]): row["started_at"] for row in attempts}
        walked = [last[key] for key in last if key[0] == sweep.KIND]
        proved = last.get((sweep.KIND, "complete"))
        tried = max(walked, default=None)
        failed = sum(row["attempts"] for row in attempts if row["kind"] == sweep.KIND)
        light = timedelta(hours=settings.sweep_hours)
        self.list_again = tried is None or now - tried >= (again(failed) if proved is None else AGAIN)
        self.list = (
            tried is None
            or present <= rounds.SMALL
            or (self.list_again and (proved is None or now - proved >= rounds.LIST_EVERY * light))
        )
        asked = max([*walked, *(last[key] for key in last if key == ("summaries", "complete"))], default=now)
        self.summaries = now - asked >= light / 4
        self.unseen_before = now - light * 3 / 4
        self.since: datetime = datetime.fromisoformat(mark["position"]) if mark else (tried or now)
