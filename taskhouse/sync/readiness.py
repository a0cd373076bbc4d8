"""Readiness: one snapshot a day of each repository over each window, never refreshed on the server by default."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from taskhouse.errors import Contract, Permanent, Retryable
from taskhouse.posthog import records
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Row, digest
from taskhouse.sync.passes import Context, Pass, Report, running
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch

RESOURCE = "readiness"
AT_ONCE = 4
"""Requests in flight: a fresh answer costs the server some 22 GitHub requests (API facts 4.5)."""

COMMIT_ANSWERS = 50

Due = tuple[str, int]


async def sync(context: Context) -> Report:
    """One pass over what is due: each repository and window that has no snapshot of today yet.

    One that fails or is slow delays no other, and leaves the pass incomplete.

    Raises:
        TaskhouseError: The warehouse failed, or the server refuses the key.
    """
    async with running(context, RESOURCE) as this:
        wanted = [
            row["repository"] for row in context.read(state.records, "repositories", project_id=context.project_id)
        ]
        seen = context.read(state.records, RESOURCE, project_id=context.project_id)
        pairs = due(wanted, context.settings.readiness_windows, seen, context)
        await _ask(this, pairs)
        this.server_count = this.server_count_end = len(pairs)
        this.complete(
            f"{len(pairs)} answers were due, and all came; {len(wanted)} repositories,"
            f" windows of {', '.join(map(str, context.settings.readiness_windows))} days"
        )
    return this.report()


def due(
    repositories: list[str],
    windows: tuple[int, ...],
    seen: list[Mapping[str, Any]] | list[dict[str, Any]],
    context: Context,
) -> list[Due]:
    """Repositories and windows without a snapshot since the day began, in the time zone of the settings."""
    zone = context.settings.zone
    today = context.now().astimezone(zone).date()
    done = {(row["repository"], row["window_days"]) for row in seen if _day(row["observed_at"], zone) >= today}
    return [(name, days) for name in repositories for days in windows if (name, days) not in done]


def _day(moment: datetime, zone: Any) -> Any:
    return moment.astimezone(zone).date()


async def _ask(this: Pass, pairs: list[Due]) -> None:
    """Ask for each pair, four at a time; commit now and then."""
    api = this.api(Priority.READINESS)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(repository: str, days: int) -> tuple[Due, Row | str]:
        async with gate:
            try:
                return (repository, days), await api.readiness(repository, days)
            except (Retryable, Contract, Permanent) as problem:
                return (repository, days), problem.message

    batch, held = Batch(), 0
    for done, answer in enumerate(asyncio.as_completed([one(*pair) for pair in pairs]), start=1):
        pair, found = await answer
        _take(this, batch, pair, found)
        held += 1
        this.tell(done, len(pairs), "answers")
        if held >= COMMIT_ANSWERS:
            await this.commit(batch)
            batch, held = Batch(), 0
    await this.commit(batch)


def _take(this: Pass, batch: Batch, pair: Due, found: Row | str) -> None:
    if isinstance(found, str):
        this.doubt(f"no readiness of {pair[0]} over {pair[1]} days: {found}")
        return
    key = f"{pair[0]}@{pair[1]}"
    number = this.page(batch, f"readiness {key}", [key], digest(found.text))
    columns = this.read(batch, found, records.readiness, records.READINESS, RESOURCE)
    if columns is None:
        return
    if (columns["repository"], columns["window_days"]) != pair:
        this.quarantine(batch, RESOURCE, found.text, f"an answer about something else than {key}", key=key)
        return
    columns["observed_at"] = this.context.now().isoformat()
    batch.readiness.append({**this.stamp(columns, number, RESOURCE)})
