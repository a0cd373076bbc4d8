"""The activity of tasks with an older run that has not ended: if it moves, their list of runs is read again.

A task shows only its latest run. That an older one moved is visible at once in ``last_activity_at`` alone, which the
latest run moves too. So the newest activity of such a task is stored when a page shows it, and the activity that was
stored before its list of runs was requested is stored with that list. If they differ, the list is due once more.
Activity that moves while the list is read differs from it again. Both are times of the server.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from taskhouse.passes import polling_policy
from taskhouse.passes.page_spool import Comparison
from taskhouse.passes.sync_pass import Pass
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

SEEN, LISTED = "activity_seen", "activity_listed"

MARGIN = timedelta(minutes=10)
"""How long before a moment of our clock the server may have dated what was not visible then: clocks differ, and rows
are saved before they are visible."""

LATELY = polling_policy.COLD + MARGIN
"""Older activity says nothing new: a list with a run that has not ended is read once a day anyway."""


class Active(NamedTuple):
    """When a task was last active.

    Attributes:
        task_id: Its id.
        run_id: The id of its latest run.
        at: Its ``last_activity_at``, as ISO 8601 in UTC.
    """

    task_id: str
    run_id: str
    at: str


def note(the_pass: Pass, batch: WriteBatch, task: Mapping[str, Any], at: datetime | None, now: datetime) -> None:
    """Compare the activity of a task, as columns, with what was seen before, when the batch is committed.

    Activity in the future is not believed: it would hide all that comes before that time.
    """
    if at is not None and task["latest_run_id"] is not None and now - LATELY < at <= now + MARGIN:
        the_pass.complete_in(batch, TASKS, [Active(task["task_id"], task["latest_run_id"], at.isoformat())])


def mark(the_pass: Pass, connection: Any, batch: WriteBatch, came: Sequence[Active]) -> None:
    """Store the activity of tasks with an older run that has not ended, if it moved."""
    moved = state.records(
        connection,
        "tasks/activity_moved",
        project_id=the_pass.context.project_id,
        task_ids=[one.task_id for one in came],
        run_ids=[one.run_id for one in came],
        moments=[one.at for one in came],
        terminal=sorted(polling_policy.TERMINAL),
        margin_s=MARGIN.total_seconds(),
    )
    batch.cursors += [the_pass.cursor(SEEN, row["task_id"], row["at"], "seen") for row in moved]


TASKS = Comparison(mark, Active)


def listed(the_pass: Pass, task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The cursor of a task whose list of runs was read, as the query ``runs/due`` returned it, if it was active."""
    seen = task.get("activity_seen")
    return [] if seen is None else [the_pass.cursor(LISTED, task["task_id"], seen, "listed")]
