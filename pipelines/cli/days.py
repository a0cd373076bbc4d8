"""The days of a demo: an emulated PostHog and the engine in one event loop, whose time jumps to what is due next.

A schedule ticks every five minutes, and mostly finds nothing. Here a tick syncs only if it is needed to keep what a
schedule would keep: a stream is gone half an hour after its run's end, and a run at rest is looked at every few
hours. Readiness is read every morning. What views compute from events is stored at the end.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from taskhouse.errors import TaskhouseError
from taskhouse.passes.context import Context
from taskhouse.posthog.client import PostHog
from taskhouse.resources import registry
from taskhouse.resources.registry import RESOURCES
from taskhouse.warehouse.derive import derive
from taskhouse.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from datetime import datetime

    from taskhouse.emulator.app import EmulatorApp
    from taskhouse.settings import Settings

TICK = timedelta(minutes=5)
SOON = timedelta(minutes=24)
"""A sync is due this long after a run's end, or after one that failed."""
LONGEST = timedelta(hours=5)
"""A sync is due this long after the one before while a run is at rest."""
MORNING, EVENING = timedelta(hours=6), timedelta(hours=18)
"""From when on a sync reads what is read once a day, and when one does so that nothing else asked for."""
LOADED_S = 3600.0
"""Events wait in the spool for the end of their pass."""
DAILY = ("repositories", "runs", "readiness")
"""What is synced every morning. Between, the tasks bring the run that each of them shows."""


class Days:
    """Some days of a project, synced as they go by.

    Args:
        settings: Where the history is kept; its clock is that of the loop.
        emulator: What is synced, in this loop.
        tell: Called with the number of days that are over.
    """

    def __init__(self, settings: "Settings", emulator: "EmulatorApp", tell: Callable[[int], None]) -> None:
        self._settings = settings
        self._emulator = emulator
        self._tell = tell
        self._ended = emulator.service.driver.ended
        self._synced_at = self._failed_at = settings.clock.now()
        self._read_on: datetime | None = None
        self.verdicts: Counter[str] = Counter()

    async def live(self, until: "datetime") -> None:
        """Live through them. The file stays open: a person who kills a demo starts it again from the beginning."""
        clock = self._settings.clock
        begun = clock.now()
        warehouse = open_warehouse(self._settings)
        async with PostHog(self._settings) as client:
            with warehouse.kept_open():
                project = self._settings.projects()[0]
                context = Context(self._settings, project, client, warehouse, load_every_s=LOADED_S)
                await self._sync(context, tuple(RESOURCES))
                over = 0
                while (now := clock.now()) < until:
                    await clock.sleep(min(TICK, until - now).total_seconds())
                    if due := self._due():
                        await self._sync(context, due)
                    if (days := (clock.now() - begun).days) > over:
                        over = days
                        self._tell(over)
                await self._sync(context, tuple(RESOURCES))
                derive(warehouse, everything=True)

    def _due(self) -> tuple[str, ...]:
        """The resources to sync now."""
        now = self._settings.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if now < self._failed_at + SOON:
            return ()
        unread = self._read_on != midnight
        ended = bool(self._ended) and now - self._ended[0] >= SOON
        rests = now - self._synced_at >= LONGEST and self._emulator.service.driver.has_resting()
        if ended or rests or (unread and now >= midnight + EVENING):
            return tuple(name for name in RESOURCES if name not in DAILY or (unread and now >= midnight + MORNING))
        return ()

    async def _sync(self, context: Context, resources: tuple[str, ...]) -> None:
        began = context.now()
        ended = len(self._ended)
        for resource in filter(self._settings.wants, resources):
            try:
                report = await registry.code(resource).sync(context)
            except TaskhouseError:  # the ledger says why; a schedule would try again, too
                self.verdicts["failed"] += 1
                self._failed_at = context.now()
                return
            self.verdicts[report.verdict] += 1
        del self._ended[:ended]
        self._synced_at = context.now()
        if "readiness" in resources:
            self._read_on = began.replace(hour=0, minute=0, second=0, microsecond=0)
