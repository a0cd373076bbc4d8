"""Every asset, each after those that it builds on."""

from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from taskhouse.assets import checks, freshness, keys, maintenance, materialize, published, report, views
from taskhouse.assets.family import Family
from taskhouse.assets.retries import REPEAT
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskhouse.settings import Settings

FAMILIES: dict[str, Family] = {name: Family(resource, resource.every_s) for name, resource in RESOURCES.items()}


def catalog(settings: "Settings", *, repeat: bool = True) -> list[dg.AssetsDefinition]:
    """The assets, with one partition per project, except for the copy and the maintenance.

    Args:
        settings: Which projects, and how often everything is made.
        repeat: Whether Dagster may repeat a step that failed.
    """
    partitions = dg.StaticPartitionsDefinition([str(project) for project in settings.project_ids])
    again = REPEAT if repeat else None
    prefix = settings.asset_prefix
    families = tuple(_paced(family, settings) for family in FAMILIES.values() if settings.wants(family.name))
    read = [materialize.asset_of(family, partitions, again) for family in families]
    copied = freshness.fresh(settings, published.NAME)
    copy = published.asset_of(
        [family.key for family in families], prefix, partitions.get_partition_keys(), again, copied
    )
    without = tuple(family for family in FAMILIES.values() if not settings.wants(family.name))
    seldom = freshness.fresh(settings, "views", published.NAME, rests=freshness.VIEWS_REST)
    shown = views.asset_of(families, without, prefix, partitions, again, seldom)
    written = report.asset_of(families, prefix, partitions, again, seldom)
    maintained = maintenance.asset_of(prefix, again, freshness.fresh(settings, maintenance.NAME))
    return [*read, copy, shown, written, maintained]


def _paced(family: Family, settings: "Settings") -> Family:
    """With its prefix, and never late for the only reason that its schedule is slow."""
    late_s = freshness.late(settings, family.name).total_seconds()
    return replace(family, prefix=settings.asset_prefix, every_s=max(family.every_s, late_s))


def checks_of(settings: "Settings", names: "Iterable[str]", project: str) -> list[dg.AssetCheckKey]:
    """The checks that a run for one project must answer: its own, and all of the copy, which covers every project."""
    prefix = settings.asset_prefix
    found = []
    for name in names:
        if name in FAMILIES:
            found += checks.keys_of(replace(FAMILIES[name], prefix=prefix), project)
        elif name == published.NAME:
            key = keys.key(prefix, name)
            found += [spec.key for spec in published.specs(key, [str(each) for each in settings.project_ids])]
    return found
