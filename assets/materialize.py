"""One step: a pass of the engine, and everything that Dagster should know of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import checks, markdown
from assets.attempts import attempt
from assets.columns import columns
from assets.engine import Engine
from assets.family import GROUP, OWNERS, Family
from assets.questions import Questions, asking

if TYPE_CHECKING:
    from taskhouse.sync.passes import Report


def asset_of(
    family: Family, projects: dg.StaticPartitionsDefinition, again: dg.RetryPolicy | None
) -> dg.AssetsDefinition:
    """The asset of a family, with one partition per project."""
    keys = projects.get_partition_keys()

    @dg.asset(
        name=family.name,
        description=family.about,
        deps=list(family.after),
        partitions_def=projects,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "python"},
        tags={"layer": "raw"},
        pool=family.name,
        code_version=family.code_version(),
        check_specs=checks.specs(family, keys),
        retry_policy=again,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=family.every_s)),
        metadata={
            "dagster/table_name": f"raw.{family.tables[0].name}",
            "dagster/column_schema": _schema(family),
        },
    )
    def compute(
        context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        project_id = int(context.partition_key)
        began = datetime.now(UTC)
        report = attempt(engine, lambda: engine.sync(project_id, family.name))
        context.log.info("%s of project %s is %s: %s", family.name, project_id, report.verdict, report.reason)
        with asking(engine.settings(), f"checking {family.name}") as questions:
            yield dg.MaterializeResult(
                metadata=_metadata(questions, family, report),
                check_results=list(checks.answers(questions, family, keys, project_id, began)),
            )

    return compute


def _schema(family: Family) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                family.column(table, column.name),
                column.type,
                description=column.about or None,
                constraints=dg.TableColumnConstraints(nullable=not column.filled),
            )
            for table in family.tables
            for column in columns(table.name, family.views)
        ]
    )


def _metadata(questions: Questions, family: Family, report: "Report") -> dict[str, Any]:
    project = {"project_id": report.project_id}
    rows = questions.ask("row_count", project, table=family.tables[0].name)[0]["row_count"]
    newest = questions.ask(
        "preview", project, columns=", ".join(family.preview), view=family.name, newest=family.newest, where="TRUE"
    )
    return {
        "dagster/row_count": rows,
        "verdict": report.verdict,
        "reason": report.reason,
        "pass": report.pass_id,
        "project": str(report.project_id),
        "rows added": report.rows_added,
        "rows seen": report.rows_seen,
        "absent": report.absent,
        "quarantined": report.quarantined,
        "requests": report.requests,
        "retries": report.retries,
        "seconds throttled": float(report.throttled_s),
        "bytes": report.bytes,
        "seconds": float(report.seconds),
        "newest": dg.MetadataValue.md(markdown.table(newest, family.preview)),
    }
