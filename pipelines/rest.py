"""Which passes can be skipped at a tick because nothing has changed for a while.

Only tasks are read at every tick. Runs, their events and the copy are made at each of their ticks while anything
changes, and every half hour otherwise. The views of a copy that contains nothing new are made every six hours. All this
is decided from what the passes reported to Dagster, so no tick opens the warehouse.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from taskhouse.assets import freshness, keys, published, views
from taskhouse.assets.pass_metadata import ACTIVE, ADDED, ENDED, LISTS
from taskhouse.pipelines.jobs import VIEWS, resource_assets

if TYPE_CHECKING:
    from taskhouse.settings import Settings

AT_LEAST_EVERY = timedelta(minutes=29)
"""How long a pass may be skipped at most, except for the minute of its tick."""

STILL_FOR = timedelta(minutes=20)
"""How long nothing may have changed: longer than a log may still grow after its run's end."""

MINUTE_S = 60.0
"""The longest delay of a tick."""

SEES = "tasks"
"""The pass that shows whether anything changes; if it has not run lately, nothing is skipped."""

FOLLOWS: dict[str, frozenset[str]] = {
    "runs": frozenset({"tasks", "runs"}),
    "run_events": frozenset({"tasks", "runs", "run_events"}),
}
"""What else may be skipped, besides the copy, and which passes end that."""


def can_skip(instance: dg.DagsterInstance, settings: "Settings", name: str, project: str | None, now: float) -> bool:
    """Whether a tick can be skipped.

    Args:
        instance: The Dagster instance, with the reports of the passes.
        settings: The settings.
        name: What is due.
        project: The project; None for the copy, which covers all.
        now: The time, in seconds since 1970.
    """
    if name == VIEWS and project:
        return _shown(instance, settings, project, now)
    if name == published.NAME:
        wakes = frozenset(asset.name for asset in resource_assets(settings))
        projects = [str(one) for one in settings.project_ids]
    elif name in FOLLOWS and project:
        wakes, projects = FOLLOWS[name], [project]
    else:
        return False
    last = _passes(instance, settings, name, project, now - AT_LEAST_EVERY.total_seconds(), limit=1)
    since = now - STILL_FOR.total_seconds()
    if not last or (name == published.NAME and _captured(settings) > since):
        return False
    for one in projects:
        passes = {wake: _passes(instance, settings, wake, one, since) for wake in wakes}
        if not passes[SEES] or any(map(_moved, (made for each in passes.values() for made in each))):
            return False
    return True


def _shown(instance: dg.DagsterInstance, settings: "Settings", project: str, now: float) -> bool:
    """Whether the views of a project would show the same as last time, except for ages."""
    prefix, rests_s = settings.asset_prefix, freshness.VIEWS_REST.total_seconds() - MINUTE_S
    of_views = dg.AssetRecordsFilter(
        views.key(next(iter(views.ALWAYS)), prefix), asset_partitions=[project], after_timestamp=now - rests_s
    )
    last = instance.fetch_materializations(of_views, limit=1).records
    if not last:
        return False
    before = dg.AssetRecordsFilter(keys.key(prefix, published.NAME), before_timestamp=last[0].timestamp)
    copies = instance.fetch_materializations(before, limit=1).records
    copy = copies[0].asset_materialization if copies else None
    if copy is None:
        return False
    copied = cast("float", copy.metadata["made at"].value)
    if _captured(settings) > copied:
        return False
    for asset in resource_assets(settings):
        earlier = _passes(instance, settings, asset.name, project, until=copied, limit=1)
        later = _passes(instance, settings, asset.name, project, copied)
        if any(map(_moved, later)) or any(map(_open, earlier)):
            return False
    return True


def _passes(
    instance: dg.DagsterInstance,
    settings: "Settings",
    name: str,
    project: str | None,
    since: float | None = None,
    *,
    until: float | None = None,
    limit: int = 100,
) -> list[dg.AssetMaterialization]:
    wanted = dg.AssetRecordsFilter(
        keys.key(settings.asset_prefix, name),
        asset_partitions=[project] if project else None,
        after_timestamp=since,
        before_timestamp=until,
    )
    found = instance.fetch_materializations(wanted, limit=limit).records
    return [record.asset_materialization for record in found if record.asset_materialization]


def _moved(made: dg.AssetMaterialization) -> bool:
    """Whether a pass found something new, or is not complete."""
    metadata: dict[str, Any] = {name: value.value for name, value in made.metadata.items()}
    return _open(made) or any(metadata.get(figure) for figure in (ADDED, ACTIVE, ENDED, LISTS))


def _open(made: dg.AssetMaterialization) -> bool:
    """Whether a pass is not complete."""
    return made.metadata["verdict"].value != "complete" if "verdict" in made.metadata else True


def _captured(settings: "Settings") -> float:
    """When any process last captured or loaded events."""
    sealed = settings.spool / "sealed"
    return sealed.stat().st_mtime if sealed.exists() else 0.0
