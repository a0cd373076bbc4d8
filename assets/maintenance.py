"""Housekeeping: the warehouse gives unused room back, and what nobody needs any more is forgotten.

Forgotten are pages of the ledger that brought nothing, and old runs of Dagster with their logs. History stays: every
version, event, pass, gap and quarantined record. A new copy is published at the end.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import keys
from assets.attempts import attempt
from assets.engine import Engine
from assets.family import GROUP, OWNERS

if TYPE_CHECKING:
    from taskhouse.settings import Settings
    from taskhouse.warehouse.maintenance import Compaction

NAME = "maintenance"
LONGER = 6
"""Runs that did not succeed stay so many times as long."""

AT_ONCE = 200
AT_MOST_S = 600.0
"""How long one step forgets runs; the next one goes on."""

ENDED = {
    dg.DagsterRunStatus.SUCCESS: 1,
    dg.DagsterRunStatus.FAILURE: LONGER,
    dg.DagsterRunStatus.CANCELED: LONGER,
}


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
                "runs forgotten": forget_runs(context.instance, settings.keep_runs_days, datetime.now(UTC)),
                "bytes before": compaction.before,
                "bytes after": compaction.after,
                "unused share": compaction.free_share,
                "compacted": compaction.done,
                "why": compaction.why,
            }
        )

    return compute


def _keep_house(settings: "Settings") -> "tuple[int, Compaction]":
    from taskhouse.sync.resources import open_warehouse
    from taskhouse.warehouse import maintenance, publish

    warehouse = open_warehouse(settings)
    pages = maintenance.forget(warehouse, days=settings.keep_pages_days)
    compaction = maintenance.compact(warehouse)
    publish.publish(warehouse, settings.published, every_s=settings.publish_every_s)
    return pages, compaction


def forget_runs(instance: dg.DagsterInstance, days: int, now: datetime) -> int:
    """Forget runs that ended long ago, with their events and logs; returns how many."""
    until = time.monotonic() + AT_MOST_S
    forgotten = 0
    for status, times in ENDED.items():
        old = dg.RunsFilter(statuses=[status], updated_before=now - timedelta(days=days * times))
        while time.monotonic() < until and (runs := instance.get_runs(old, limit=AT_ONCE)):
            for run in runs:
                instance.compute_log_manager.delete_logs(prefix=[run.run_id])
                instance.delete_run(run.run_id)
            forgotten += len(runs)
    return forgotten
