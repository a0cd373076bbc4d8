"""The runs of which something may still be read, as the warehouse knows them.

A run is left out once it has ended, the server no longer has its stream, and its log was read to its end. This follows
from what is stored each time it is asked. So a run that starts again, a log that is read anew, another setting or a
clock that was set back brings a run in again, and nothing has to remember that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from taskhouse.capture.capture_schedule import FINAL, STREAM_KEPT, parents_of
from taskhouse.passes import polling_policy, refusal_policy
from taskhouse.warehouse import state


@dataclass(frozen=True, slots=True)
class OpenRuns:
    """What a plan needs of the runs of a project.

    Attributes:
        rows: The runs, as the query ``run_events/open`` returns them.
        parents: For each of them and for its ancestors, the run that it resumed.
        passed_over: How many runs are left out because their log was never read and they are older than the settings
            allow.
    """

    rows: list[state.Record]
    parents: dict[str, str | None]
    passed_over: int


def ask(connection: Any, project_id: int, now: datetime, *, days: int | None, run_ids: Iterable[str] = ()) -> OpenRuns:
    """The runs of a project of which something may still be read at ``now``, and those in ``run_ids``.

    Logs of runs that have been at rest for more than ``days`` are never started; None reads all.
    """
    found = state.records(
        connection,
        "run_events/open",
        project_id=project_id,
        now=now,
        run_ids=sorted(run_ids),
        terminal=sorted(polling_policy.TERMINAL),
        refused=sorted(refusal_policy.STATES),
        final=sorted(FINAL),
        stream_kept_s=STREAM_KEPT.total_seconds(),
        oldest=None if days is None else now - timedelta(days=days),
    )
    rows = [row for row in found if row["run_id"] is not None]
    parents = parents_of(rows)
    if asked := sorted({parent for parent in parents.values() if parent is not None} - parents.keys()):
        chains = state.records(connection, "run_events/resumed", project_id=project_id, run_ids=asked)
        parents = dict.fromkeys(asked) | parents_of(chains) | parents
    return OpenRuns(rows, parents, found[0]["passed_over"])
