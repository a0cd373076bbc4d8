"""What the command line and Dagster ask of the engine: a pass, a copy, ``tail``, an estimate, a replay."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from taskhouse.capture import tail
from taskhouse.errors import ConfigurationError
from taskhouse.passes.lifecycle import Context, PassReport, Progress
from taskhouse.posthog.client import PostHog
from taskhouse.resources import estimate_facts, registry, replay
from taskhouse.resources.estimate import Cost, Estimate, Facts, estimate
from taskhouse.resources.registry import RESOURCES
from taskhouse.search import index
from taskhouse.settings import Settings
from taskhouse.warehouse import derive, publish
from taskhouse.warehouse.opening import open_warehouse, warehouse_at_rest

INDEXING_S = 5.0
"""How long a pass goes on with the search index."""

INDEX_EVERY_S = 30.0
"""How often a tail brings the search index up to date."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published.

    Attributes:
        copy: The copy that is current.
        figures: What was done, by name.
    """

    copy: publish.Published
    figures: dict[str, int | str]


async def sync(
    settings: Settings,
    project_id: int,
    resource: str,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
) -> PassReport:
    """One pass over one resource of one project.

    Raises:
        ConfigurationError: There is no such resource, or the settings lack the key.
        TaskhouseError: The server or the warehouse failed.
    """
    if resource not in RESOURCES:
        raise ConfigurationError(
            f"There is no resource {resource!r}.", hint=f"The resources are: {', '.join(RESOURCES)}."
        )
    newest, until = Progress(resource, project_id, 0, None, ""), 0.0

    def moves(moved: Progress) -> None:
        nonlocal newest
        newest = moved
        progress(replace(moved, waits_s=max(0.0, until - settings.clock.monotonic())))

    def waits(seconds: float) -> None:
        nonlocal until
        until = settings.clock.monotonic() + seconds
        moves(newest)

    async with PostHog(settings) as client:
        client.budget.waits = waits
        context = Context(settings, project_id, client, open_warehouse(settings), moves)
        report: PassReport = await registry.code(resource).sync(context)
        return report


def rest_of_first_load(settings: Settings, project_id: int) -> Cost | None:
    """What a sync spends after the tasks were read, if the first load of runs is not over; None if it is.

    It sends no request.

    Raises:
        TaskhouseError: The warehouse failed.
    """
    facts = estimate_facts.stored(Context(settings, project_id, None, open_warehouse(settings)))
    return estimate(facts, settings).sync if facts.unlisted else None


async def follow(
    settings: Settings,
    stop: asyncio.Event,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
) -> list[PassReport]:
    """Follow the streams of every project of the settings until ``stop`` is set: the engine of ``taskhouse tail``.

    Raises:
        Locked: Another tail follows one of the projects.
        Full: There was no room left; everything captured until then is safe.
        TaskhouseError: The server refuses the key.
    """
    async with PostHog(settings) as client:
        warehouse = open_warehouse(settings)
        contexts = [Context(settings, project_id, client, warehouse, progress) for project_id in settings.projects()]
        indexing = asyncio.create_task(_indexing(settings))
        try:
            return list(await asyncio.gather(*[tail.run(context, stop) for context in contexts]))
        finally:
            indexing.cancel()


async def _indexing(settings: Settings) -> None:
    """Bring the search index up to date with the copies that a tail publishes, if there is one."""
    while True:
        await settings.clock.sleep(INDEX_EVERY_S)
        await asyncio.to_thread(index.follow, settings.published, settings.clock, within_s=INDEX_EVERY_S / 2)


def publish_soon(settings: Settings) -> None:
    """Let readers see and find it at once if that costs little; otherwise the next :func:`publish_all` does that."""
    publish.follow(open_warehouse(settings))
    index.follow(settings.published, settings.clock, within_s=INDEXING_S)


def publish_all(settings: Settings, *, force: bool) -> Publication | None:
    """Store what is due of what views compute from events, as far as half a minute goes, publish, and index that.

    Args:
        settings: Whose warehouse; without one, nothing is published.
        force: Publish a copy even if the last one is recent.
    """
    warehouse = open_warehouse(settings)
    computed = derive.derive(warehouse) if warehouse.exists() else derive.NOTHING
    copy = publish.publish(warehouse, settings.published, force=force)
    indexed = index.follow(settings.published, settings.clock)
    if copy is None:
        return None
    figures: dict[str, int | str] = {
        "fresh": copy.fresh,
        "runs computed": computed.runs,
        "runs to compute when asked": computed.waiting_runs,
        **({"runs and tasks to index": indexed.waiting} if indexed else {}),
        **({"search index": indexed.trouble} if indexed and indexed.trouble else {}),
    }
    return Publication(copy, figures)


async def estimate_project(settings: Settings, project_id: int) -> tuple[Facts, Estimate]:
    """What a sync, a day and a first load of one project would spend: the engine of ``taskhouse plan``.

    It makes no warehouse: before the first sync it reads an empty one, which is gone afterwards.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    warehouse = open_warehouse(settings)
    with tempfile.TemporaryDirectory(prefix="taskhouse-") as empty:
        if not warehouse.exists():
            warehouse = open_warehouse(settings.model_copy(update={"home": Path(empty)}))
        async with PostHog(settings) as client:
            facts = await estimate_facts.gather(Context(settings, project_id, client, warehouse))
    return facts, estimate(facts, settings)


async def replay_quarantine(settings: Settings, project_id: int) -> replay.Replayed:
    """Read what is in quarantine once more: the engine of ``taskhouse replay``. It needs no key.

    Raises:
        TaskhouseError: The warehouse failed.
    """
    return await replay.replay(Context(settings, project_id, None, warehouse_at_rest(settings)))
