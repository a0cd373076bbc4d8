"""Which tasks to request now: hot, cooling, cold. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from taskhouse.posthog import reconnect_policy

TERMINAL = reconnect_policy.TERMINAL
"""Run states that end a run, until it is reopened (API facts 8)."""

GRACE = timedelta(hours=1)
"""How long a finished run is still requested, because it can be reopened."""

PULL_REQUEST = timedelta(hours=1)
"""How often a task is requested whose latest run has an open pull request."""

EXPIRY = timedelta(days=30)
"""How long the log of a run is kept on the server (API facts 7.5)."""

COOLING: tuple[tuple[timedelta, timedelta], ...] = (
    (timedelta(minutes=15), timedelta()),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(days=1), timedelta(hours=6)),
)
"""What has been unchanged for less than the first is requested every second one; after the last, once a day."""

COLD = timedelta(days=1)

RESTED = timedelta(minutes=15)
"""How often at most the activity of its task is a reason to request a run that has been unchanged for a day: a local
run stays queued for ever (API facts 8)."""

WAITING = "not_started"
"""The state of a run before it begins."""


def rest(unchanged_for: timedelta) -> timedelta:
    """The time between two requests for something that has been unchanged for this long."""
    return next((pause for age, pause in COOLING if unchanged_for < age), COLD)


def due(
    *,
    status: str | None,
    changed_at: datetime,
    asked_at: datetime,
    now: datetime,
    scheduled_at: datetime | None = None,
    is_active: bool = False,
) -> bool:
    """Whether to request it again: finished runs until once after their grace period, others less and less often.

    A scheduled run is requested once a day until its time, and then like a run that was created at that time. A run
    that has not ended is also requested if its task was active since the last time (``is_active``).
    """
    if status is None or status in TERMINAL:
        return asked_at < changed_at + GRACE
    if is_active and (now - changed_at < COLD or now - asked_at >= RESTED):
        return True
    if status == WAITING and scheduled_at is not None:
        if waits(status, scheduled_at, now):
            return now - asked_at >= COLD
        if asked_at < scheduled_at:
            return True
        changed_at = max(changed_at, scheduled_at)
    return now - asked_at >= rest(now - changed_at)


def waits(status: str | None, scheduled_at: datetime | None, now: datetime) -> bool:
    """Whether a run is scheduled for later, up to 30 days in ``not_started`` (API facts 7.4)."""
    return status == WAITING and scheduled_at is not None and now < scheduled_at


def expires(changed_at: datetime, now: datetime) -> tuple[bool, datetime]:
    """Sorts what expires next first, and what has expired last."""
    return changed_at + EXPIRY <= now, changed_at


def tasks(known: Iterable[Mapping[str, Any]], now: datetime) -> list[str]:
    """Ids of the tasks whose summaries to request; rows as the query ``tasks/watched`` returns them."""
    return [
        task["task_id"]
        for task in known
        if task["pr_open"]
        or due(
            status=task["latest_run_status"],
            changed_at=task["changed_at"],
            asked_at=task["last_seen_at"],
            now=now,
            scheduled_at=task["scheduled_at"],
        )
    ]
