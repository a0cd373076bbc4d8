"""Housekeeping: the warehouse gives unused room back, what nobody needs is forgotten, and every block is read.

Forgotten are pages of the ledger that brought nothing, and old runs of Dagster with their logs and checks. History
stays: every version, event, pass, gap and quarantined record. A new copy is published at the end.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys, records
from taskhouse.assets.engine import Engine
from taskhouse.assets.family import GROUP, OWNERS
from taskhouse.assets.retries import attempt

if TYPE_CHECKING:
    from taskhouse.settings import Settings
    from taskhouse.warehouse.maintenance import Compaction

NAME = "maintenance"


def asset_of(prefix: str, again: dg.RetryPolicy | None, fresh: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The asset of the housekeeping; its numbers are plotted like those of any other."""

    @dg.asset(
        key=keys.key(prefix, NAME),
        description=__doc__,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "maintenance"},
        pool=keys.label(prefix, NAME),
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine]) -> dg.MaterializeResult[Any]:
        settings = engine.settings()
        pages, compaction = attempt(engine, lambda: _keep_house(settings))
        return dg.MaterializeResult(
            metadata={
                "pages forgotten": pages,
                "runs forgotten": records.forget(context.instance, settings.keep_runs_days, datetime.now(UTC)),
                "bytes before": compaction.before,
                "bytes after": compaction.after,
                "unused share": compaction.free_share,
                "compacted": compaction.done,
                "why": compaction.why,
            }
        )

    return compute


def _keep_house(settings: "Settings") -> "tuple[int, Compaction]":
    from taskhouse.operations import open_warehouse
    from taskhouse.warehouse import maintenance, publish

    warehouse = open_warehouse(settings)
    pages = maintenance.forget(warehouse)
    compaction = maintenance.compact(warehouse)
    maintenance.read(warehouse)
    publish.publish(warehouse, settings.published)
    return pages, compaction
