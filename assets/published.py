"""The read-only copy of the warehouse for people and tools, so that readers and writers never wait for each other.

A copy contains what is proved and what is not, and the ledger that says which is which. A new copy is made only if
something changed: at most every few minutes, or every few seconds if the file system can clone the warehouse. If there
is a search index, it is brought up to date with the copy.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys
from taskhouse.assets.engine import engine_of, resource
from taskhouse.assets.queries import connected
from taskhouse.assets.resource_asset import GROUP, MARK, OWNERS
from taskhouse.assets.retries import attempt

if TYPE_CHECKING:
    from taskhouse.search.index import Progress
    from taskhouse.settings import Settings
    from taskhouse.warehouse.derive import Derived
    from taskhouse.warehouse.publish import Published

NAME = "published"


def specs(key: dg.AssetKey, projects: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """The check of each project."""
    text = "The last pass of every resource in the copy was complete."
    return [
        dg.AssetCheckSpec(f"proven_{project}", asset=key, description=f"Project {project}: {text}")
        for project in projects
    ]


def asset_of(
    after: list[dg.AssetKey],
    prefix: str,
    projects: Sequence[str],
    again: dg.RetryPolicy | None,
    fresh: dg.FreshnessPolicy,
) -> dg.AssetsDefinition:
    """The asset of the published copy, downstream of every asset."""
    key = keys.key(prefix, NAME)

    @dg.asset(
        key=key,
        description=__doc__,
        deps=after,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "published", MARK: "published"},
        pool=keys.label(prefix, NAME),
        check_specs=specs(key, projects),
        required_resource_keys={resource(prefix)},
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        engine = engine_of(context, prefix)
        settings = attempt(engine, engine.settings)
        computed, made, indexed = attempt(engine, lambda: _publish(settings, force=engine.copies_now))
        if made is None:
            raise dg.Failure(
                "There is nothing to publish yet.",
                metadata={"hint": f"Materialize {keys.key(prefix, 'tasks').to_user_string()} first."},
                allow_retries=False,
            )
        with connected(settings, "checking the copy") as queries:
            open_ends = [(str(row["project_id"]), row["resource"]) for row in queries.rows("unproven")]
        yield dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(made.path)),
                "made at": dg.MetadataValue.timestamp(made.made_at),
                "fresh": made.fresh,
                "method": made.method,
                "bytes": made.bytes,
                "seconds": made.seconds,
                "runs computed": computed.runs,
                "runs to compute when asked": computed.waiting_runs,
                **({"runs and tasks to index": indexed.waiting} if indexed else {}),
                **({"search index": indexed.trouble} if indexed and indexed.trouble else {}),
            },
            check_results=[
                _proven(key, project, [name for of, name in open_ends if of == project]) for project in projects
            ],
        )

    return compute


def _publish(settings: "Settings", *, force: bool) -> "tuple[Derived, Published | None, Progress | None]":
    """Store what is due of what views compute from events, as far as half a minute goes, publish, and index that."""
    from taskhouse.search import index
    from taskhouse.warehouse.derive import NOTHING, derive
    from taskhouse.warehouse.opening import open_warehouse
    from taskhouse.warehouse.publish import publish

    warehouse = open_warehouse(settings)
    computed = derive(warehouse) if warehouse.exists() else NOTHING
    made = publish(warehouse, settings.published, force=force)
    return computed, made, index.follow(settings.published, settings.clock)


def _proven(key: dg.AssetKey, project: str, open_ends: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not open_ends,
        asset_key=key,
        check_name=f"proven_{project}",
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Not proved complete: {', '.join(open_ends)}." if open_ends else None,
    )
