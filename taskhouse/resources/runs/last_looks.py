"""A last look at lists of runs that rest: once more before the log of an older run expires.

A task names its latest run only. Nothing shows that an older run of a resting task was reopened or removed, so its
list is read once more while its log can still be had, for at most a small share of the hour's requests.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from taskhouse.passes import polling_policy
from taskhouse.passes.context import Context
from taskhouse.passes.sync_pass import Pass, Proof
from taskhouse.warehouse import state

REST = timedelta(days=23)
"""A run that has rested for so long gets its last look in the week that is left to its log."""

SHARE = 0.05
"""Share of the hour's requests that last looks may take."""

UNLIMITED = 4800
"""Requests an hour to take the share of where the settings name no limit (API facts 1.6)."""

HOUR = timedelta(hours=1)


def allowance(per_hour: int, since_last: timedelta | None) -> int:
    """How many lists a pass may look at, so long after the last pass began."""
    share = min(since_last or HOUR, HOUR) / HOUR
    return max(0, int((per_hour or UNLIMITED) * SHARE * share))


def due(the_pass: Pass) -> Sequence[Mapping[str, Any]]:
    """Whose lists this pass looks at, nearest to expiry first: ``task_id`` and ``latest_run_id``."""
    return resting(the_pass.context, the_pass.resource, the_pass.started_at, pass_id=the_pass.pass_id)


def resting(context: Context, resource: str, now: datetime, *, pass_id: str = "") -> Sequence[Mapping[str, Any]]:
    """Whose lists a pass that begins now looks at; ``pass_id`` is its own name, if it has one yet."""
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
    """What a verdict on the runs rests on: the oldest look at a list with a run whose log is kept."""
    context = the_pass.context
    named = {"project_id": context.project_id, "expired": the_pass.started_at - polling_policy.EXPIRY}
    looked_at = context.read(state.records, "runs/oldest_look", **named)[0]["looked_at"]
    return Proof("listed", min(the_pass.started_at, looked_at or the_pass.started_at))
