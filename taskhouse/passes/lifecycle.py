"""Opening, resuming and closing passes: one at a time for each resource, in the order of their times."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from taskhouse.advice import advised, interrupted
from taskhouse.errors import Locked, TaskhouseError
from taskhouse.passes.context import Context, Progress
from taskhouse.passes.page_spool import Kinds, PageSpool
from taskhouse.passes.pass_statistics import Statistics
from taskhouse.passes.resource_lock import holding
from taskhouse.passes.sync_pass import Doubt, Pass, PassReport, Verdict
from taskhouse.passes.verdict import reason_code
from taskhouse.passes.viewer import whoami
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.request_stats import Meter
from taskhouse.resources.registry import RESOURCES
from taskhouse.warehouse import ledger, state
from taskhouse.warehouse.commit import commit

__all__ = ["Context", "Pass", "PassReport", "Progress", "Verdict", "begin", "finish", "new", "running"]

RESUME_WITHIN = timedelta(days=1)
"""A walk that was interrupted longer ago is begun anew."""

_CLOSING = ("after shutdown", "interpreter shutdown", "Event loop is closed", "Event loop stopped")
"""What asyncio and its threads say once a command is ending."""


@contextlib.asynccontextmanager
async def running(
    context: Context, resource: str, *, identify: bool = False, spooled: Kinds | None = None, resume: bool = False
) -> AsyncIterator[Pass]:
    """Open a pass and close it with its verdict; an error closes it as incomplete and is raised again.

    Args:
        context: What the pass works with.
        resource: The resource, as in ``ledger.passes``.
        identify: Ask the server whose key this is, at the start and again at the end of a pass that changed something.
            Only passes that decide about absence need it.
        spooled: The kinds of what a commit of its pages compares, if it spools pages: what the last pass read and did
            not commit is committed first.
        resume: Continue the last pass if it was interrupted while paging; ``bookmark`` then says where.

    Raises:
        Locked: Another pass of the same resource and project is running, or a later one has begun.
    """
    async with holding(context.settings, context.project_id, resource):
        the_pass = None
        if spooled is not None:
            the_pass = await asyncio.to_thread(_last, context, PageSpool(context, resource, spooled), resume=resume)
        if the_pass is None:
            the_pass = new(context, resource)
            await asyncio.to_thread(begin, the_pass)
        try:
            if identify:
                await _identify(the_pass)
            yield the_pass
            await the_pass.committed()
            if (
                identify
                and the_pass.judgement.verdict == "complete"
                and (the_pass.absent or the_pass.report().rows_added)
            ):
                await _identify(the_pass)
                the_pass.complete(the_pass.judgement.claim, the_pass.judgement.proof)
        except BaseException as problem:
            the_pass.judgement.incomplete(_why(problem), interrupted=True)
            with contextlib.suppress(Locked):  # the error itself matters more than how it is written down
                await asyncio.shield(_close(the_pass))
            raise
        await asyncio.shield(asyncio.to_thread(finish, the_pass))


async def _close(the_pass: Pass) -> None:
    """Close a pass that an error ended, after what it is still writing."""
    with contextlib.suppress(Exception):
        await the_pass.committed()
    await asyncio.to_thread(finish, the_pass)


def _why(problem: BaseException) -> Doubt:
    """The reason of a pass that an error ended."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    found = problem if isinstance(problem, TaskhouseError) else advised(problem)
    if found:
        return Doubt(reason_code(found), found.message[:500])
    closing = isinstance(problem, RuntimeError) and any(words in str(problem) for words in _CLOSING)
    if closing or interrupted(problem) or not isinstance(problem, Exception):
        return Doubt("interrupted", "it was interrupted; run `taskhouse sync` again")
    name = type(problem).__name__
    return Doubt("failed", f"an unexpected error ({name}) stopped it; `taskhouse --debug sync` shows the error")


def new(context: Context, resource: str) -> Pass:
    """A pass that begins now."""
    started = context.now()
    return Pass(context, resource, f"{started:%Y%m%dT%H%M%S}-{resource}-{secrets.token_hex(4)}", started)


async def _identify(the_pass: Pass) -> None:
    """Whose view it is; a resumed pass keeps the view it began with, and records a doubt about another."""
    viewer = await whoami(the_pass.api(Priority.CHANGES), the_pass.context.settings.key())
    if the_pass.viewer not in {None, viewer}:
        the_pass.doubt("viewer_changed", f"it began as {the_pass.viewer}, but this key belongs to {viewer}")
    else:
        the_pass.viewer = viewer


