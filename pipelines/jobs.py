"""Jobs: one for everything that is read, and one for each asset with a cadence of its own."""

from typing import TYPE_CHECKING

import dagster as dg

from assets import keys, maintenance, published
from assets.catalog import FAMILIES

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from taskhouse.settings import Settings

SYNC = "sync"


def jobs(settings: "Settings") -> "dict[str, UnresolvedAssetJobDefinition]":
    """Jobs by name, for what the settings want."""
    prefix = settings.asset_prefix
    names = [*(family.name for family in FAMILIES if settings.wants(family.name)), published.NAME]
    made = {
        SYNC: dg.define_asset_job(
            keys.label(prefix, SYNC),
            selection=dg.AssetSelection.assets(*(keys.key(prefix, name) for name in names)),
            description="Every resource of one project, in order.",
        )
    }
    for name in (*names, maintenance.NAME):
        made[name] = dg.define_asset_job(
            keys.label(prefix, f"sync_{name}"),
            selection=dg.AssetSelection.assets(keys.key(prefix, name)),
            description=f"Only {name}.",
        )
    return made
