"""When to ask again for what the server refused. Pure.

A refusal is a state with a time and never an end: 404 may mean that a task is hidden for a while, and 403 may be about
what one run holds just now. It is asked about again after pauses that grow with its age, more often again before the
server's own copy is gone. After that it is lost, which is a gap.
"""

from datetime import datetime, timedelta

from taskhouse.errors import NotFound, Permanent

NOT_FOUND = "not_found"
REFUSED = "refused"
LOST = "lost"
FAILED = "error_budget"
"""The state of a stream that met errors in a row."""

STATES = frozenset({NOT_FOUND, REFUSED})
"""States of a cursor whose thing the server refused at the last look."""

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=1)

SOONEST = timedelta(seconds=15)
LATEST = timedelta(minutes=5)
"""Shortest and longest pause of a stream that failed."""

CONFIRMED = timedelta(days=1)
"""A refusal that a look so long after the first one met again is taken for lasting."""


def state_of(problem: Permanent) -> str:
    """The state that a refusal leaves."""
    return NOT_FOUND if isinstance(problem, NotFound) else REFUSED


def due(*, since: datetime, asked_at: datetime, now: datetime, until: datetime | None = None) -> bool:
    """Whether to ask again: the pause doubles up to a day, and halves as the end comes near.

    Args:
        since: When it was refused first, without a better answer since then.
        asked_at: When it was asked for last.
        now: The present moment.
        until: When the server no longer has it; None for what it keeps for good.
    """
    if until is not None and now >= until:
        return False
    pause = min(asked_at - since, LONGEST)
    if until is not None:
        pause = min(pause, (until - asked_at) / 2)
    return now - asked_at >= max(pause, SHORTEST) or asked_at < since + CONFIRMED <= now


def failed_due(*, since: datetime, asked_at: datetime, moved: bool, now: datetime) -> bool:
    """Whether to try a stream again that failed: an error mostly stays as long as the stream itself (API facts 5.5).

    Args:
        since: When it failed first without an event since then.
        asked_at: When it failed last.
        moved: Whether its run has moved since; then the pause is a quarter.
        now: The present moment.
    """
    pause = min(asked_at - since, LATEST) / (4 if moved else 1)
    return now - asked_at >= max(pause, SOONEST)


def confirmed(*, since: datetime, asked_at: datetime) -> bool:
    """Whether a second look a day later agreed with the first one."""
    return asked_at - since >= CONFIRMED
