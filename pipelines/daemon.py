"""Dagster's daemon: only one may tick the schedules of a home, and one that another command started is noticed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from taskhouse.errors import Locked

if TYPE_CHECKING:
    from dagster import DagsterInstance

SILENT_S = 45.0
"""A daemon tells every 30 s that it runs; one that was silent for so long is gone."""


def refuse_another(
    instance: "DagsterInstance",
    folder: Path,
    *,
    waiting: Callable[[], None],
    now: Callable[[], float] = time.time,
    rest: Callable[[float], None] = time.sleep,
) -> None:
    """Make sure that no daemon of another command runs; looks until it is heard of again, or has been silent for long.

    Args:
        instance: Dagster's records of the home.
        folder: Where they are.
        waiting: Told once if a daemon was heard of just now, and may have ended since.
        now: The time.
        rest: Waits for some seconds.

    Raises:
        Locked: One runs.
    """
    last = _heard(instance)
    if now() - last > SILENT_S:
        return
    waiting()
    while now() - last <= SILENT_S:
        rest(1.0)
        if _heard(instance) > last:
            raise Locked(
                f"Another command has started the Dagster daemon on {folder}.",
                hint="Stop that one first (`dagster dev`, `dg dev` or `dagster-daemon run`): two daemons would start"
                " every run twice.",
            )


def _heard(instance: "DagsterInstance") -> float:
    """When a daemon last told that it runs, in seconds since 1970."""
    return max((beat.timestamp for beat in instance.get_daemon_heartbeats().values()), default=0.0)
