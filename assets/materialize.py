"""One step: a pass of the engine, and everything that Dagster should know of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import checks, keys, pass_metadata
from taskhouse.assets.engine import Engine, engine_of, resource
from taskhouse.assets.family import GROUP, OWNERS, Family
from taskhouse.assets.queries import asking
from taskhouse.assets.retries import attempt

if TYPE_CHECKING:
    from taskhouse.passes.lifecycle import Report


def asset_of(
    family: Family, projects: dg.StaticPartitionsDefinition, again: dg.RetryPolicy | None
) -> dg.AssetsDefinition:
    """The asset of a family, with one partition per project."""
    partitions = projects.get_partition_keys()

    @dg.asset(
        key=family.key,
        description=family.resource.about,
        deps=[keys.key(family.prefix, name) for name in family.resource.after],
        partitions_def=projects,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "raw"},
        pool=family.pool,
        code_version=family.code_version(),
        check_specs=checks.specs(family, partitions),
        required_resource_keys={resource(family.prefix)},
        retry_policy=again,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=family.every_s)),
        metadata={
            "dagster/table_name": f"raw.{family.tables[0].name}",
            "dagster/column_schema": _schema(family),
        },
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        engine, project_id = engine_of(context, family.prefix), int(context.partition_key)
        began = engine.settings().clock.now()
        report = attempt(engine, lambda: engine.sync(project_id, family.name))
        yield attempt(engine, lambda: _told(engine, family, partitions, report, began))

    return compute


def _told(
    engine: Engine, family: Family, projects: Sequence[str], report: "Report", began: datetime
) -> dg.MaterializeResult[Any]:
    with asking(engine.settings(), f"checking {family.name}") as questions:
        return dg.MaterializeResult(
            metadata=pass_metadata.of_pass(questions, family, report, began),
            check_results=list(checks.answers(questions, family, projects, report.project_id)),
        )


def _schema(family: Family) -> dg.TableSchema:
    from taskhouse.marts.stored import columns

    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                family.column(table, column.name),
                column.type,
                description=column.about or None,
                constraints=dg.TableColumnConstraints(nullable=not column.filled),
            )
            for table in family.tables
            for column in columns(table.name)
        ]
    )
