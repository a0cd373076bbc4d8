"""Daily maintenance: returns unused space, deletes what is no longer needed, and reads every block of the warehouse.

It deletes ledger pages that brought nothing and, in Dagster's folder inside the home, old runs with their logs and
checks; it does not touch a Dagster instance elsewhere. The history stays: every version, event, pass, gap and
quarantined record. At the end it publishes a copy with blocks of its own.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys, records
from taskhouse.assets.engine import engine_of, resource
from taskhouse.assets.resource_asset import GROUP, MARK, OWNERS
from taskhouse.assets.retries import attempt

if TYPE_CHECKING:
    from taskhouse.settings import Settings
    from taskhouse.warehouse.maintenance import Compaction

NAME = "maintenance"


def asset_of(prefix: str, again: dg.RetryPolicy | None, fresh: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The asset of the maintenance; its numbers are plotted like those of any other."""

    @dg.asset(
        key=keys.key(prefix, NAME),
        description=__doc__,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "maintenance", MARK: "maintenance"},
        pool=keys.label(prefix, NAME),
        required_resource_keys={resource(prefix)},
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        engine = engine_of(context, prefix)
        settings = attempt(engine, engine.settings)
        pages, compaction = attempt(engine, lambda: _keep_house(settings))
        forgotten = 0
        if records.ours(context.instance, settings.home):
            began = datetime.now(UTC)
            forgotten = attempt(engine, lambda: records.forget(context.instance, settings.keep_runs_days, began))
        return dg.MaterializeResult(
            metadata={
                "pages forgotten": pages,
                "runs forgotten": forgotten,
                "bytes before": compaction.before,
                "bytes after": compaction.after,
                "unused share": compaction.free_share,
                "compacted": compaction.done,
                "reason": compaction.reason,
            }
        )

    return compute


def _keep_house(settings: "Settings") -> "tuple[int, Compaction]":
    from taskhouse.warehouse import maintenance, publish
    from taskhouse.warehouse.opening import open_warehouse

    warehouse = open_warehouse(settings)
    pages = maintenance.forget(warehouse)
    compaction = maintenance.compact(warehouse)
    maintenance.read(warehouse)
    publish.publish(warehouse, settings.published, own=True)
    return pages, compaction