def _last(context: Context, spool: PageSpool, *, resume: bool) -> Pass | None:
    """The last pass over a resource, reopened, if it was interrupted while paging not long ago and may continue.

    Whether it may or not, the pages that it had read and not committed are.
    """
    held = spool.any()
    if not (held or resume):
        return None
    with context.warehouse.transaction(f"resuming {spool.resource}") as connection:
        row = _interrupted(connection, context, spool.resource)
        goes_on = resume and row is not None and _resumable(context, row)
        if row is not None and (held or goes_on):
            ledger.reopen(connection, row["pass_id"])
            row["resumes"] += 1
    if row is not None and held:
        row = _with_held(context, row, spool)
    spool.clear()
    return _reopened(context, row) if row is not None and goes_on else None


def _resumable(context: Context, row: state.Record) -> bool:
    """Whether an interrupted pass has a bookmark that is not too old."""
    return row["walked_at"] is not None and row["walked_at"] >= context.now() - RESUME_WITHIN


def _with_held(context: Context, row: state.Record, spool: PageSpool) -> state.Record:
    """The row of a reopened pass after the pages that it had read and not committed are."""
    the_pass = _reopened(context, row)
    try:
        with context.warehouse.transaction(f"pass {the_pass.pass_id}") as connection:
            [known] = state.records(connection, "state/committed_pages", pass_id=the_pass.pass_id)
            if the_pass.commit_held(connection, spool.read(the_pass.pass_id, known["pages"])):
                row = _interrupted(connection, context, the_pass.resource) or row
    except TaskhouseError:
        raise
    except Exception:  # noqa: BLE001 - such pages are worth no more than the requests that bring them again
        logging.getLogger("taskhouse").warning("Pages of %s that were read before are requested again.", row["pass_id"])
    return row


def _interrupted(connection: Any, context: Context, resource: str) -> state.Record | None:
    """The row of the last pass over a resource if it was interrupted, with its bookmark if it has one."""
    found = state.records(connection, "state/interrupted", project_id=context.project_id, resource=resource)
    return found[0] if found else None


def _reopened(context: Context, row: state.Record) -> Pass:
    """A pass as its last commit left it."""
    return Pass(
        context,
        row["resource"],
        row["pass_id"],
        row["started_at"],
        kind=row["kind"],
        bookmark=row["bookmark"],
        viewer=row["viewer"],
        stats=Statistics(
            Meter(row["requests"], row["retries"], row["bytes"], row["throttled_s"]),
            pages=row["pages"],
            duplicates=row["duplicates"],
            first_key=row["first_key"],
            last_key=row["last_key"],
            quarantined=row["quarantined"],
            server_count=row["server_count"],
            earlier={"rows_added": row["rows_added"], "resumes": row["resumes"]},
        ),
    )


def begin(the_pass: Pass) -> None:
    """Write the pass into the ledger as running.

    Raises:
        Locked: A pass of the same resource began later than this one.
    """
    with the_pass.context.warehouse.transaction(f"beginning {the_pass.pass_id}") as connection:
        ledger.begin(
            connection,
            pass_id=the_pass.pass_id,
            project_id=the_pass.context.project_id,
            resource=the_pass.resource,
            viewer=the_pass.viewer,
            started_at=the_pass.started_at,
        )


def finish(the_pass: Pass) -> None:
    """Close the pass in the ledger with its verdict and its cost; a complete one with its absences and watermarks.

    Raises:
        Locked: A later pass has taken its place.
    """
    with the_pass.context.warehouse.transaction(f"closing {the_pass.pass_id}") as connection:
        ledger.still_open(connection, the_pass.pass_id)
        if the_pass.judgement.verdict == "complete":
            the_pass.stats.add(commit(connection, the_pass.closing))
            resource = RESOURCES.get(the_pass.resource)
            if resource and resource.listed and the_pass.judgement.proof and the_pass.judgement.proof.at:
                ledger.close_unidentified(
                    connection,
                    project_id=the_pass.context.project_id,
                    resources=[resource.name, *resource.quarantines],
                    proven_at=the_pass.judgement.proof.at,
                    at=the_pass.context.now(),
                )
        ledger.figures(connection, **the_pass.figures(), **the_pass.stats.figures())
        ledger.finish(
            connection,
            pass_id=the_pass.pass_id,
            finished_at=the_pass.context.now(),
            interrupted=the_pass.judgement.interrupted,
            verdict=the_pass.judgement.verdict,
            reason=the_pass.judgement.reason,
            reason_code=the_pass.judgement.code,
            proof=the_pass.judgement.proof.kind if the_pass.judgement.proof else None,
            proven_at=the_pass.judgement.proof.at if the_pass.judgement.proof else None,
        )
