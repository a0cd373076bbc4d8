"""Jobs: one for everything that is read, and one for each asset with its own schedule."""

from typing import TYPE_CHECKING

import dagster as dg

from taskhouse.assets import digest, keys, maintenance, published, report, site, views
from taskhouse.assets.catalog import RESOURCE_ASSETS

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from taskhouse.assets.resource_asset import ResourceAsset
    from taskhouse.settings import Settings

SYNC = "sync"
VIEWS = "views"


def resource_assets(settings: "Settings") -> "list[ResourceAsset]":
    """The resources that are on."""
    return [asset for asset in RESOURCE_ASSETS.values() if settings.wants(asset.name)]


def jobs(settings: "Settings") -> "dict[str, UnresolvedAssetJobDefinition]":
    """Jobs by name, for the resources that are on.

    A job of one asset runs it in the process of the run, because a second process would only start Dagster again.
    """
    prefix = settings.asset_prefix
    names = [*(asset.name for asset in resource_assets(settings)), published.NAME]
    every_resource = dg.AssetSelection.assets(*(keys.key(prefix, name) for name in names))
    made = {
        SYNC: dg.define_asset_job(
            keys.label(prefix, SYNC), selection=every_resource, description="Every resource of one project, in order."
        )
    }
    chosen: dict[str, dg.AssetSelection] = {
        name: dg.AssetSelection.assets(keys.key(prefix, name)) for name in (*names, maintenance.NAME)
    }
    if settings.addresses:
        chosen[digest.NAME] = dg.AssetSelection.assets(keys.key(prefix, digest.NAME))
    if settings.site:
        chosen[site.NAME] = dg.AssetSelection.assets(keys.key(prefix, site.NAME))
    without = tuple(asset for asset in RESOURCE_ASSETS.values() if not settings.wants(asset.name))
    shown = [*(views.key(name, prefix) for name in views.names(without)), keys.key(prefix, report.NAME)]
    chosen[VIEWS] = dg.AssetSelection.assets(*shown)
    for name, selection in chosen.items():
        made[name] = dg.define_asset_job(
            keys.label(prefix, f"sync_{name}"),
            selection=selection,
            description=f"Only {name}." if name != VIEWS else "Every view of one project, and its report.",
            executor_def=dg.in_process_executor,
        )
    return made
