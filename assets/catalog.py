"""Every asset, each after those that it builds on."""

from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from taskhouse.assets import checks, digest, freshness, keys, maintenance, materialize, published, report, site, views
from taskhouse.assets.resource_asset import ResourceAsset
from taskhouse.assets.retries import REPEAT
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskhouse.settings import Settings

RESOURCE_ASSETS: dict[str, ResourceAsset] = {
    name: ResourceAsset(resource, resource.every_s) for name, resource in RESOURCES.items()
}


def catalog(settings: "Settings", *, repeat: bool = True) -> list[dg.AssetsDefinition]:
    """The assets, with one partition per project, except for the copy and the maintenance.

    Args:
        settings: Which projects, and how often everything is made.
        repeat: Whether Dagster may repeat a step that failed.
    """
    partitions = dg.StaticPartitionsDefinition([str(project) for project in settings.project_ids])
    again = REPEAT if repeat else None
    prefix = settings.asset_prefix
    resource_assets = tuple(asset_for(settings, name) for name in RESOURCE_ASSETS if settings.wants(name))
    read = [materialize.asset_of(asset, partitions, again) for asset in resource_assets]
    copied = freshness.fresh(settings, published.NAME)
    copy = published.asset_of(
        [asset.key for asset in resource_assets], prefix, partitions.get_partition_keys(), again, copied
    )
    without = tuple(asset for asset in RESOURCE_ASSETS.values() if not settings.wants(asset.name))
    seldom = freshness.fresh(settings, "views", published.NAME, rests=freshness.VIEWS_REST)
    shown = views.asset_of(resource_assets, without, prefix, partitions, again, seldom)
    written = report.asset_of(resource_assets, without, prefix, partitions, again, seldom)
    maintained = maintenance.asset_of(prefix, again, freshness.fresh(settings, maintenance.NAME))
    sent = [digest.asset_of(prefix, partitions, again)] if settings.addresses else []
    served = [site.asset_of(prefix, again, freshness.fresh(settings, site.NAME))] if settings.site else []
    return [*read, copy, shown, written, *sent, *served, maintained]


def asset_for(settings: "Settings", name: str) -> ResourceAsset:
    """The asset of a resource, with the prefix, and never late for the only reason that its schedule is slow."""
    asset = RESOURCE_ASSETS[name]
    late_s = freshness.late(settings, name).total_seconds()
    return replace(asset, prefix=settings.asset_prefix, every_s=max(asset.every_s, late_s))


def checks_of(settings: "Settings", names: "Iterable[str]", project: str) -> list[dg.AssetCheckKey]:
    """The checks that a run for one project must answer: its own, and all of the copy, which covers every project."""
    prefix = settings.asset_prefix
    found = []
    for name in names:
        if name in RESOURCE_ASSETS:
            found += checks.keys_of(replace(RESOURCE_ASSETS[name], prefix=prefix), project)
        elif name == published.NAME:
            key = keys.key(prefix, name)
            found += [spec.key for spec in published.specs(key, [str(each) for each in settings.project_ids])]
    return found
