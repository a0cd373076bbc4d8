"""Jobs: one for everything, and one for each asset, so that each has a cadence of its own."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SYNC = "sync"


def jobs(assets: list[dg.AssetsDefinition]) -> "dict[str, UnresolvedAssetJobDefinition]":
    """Jobs by name."""
    names = [asset.key.to_user_string() for asset in assets]
    made = {
        SYNC: dg.define_asset_job(
            SYNC, selection=dg.AssetSelection.assets(*names), description="Every resource of one project, in order."
        )
    }
    for asset, name in zip(assets, names, strict=True):
        made[name] = dg.define_asset_job(
            f"sync_{name}", selection=dg.AssetSelection.assets(asset), description=f"Only {name}."
        )
    return made
