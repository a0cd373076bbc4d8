"""Whether a run is the one that was asked for, or of the task that shows it."""

from collections.abc import Callable
from typing import Any

from taskhouse.posthog import records
from taskhouse.posthog.pages import Row

ELSEWHERE = ("a run of another task than", "another run than")
"""How the reasons of such records begin: what they say can be read, and yet has no place."""


def run_of(task_id: str, run_id: str | None = None) -> Callable[[Row], dict[str, Any]]:
    """What reads a run of a task, by its id if one was asked for.

    It raises ``BadRecord`` as :func:`records.run` does, and for another run or a run of another task, whatever else is
    wrong with it.
    """

    def read(row: Row) -> dict[str, Any]:
        for name, wanted, reason in zip(("task", "id"), (task_id, run_id), ELSEWHERE, strict=True):
            named = row.data.get(name)
            if wanted is not None and isinstance(named, str) and named.lower() != wanted:
                raise records.BadRecord(f"/{name}", f"{reason} {wanted}")
        return records.run(row)

    return read
