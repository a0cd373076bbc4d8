"""At rest: which passes need not run at a tick, since nothing moved for a while.

Only tasks are asked for at every tick. Runs, their events and the copy follow at each of theirs while anything moves,
and every half hour while nothing does. It is read from what the passes told Dagster, so no tick opens the warehouse.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import published
from assets.figures import ACTIVE, ADDED, ENDED
from assets.keys import key
from pipelines.jobs import families

if TYPE_CHECKING:
    from taskhouse.settings import Settings

AT_LEAST_EVERY = timedelta(minutes=29)
"""How long a pass rests at most, but for the minute of its tick."""

STILL_FOR = timedelta(minutes=20)
"""How long nothing may have moved: longer than a log may still grow after its run's end."""

SEES = "tasks"
"""The pass that shows whether anything moves; without a look of its own at the present, nothing rests."""

FOLLOWS: dict[str, frozenset[str]] = {
    "runs": frozenset({"tasks", "runs"}),
    "run_events": frozenset({"tasks", "runs", "run_events"}),
}
"""What else may rest, beside the copy, and whose passes wake it."""


def rests(instance: dg.DagsterInstance, settings: "Settings", name: str, project: str | None, now: float) -> bool:
    """Whether a tick can be left out.

    Args:
        instance: What the passes told.
        settings: Of which taskhouse.
        name: What is due.
        project: Of which project; None for the copy, which is of all.
        now: The time, in seconds since 1970.
    """
    if name == published.NAME:
        wakes = frozenset(family.name for family in families(settings))
        projects = [str(one) for one in settings.project_ids]
    elif name in FOLLOWS and project:
        wakes, projects = FOLLOWS[name], [project]
    else:
        return False
    last = _told(instance, settings, name, project, now - AT_LEAST_EVERY.total_seconds(), limit=1)
    since = now - STILL_FOR.total_seconds()
    if not last or (name == published.NAME and _captured(settings) > since):
        return False
    for one in projects:
        told = {wake: _told(instance, settings, wake, one, since) for wake in wakes}
        if not told[SEES] or any(map(_moved, (made for each in told.values() for made in each))):
            return False
    return True


def _told(
    instance: dg.DagsterInstance, settings: "Settings", name: str, project: str | None, since: float, limit: int = 100
) -> list[dg.AssetMaterialization]:
    wanted = dg.AssetRecordsFilter(
        key(settings.asset_prefix, name), asset_partitions=[project] if project else None, after_timestamp=since
    )
    found = instance.fetch_materializations(wanted, limit=limit).records
    return [record.asset_materialization for record in found if record.asset_materialization]


def _moved(made: dg.AssetMaterialization) -> bool:
    """Whether a pass brought something, or left something open."""
    told: dict[str, Any] = {name: value.value for name, value in made.metadata.items()}
    return told.get("verdict") != "complete" or any(told.get(figure) for figure in (ADDED, ACTIVE, ENDED))


def _captured(settings: "Settings") -> float:
    """When events were last captured or loaded, by whichever process."""
    sealed = settings.spool / "sealed"
    return sealed.stat().st_mtime if sealed.exists() else 0.0
