"""Pinned tasks: one request a pass, stored as sightings of viewer and task.

The answer has no count, no pages and no times. So a pin begins when it was first seen, and a task that was pinned and
unpinned between two passes is not noticed. Only the viewer's own pins are compared with the answer; those of other
viewers stay as they are.
"""

import json
from uuid import UUID

from taskhouse.errors import NotFound
from taskhouse.passes import absences
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import Pass, PassReport
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Names
from taskhouse.resources.pinned.spec import SIGHTINGS
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "pinned"
TRIED = "pinned tasks"
MISSING = "this server does not list pinned tasks (404); if that does not change, unset TASKHOUSE_PINNED"


async def sync(context: Context) -> PassReport:
    """One pass over the tasks that the owner of the key pinned.

    If the server does not have the list, the pass is incomplete, and the stored pins stay as they are.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    async with running(context, RESOURCE, identify=True) as the_pass:
        try:
            found = await the_pass.api(Priority.CHANGES).pinned()
        except NotFound:
            the_pass.doubt("not_found", MISSING)
            the_pass.incomplete(the_pass.judgement.doubted())
        else:
            await _keep(the_pass, found)
    return the_pass.report()


async def attempt(api: TasksApi, _: object) -> tuple[str, str]:
    """Whether the server lists pinned tasks, for ``taskhouse check``.

    Raises:
        TaskhouseError: There is no answer.
    """
    try:
        found = await api.pinned()
    except NotFound:
        return "no", MISSING
    return "ok", f"the server answers; the owner of the key has pinned {len(found.names)}"


async def _keep(the_pass: Pass, found: Names) -> None:
    """Keep what the list shows, and close the pass."""
    context, viewer, batch = the_pass.context, str(the_pass.viewer), WriteBatch()
    ids = dict.fromkeys(filter(None, map(_task_id, found.names)))
    bad = [json.dumps(name).encode() for name in found.names if _task_id(name) is None]
    number = the_pass.page(batch, "pinned", list(ids), found.body_sha256, len(found.names))
    the_pass.stats.duplicates = len(found.names) - len(bad) - len(ids)
    for text in found.bad + bad:
        the_pass.quarantine(batch, RESOURCE, text, "not the id of a task", pointer="/task_ids")
    held = context.read(state.present, SIGHTINGS, project_id=context.project_id, viewer=viewer)
    gone = [task_id for task_id in held if task_id not in ids]
    batch.seen[SIGHTINGS] = [the_pass.sighting(task_id, number, viewer=viewer) for task_id in ids]
    await the_pass.commit(batch)
    the_pass.stats.server_count = the_pass.stats.server_count_end = len(found.names)
    the_pass.tell(len(ids), len(ids), "pinned tasks")
    if not absences.plausible(context, len(gone), len(held)):
        reason = f"{len(gone)} tasks are no longer pinned, more than expected at once; {absences.ACCEPT}"
        the_pass.doubt("too_many_absent", reason)
    the_pass.closing.absent[SIGHTINGS] = [the_pass.sighting(task_id, viewer=viewer) for task_id in gone]
    the_pass.complete(f"all {len(ids)} tasks that {viewer} pinned are present")


def _task_id(name: str) -> str | None:
    try:
        return str(UUID(name))
    except ValueError:
        return None
