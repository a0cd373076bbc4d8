"""The resources by name, in the order in which one builds on the other."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from taskhouse.errors import ConfigurationError
from taskhouse.posthog.client import PostHog
from taskhouse.settings import Settings
from taskhouse.sync import readiness, repositories, run_events, runs, tasks
from taskhouse.sync.passes import Context, Progress, Report
from taskhouse.warehouse.connection import Warehouse

RESOURCES: dict[str, Callable[[Context], Awaitable[Report]]] = {
    tasks.RESOURCE: tasks.sync,
    repositories.RESOURCE: repositories.sync,
    readiness.RESOURCE: readiness.sync,
    runs.RESOURCE: runs.sync,
    run_events.RESOURCE: run_events.sync,
}


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that these settings name."""
    return Warehouse(settings.warehouse, host=settings.host, lock_wait_s=settings.lock_wait_s)


async def sync(
    settings: Settings,
    project_id: int,
    resource: str,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Report:
    """One pass over one resource of one project.

    Raises:
        ConfigurationError: There is no such resource, or the settings lack the key.
        TaskhouseError: The server or the warehouse failed.
    """
    if resource not in RESOURCES:
        raise ConfigurationError(f"There is no resource {resource!r}.", hint=f"There are: {', '.join(RESOURCES)}.")
    async with PostHog(settings) as client:
        context = Context(settings, project_id, client, open_warehouse(settings), progress, now)
        return await RESOURCES[resource](context)
