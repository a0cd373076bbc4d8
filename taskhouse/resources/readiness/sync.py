"""Readiness: one snapshot a day of each repository over each of its windows.

A pass makes one request for each repository and window without a snapshot of today. An answer takes the server up to 45
seconds and about 22 GitHub requests (API facts 4.5), so four requests run at once, each with its own time limit. The
other windows of a repository that was too slow come last.

``errorInsights`` is about the whole project and not the repository (API facts 4.3); it is stored under each.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, time

from taskhouse.errors import Contract, Permanent, Retryable
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import Pass, PassReport, Proof
from taskhouse.plural import counted
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Row, digest
from taskhouse.resources.readiness import record
from taskhouse.resources.readiness.spec import SNAPSHOTS
from taskhouse.resources.repositories.spec import SIGHTINGS as REPOSITORIES
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "readiness"
AT_ONCE = 4
LIMIT_S = 90.0
"""Longest time for one answer: twice what the slowest one may take the server."""

COMMIT_ANSWERS = 50

Due = tuple[str, int]
"""A repository and a window in days."""


async def sync(context: Context, *, limit_s: float = LIMIT_S) -> PassReport:
    """One pass over what is due.

    An answer that fails or takes longer than ``limit_s`` does not delay the others, and makes the pass incomplete.

    Raises:
        TaskhouseError: The warehouse failed, or the server refuses the key.
    """
    async with running(context, RESOURCE) as the_pass:
        settings, project_id = context.settings, context.project_id
        names = context.read(state.present, REPOSITORIES, project_id=project_id)
        since = midnight(context)
        seen = context.read(state.records, "readiness/answered", project_id=project_id, since=since)
        done = {(row["repository"], row["window_days"]) for row in seen}
        pairs = due(names, settings.readiness_windows, settings.readiness_overrides, done)
        await _fetch(the_pass, pairs, limit_s)
        the_pass.stats.server_count = the_pass.stats.server_count_end = len(pairs)
        proof = Proof("listed", min([the_pass.started_at, *(row["observed_at"] for row in seen)]))
        the_pass.complete(
            f"{counted(len(pairs), 'answer was due and received', 'answers were due and all received')};"
            f" {counted(len(names), 'repository', 'repositories')}",
            proof,
        )
    return the_pass.report()


def midnight(context: Context) -> datetime:
    """When today began, in the time zone of the settings."""
    zone = context.settings.zone
    return datetime.combine(context.now().astimezone(zone).date(), time(), zone)


def due(
    repositories: Iterable[str],
    windows: tuple[int, ...],
    overrides: Mapping[str, tuple[int, ...]],
    done: set[Due],
) -> list[Due]:
    """Each repository over each of its windows, except those that are done."""
    return [
        (name, days)
        for name in repositories
        for days in overrides.get(name.lower(), windows)
        if (name, days) not in done
    ]


async def _fetch(the_pass: Pass, pairs: list[Due], limit_s: float) -> None:
    """Request each pair, four at a time, and commit from time to time."""
    waiting, slow = deque(pairs), set[str]()
    answers: asyncio.Queue[tuple[Due, Row | str]] = asyncio.Queue()

    async def work() -> None:
        while waiting:
            pair = waiting.popleft()
            found = await _one(the_pass, *pair, limit_s)
            if isinstance(found, str) and pair[0] not in slow:
                slow.add(pair[0])
                later = [other for other in waiting if other[0] == pair[0]]
                for other in later:
                    waiting.remove(other)
                waiting.extend(later)
            answers.put_nowait((pair, found))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
        batch = WriteBatch()
        for done in range(1, len(pairs) + 1):
            _take(the_pass, batch, *await answers.get())
            the_pass.tell(done, len(pairs), "answers")
            if len(batch.pages) >= COMMIT_ANSWERS:
                await the_pass.commit(batch)
                batch = WriteBatch()
        await the_pass.commit(batch)


async def _one(the_pass: Pass, repository: str, days: int, limit_s: float) -> Row | str:
    """One answer, or the reason why there is none."""
    refresh = the_pass.context.settings.readiness_refresh == "daily"
    try:
        return await the_pass.api(Priority.READINESS).readiness(repository, days, refresh=refresh, limit_s=limit_s)
    except (Retryable, Contract, Permanent) as problem:
        return problem.message


def _take(the_pass: Pass, batch: WriteBatch, pair: Due, found: Row | str) -> None:
    key = f"{pair[0]}@{pair[1]}"
    the_pass.stats.asked.add(key)
    if isinstance(found, str):
        the_pass.doubt("no_answer", f"no readiness of {pair[0]} over {counted(pair[1], 'day')}: {found}")
        return
    the_pass.stats.returned.add(key)
    number = the_pass.page(batch, f"readiness {key}", [key], digest(found.text))
    columns = the_pass.read(batch, found, record.read, record.SHAPE, RESOURCE, key=key)
    if columns is None:
        return
    if (columns["repository"].lower(), columns["window_days"]) != (pair[0].lower(), pair[1]):
        reason = f"an answer about something other than {key}"
        the_pass.quarantine(batch, RESOURCE, found.text, reason, kind="wrong_subject", key=key)
        return
    at, since = the_pass.context.now().isoformat(), midnight(the_pass.context).isoformat()
    columns["observed_at"] = at
    batch.add(SNAPSHOTS, the_pass.stamp(columns, number, RESOURCE))
    project_id = the_pass.context.project_id
    batch.good.append({"project_id": project_id, "resource": RESOURCE, "key": key, "seen_at": at, "since": since})
