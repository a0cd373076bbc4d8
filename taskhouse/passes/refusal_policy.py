"""When to request again what the server refused. Pure.

A refusal is a state with a time, never an end: 404 may mean that a task is hidden for a while, and 403 may be due to
what one run contains at the moment. The pauses between requests grow with the age of the refusal, and shrink again
before the server's own copy expires. After that it is lost, which is a gap.
"""

from datetime import datetime, timedelta

from taskhouse.errors import NotFound, Permanent

NOT_FOUND = "not_found"
REFUSED = "refused"
LOST = "lost"
FAILED = "error_budget"
"""The state of a stream whose follower failed several times in a row; it has nothing to do with the request budget."""

STATES = frozenset({NOT_FOUND, REFUSED})
"""States of a cursor whose stream, log or list the server refused last time."""

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=1)

SOONEST = timedelta(seconds=15)
LATEST = timedelta(minutes=5)
"""Shortest and longest pause of a stream that failed."""

CONFIRMED = timedelta(days=1)
"""A refusal counts as lasting if it is met again this long after the first time."""


def state_of(problem: Permanent) -> str:
    """The state that a refusal leaves."""
    return NOT_FOUND if isinstance(problem, NotFound) else REFUSED


def due(*, since: datetime, asked_at: datetime, now: datetime, until: datetime | None = None) -> bool:
    """Whether to ask again: the pause doubles up to a day, and halves as the end comes near.

    Args:
        since: When it was first refused, without a better answer since then.
        asked_at: When it was last requested.
        now: The present moment.
        until: When the server no longer has it; None if the server keeps it.
    """
    if until is not None and now >= until:
        return False
    pause = min(asked_at - since, LONGEST)
    if until is not None:
        pause = min(pause, (until - asked_at) / 2)
    return now - asked_at >= max(pause, SHORTEST) or asked_at < since + CONFIRMED <= now


def failed_due(*, since: datetime, asked_at: datetime, moved: bool, now: datetime) -> bool:
    """Whether to try a failed stream again: an error mostly lasts as long as the stream (API facts 5.5).

    Args:
        since: When it first failed, without an event since then.
        asked_at: When it last failed.
        moved: Whether its run has changed since; then the pause is a quarter.
        now: The present moment.
    """
    pause = min(asked_at - since, LATEST) / (4 if moved else 1)
    return now - asked_at >= max(pause, SOONEST)


def confirmed(*, since: datetime, asked_at: datetime) -> bool:
    """Whether a second request, a day later, was refused too."""
    return asked_at - since >= CONFIRMED
