"""One step: a pass of the engine, and everything that Dagster should know about it."""

import contextlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import checks, keys, pass_metadata
from taskhouse.assets.engine import Engine, engine_of, resource
from taskhouse.assets.queries import connected
from taskhouse.assets.resource_asset import GROUP, MARK, OWNERS, ResourceAsset
from taskhouse.assets.retries import attempt
from taskhouse.errors import TaskhouseError

if TYPE_CHECKING:
    from taskhouse.passes.lifecycle import PassReport
    from taskhouse.settings import Settings

INDEXING_S = 5.0
"""How long a pass goes on with the search index; the asset of the published copy does the rest."""


def asset_of(
    asset: ResourceAsset, projects: dg.StaticPartitionsDefinition, again: dg.RetryPolicy | None
) -> dg.AssetsDefinition:
    """The asset of a resource, with one partition per project."""
    partitions = projects.get_partition_keys()

    spec = dg.AssetSpec(
        asset.key,
        description=asset.resource.about,
        deps=[keys.key(asset.prefix, name) for name in asset.resource.after],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "raw", MARK: "raw"},
        code_version=asset.code_version(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=asset.every_s)),
        metadata={
            "dagster/table_name": f"raw.{asset.tables[0].name}",
            "dagster/column_schema": _schema(asset),
        },
    )

    @dg.multi_asset(
        name=asset.key.to_python_identifier(),
        specs=[spec],
        partitions_def=projects,
        can_subset=True,  # of its checks
        pool=asset.pool,
        check_specs=checks.specs(asset, partitions),
        required_resource_keys={resource(asset.prefix)},
        retry_policy=again,
    )
    def compute(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        engine, project_id = engine_of(context, asset.prefix), int(context.partition_key)
        settings = attempt(engine, engine.settings)
        began = settings.clock.now()
        wanted = context.selected_asset_check_keys
        if asset.key not in context.selected_asset_keys:
            yield from attempt(engine, lambda: _answered(engine, asset, wanted))
            return
        try:
            report = attempt(engine, lambda: engine.sync(project_id, asset.name))
        except (dg.Failure, dg.RetryRequested) as problem:
            if isinstance(problem, dg.Failure) or context.retry_number >= engine.tries_again:
                with contextlib.suppress(TaskhouseError):  # the warehouse may be why
                    yield from _answered(engine, asset, wanted)
            raise
        yield attempt(engine, lambda: _result(engine, asset, wanted, report, began))
        _publish(settings)  # the result is recorded now, so the copy is newer than it

    return compute


def _result(
    engine: Engine, asset: ResourceAsset, wanted: Collection[dg.AssetCheckKey], report: "PassReport", began: datetime
) -> dg.MaterializeResult[Any]:
    with connected(engine.settings(), f"checking {asset.name}") as queries:
        return dg.MaterializeResult(
            asset_key=asset.key,
            metadata=pass_metadata.of_pass(queries, asset, report, began, engine.told),
            check_results=list(checks.answers(queries, asset, wanted, engine.told)),
        )


def _publish(settings: "Settings") -> None:
    """Let readers see and find it at once if that costs little; otherwise the asset of the published copy does that."""
    from taskhouse.search import index
    from taskhouse.warehouse import publish
    from taskhouse.warehouse.opening import open_warehouse

    publish.follow(open_warehouse(settings))
    index.follow(settings.published, settings.clock, within_s=INDEXING_S)


def _answered(engine: Engine, asset: ResourceAsset, wanted: Collection[dg.AssetCheckKey]) -> list[dg.AssetCheckResult]:
    """The checks without a pass, or after a failed one; the checks of other projects do not fail with it."""
    with connected(engine.settings(), f"checking {asset.name}") as queries:
        return list(checks.answers(queries, asset, wanted, engine.told))


def _schema(asset: ResourceAsset) -> dg.TableSchema:
    from taskhouse.marts.stored import columns

    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                asset.column(table, column.name),
                column.type,
                description=column.about or None,
                constraints=dg.TableColumnConstraints(nullable=not column.filled),
            )
            for table in asset.tables
            for column in columns(table.name)
        ]
    )
