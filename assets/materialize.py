"""One step: a pass of the engine, and everything that Dagster should know about it."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import checks, keys, pass_metadata
from taskhouse.assets.engine import engine_of, resource
from taskhouse.assets.queries import connected
from taskhouse.assets.resource_asset import GROUP, MARK, OWNERS, ResourceAsset
from taskhouse.assets.retries import Interrupted, attempt
from taskhouse.errors import TaskhouseError

if TYPE_CHECKING:
    from taskhouse.passes.lifecycle import PassReport
    from taskhouse.settings import Settings


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
            yield from attempt(engine, lambda: answered(settings, asset, wanted, engine.reworded))
            return
        try:
            report = attempt(engine, lambda: engine.sync(project_id, asset.name))
        except Interrupted:
            raise
        except (dg.Failure, dg.RetryRequested) as problem:
            if isinstance(problem, dg.Failure) or context.retry_number >= engine.tries_again:
                with contextlib.suppress(TaskhouseError):  # the warehouse may be why
                    yield from answered(settings, asset, wanted, engine.reworded)
            raise
        yield attempt(engine, lambda: made(settings, asset, wanted, report, began, engine.reworded))
        attempt(engine, lambda: _publish_soon(settings))  # the result is recorded now, so the copy is newer than it

    return compute


def _publish_soon(settings: "Settings") -> None:
    from taskhouse.operations import publish_soon

    publish_soon(settings)


def made(
    settings: "Settings",
    asset: ResourceAsset,
    wanted: Collection[dg.AssetCheckKey],
    report: "PassReport",
    began: datetime,
    reword: Callable[[str], str] = str,
) -> dg.MaterializeResult[Any]:
    """What Dagster should know about a pass that ended.

    Args:
        settings: Whose warehouse.
        asset: The asset.
        wanted: The checks to answer.
        report: How the pass ended.
        began: When it began.
        reword: Names the settings as the reader knows them.
    """
    with connected(settings, f"checking {asset.name}") as queries:
        return dg.MaterializeResult(
            asset_key=asset.key,
            metadata=pass_metadata.of_pass(queries, asset, report, began, reword),
            check_results=list(checks.answers(queries, asset, wanted, reword)),
        )


def answered(
    settings: "Settings",
    asset: ResourceAsset,
    wanted: Collection[dg.AssetCheckKey],
    reword: Callable[[str], str] = str,
) -> list[dg.AssetCheckResult]:
    """The checks without a pass, or after a failed one; the checks of other projects do not fail with it."""
    with connected(settings, f"checking {asset.name}") as queries:
        return list(checks.answers(queries, asset, wanted, reword))


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
