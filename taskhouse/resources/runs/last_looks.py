"""A last look at lists of runs: they are read once more before the log of an older run expires.

A task shows only its latest run. Nothing shows that an older run was reopened or removed, so the list is read once more
while the log still exists, with at most a small share of the hour's requests.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from taskhouse.passes import polling_policy
from taskhouse.passes.context import Context
from taskhouse.passes.sync_pass import Pass, Proof
from taskhouse.warehouse import state

REST = timedelta(days=23)
"""After this time at rest, a run's list gets its last look, in the last week of its log."""

SHARE = 0.05
"""Share of the hour's requests that last looks may take."""

UNLIMITED = 4800
"""Requests an hour of which to take the share if the settings have no limit (API facts 1.6)."""

HOUR = timedelta(hours=1)


def allowance(per_hour: int, since_last: timedelta | None) -> int:
    """How many lists a pass may read, given the time since the last pass began."""
    share = min(since_last or HOUR, HOUR) / HOUR
    return max(0, int((per_hour or UNLIMITED) * SHARE * share))


def due(the_pass: Pass) -> Sequence[Mapping[str, Any]]:
    """The tasks whose lists this pass reads, nearest to expiry first: ``task_id`` and ``latest_run_id``."""
    return resting(the_pass.context, the_pass.resource, the_pass.started_at, pass_id=the_pass.pass_id)


def resting(context: Context, resource: str, now: datetime, *, pass_id: str = "") -> Sequence[Mapping[str, Any]]:
    """The tasks whose lists a pass that begins now reads; ``pass_id`` is its own id, if it has one yet."""
    named = {"project_id": context.project_id, "resource": resource, "pass_id": pass_id}
    before: datetime | None = context.read(state.records, "state/pass_before", **named)[0]["started_at"]
    return context.read(
        state.records,
        "runs/resting",
        project_id=context.project_id,
        expired=now - polling_policy.EXPIRY,
        soon=now - REST,
        rest_s=REST.total_seconds(),
        most=allowance(context.settings.requests_per_hour, now - before if before else None),
    )


def proof(the_pass: Pass) -> Proof:
    """What a verdict on the runs is based on: the oldest reading of a list with a run whose log still exists."""
    context = the_pass.context
    named = {"project_id": context.project_id, "expired": the_pass.started_at - polling_policy.EXPIRY}
    looked_at = context.read(state.records, "runs/oldest_look", **named)[0]["looked_at"]
    return Proof("listed", min(the_pass.started_at, looked_at or the_pass.started_at))
