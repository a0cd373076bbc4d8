"""The read-only copy of the warehouse for people and tools, so that readers and writers never wait for each other.

A copy contains what is proved and what is not, and the ledger that says which is which. A new copy is made at most
every few minutes, and only if something changed.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from taskhouse.assets import keys
from taskhouse.assets.engine import engine_of, resource
from taskhouse.assets.family import GROUP, OWNERS
from taskhouse.assets.queries import asking
from taskhouse.assets.retries import attempt

NAME = "published"


def asset_of(
    after: list[dg.AssetKey], prefix: str, again: dg.RetryPolicy | None, fresh: dg.FreshnessPolicy
) -> dg.AssetsDefinition:
    """The asset of the published copy, downstream of every family."""
    key = keys.key(prefix, NAME)
    proven = dg.AssetCheckSpec(
        "proven", asset=key, description="The last pass of every resource and project in the copy was complete."
    )

    @dg.asset(
        key=key,
        description=__doc__,
        deps=after,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "published"},
        pool=keys.label(prefix, NAME),
        check_specs=[proven],
        required_resource_keys={resource(prefix)},
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        from taskhouse.operations import open_warehouse
        from taskhouse.warehouse.publish import publish

        engine = engine_of(context, prefix)
        settings = engine.settings()
        made = attempt(
            engine,
            lambda: publish(open_warehouse(settings), settings.published, force=engine.copies_now),
        )
        if made is None:
            raise dg.Failure("There is nothing to publish yet.", allow_retries=False)
        with asking(settings, "checking the copy") as questions:
            open_ends = [f"{row['resource']} of {row['project_id']}" for row in questions.ask("unproven")]
        yield dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(made.path)),
                "made at": dg.MetadataValue.timestamp(made.made_at),
                "fresh": made.fresh,
                "bytes": made.bytes,
                "seconds": made.seconds,
            },
            check_results=[
                dg.AssetCheckResult(
                    passed=not open_ends,
                    asset_key=key,
                    check_name="proven",
                    severity=dg.AssetCheckSeverity.WARN,
                    description=f"Not proved complete: {', '.join(open_ends)}." if open_ends else None,
                )
            ],
        )

    return compute
