"""Opening, resuming and closing passes: one at a time for each resource, in the order of their moments."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

from taskhouse.advice import advised
from taskhouse.errors import Locked, TaskhouseError
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.meter import Meter
from taskhouse.sync.alone import alone
from taskhouse.sync.context import Context, Progress
from taskhouse.sync.coverage import Pass, Report, Verdict
from taskhouse.sync.viewer import whoami
from taskhouse.warehouse import ledger, state
from taskhouse.warehouse.commit import commit

__all__ = ["Context", "Pass", "Progress", "Report", "Verdict", "begin", "finish", "new", "running"]

RESUME_WITHIN = timedelta(days=1)
"""A walk that was interrupted longer ago is begun anew."""

LISTED = {"tasks": ["tasks", "summaries"], "runs": ["runs"], "repositories": ["repositories"]}
"""By resource of a pass that reads lists: the names under which records of those lists are kept in quarantine."""


@contextlib.asynccontextmanager
async def running(
    context: Context, resource: str, *, identify: bool = False, resume: bool = False
) -> AsyncIterator[Pass]:
    """Open a pass and close it with its verdict; an error closes it as incomplete and goes on up.

    Args:
        context: What the pass works with.
        resource: The resource, as in ``ledger.passes``.
        identify: Ask the server whose key this is, at the start and again at the end of a pass that changed something;
            only passes that judge absence need it.
        resume: Go on with the last pass if it was interrupted on a walk; ``bookmark`` then says where.

    Raises:
        Locked: Another pass of the same resource and project is running, or a later one has begun.
    """
    async with alone(context.settings, context.project_id, resource):
        this = await asyncio.to_thread(_interrupted, context, resource) if resume else None
        if this is None:
            this = new(context, resource)
            await asyncio.to_thread(begin, this)
        try:
            if identify:
                await _identify(this)
            yield this
            if identify and this.verdict == "complete" and (this.absent or this.report().rows_added):
                await _identify(this)
                this.complete(this.reason, this.proof)
        except BaseException as problem:
            found = problem if isinstance(problem, TaskhouseError) else advised(problem)
            message = found.message if found else type(problem).__name__
            this.incomplete(message[:500])
            this.interrupted = True
            with contextlib.suppress(Locked):  # the error itself matters more than how it is written down
                await asyncio.shield(asyncio.to_thread(finish, this))
            raise
        await asyncio.shield(asyncio.to_thread(finish, this))


def new(context: Context, resource: str) -> Pass:
    """A pass that begins now."""
    started = context.now()
    return Pass(context, resource, f"{started:%Y%m%dT%H%M%S}-{resource}-{secrets.token_hex(4)}", started)


async def _identify(this: Pass) -> None:
    """Whose view it is; a pass that goes on keeps the one it began with, and doubts another."""
    viewer = await whoami(this.api(Priority.HOT), this.context.settings.key())
    if this.viewer not in {None, viewer}:
        this.doubt(f"it was begun as {this.viewer}, and this key is {viewer}")
    else:
        this.viewer = viewer


def _interrupted(context: Context, resource: str) -> Pass | None:
    """The last pass over a resource, reopened, if it was interrupted on a walk not long ago."""
    with context.warehouse.transaction(f"resuming {resource}") as connection:
        found = state.records(
            connection,
            "resumable",
            project_id=context.project_id,
            resource=resource,
            since=context.now() - RESUME_WITHIN,
        )
        if not found:
            return None
        row = found[0]
        ledger.reopen(connection, row["pass_id"])
    return Pass(
        context,
        resource,
        row["pass_id"],
        row["started_at"],
        kind=row["kind"],
        bookmark=row["bookmark"],
        viewer=row["viewer"],
        meter=Meter(row["requests"], row["retries"], row["bytes"], row["throttled_s"]),
        pages=row["pages"],
        duplicates=row["duplicates"],
        first_key=row["first_key"],
        last_key=row["last_key"],
        quarantined=row["quarantined"],
        server_count=row["server_count"],
        earlier={"rows_added": row["rows_added"], "resumes": row["resumes"] + 1},
    )


def begin(this: Pass) -> None:
    """Write the pass into the ledger as running.

    Raises:
        Locked: A pass of the same resource began later than this one.
    """
    with this.context.warehouse.transaction(f"beginning {this.pass_id}") as connection:
        ledger.begin(
            connection,
            pass_id=this.pass_id,
            project_id=this.context.project_id,
            resource=this.resource,
            viewer=this.viewer,
            started_at=this.started_at,
        )


def finish(this: Pass) -> None:
    """Close the pass in the ledger with its verdict and its cost; a complete one with its absences and watermarks.

    Raises:
        Locked: A later pass has taken its place.
    """
    with this.context.warehouse.transaction(f"closing {this.pass_id}") as connection:
        ledger.still_open(connection, this.pass_id)
        if this.verdict == "complete":
            this.count(commit(connection, this.closing))
            if this.proof and this.proof.at and this.resource in LISTED:
                ledger.outlived(
                    connection,
                    project_id=this.context.project_id,
                    resources=LISTED[this.resource],
                    proven_at=this.proof.at,
                    at=this.context.now(),
                )
        ledger.figures(connection, **this.figures())
        ledger.finish(
            connection,
            pass_id=this.pass_id,
            finished_at=this.context.now(),
            interrupted=this.interrupted,
            verdict=this.verdict,
            reason=this.reason,
            proof=this.proof.kind if this.proof else None,
            proven_at=this.proof.at if this.proof else None,
        )
