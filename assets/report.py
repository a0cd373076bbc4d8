"""The readiness report of a project about the last week, as one HTML file made from the published copy.

Each materialization shows the same report as Markdown. While a resource that it reads is not proved complete, no new
report is made: the last one stays, and the step says why.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from taskhouse.assets import keys
from taskhouse.assets.engine import Engine, engine_of, resource
from taskhouse.assets.queries import reading, unproven
from taskhouse.assets.resource_asset import MARK, OWNERS, ResourceAsset
from taskhouse.assets.retries import attempt
from taskhouse.assets.views import GROUP, key, names, rests_on
from taskhouse.atomic import write

NAME = "report"
READS = (
    "readiness",
    "readiness_trend",
    "readiness_daily",
    "readiness_changes",
    "repositories",
    "pr_cost",
    "pr_history",
    "run_usage",
    "task_cost_history",
    "tool_calls",
    "repository_periods",
    "run_attempts",
    "run_history",
    "runs_stuck",
    "tasks",
)
"""Views that the report reads, as far as their resources are on."""


def asset_of(
    resource_assets: tuple[ResourceAsset, ...],
    without: tuple[ResourceAsset, ...],
    prefix: str,
    projects: dg.StaticPartitionsDefinition,
    again: dg.RetryPolicy | None,
    fresh: dg.FreshnessPolicy,
) -> dg.AssetsDefinition:
    """The asset of the report, with one partition per project.

    Args:
        resource_assets: Whose tables the views below it read.
        without: Resources that are off.
        prefix: Is put before its name.
        projects: One partition per project.
        again: How Dagster retries a failed step.
        fresh: How old it may become.
    """
    there = set(names(without))
    reads = [view for view in READS if view in there]
    resources = sorted(frozenset().union(*(rests_on(view, resource_assets) for view in reads)))

    @dg.asset(
        key=keys.key(prefix, NAME),
        description=__doc__,
        deps=[key(view, prefix) for view in reads],
        partitions_def=projects,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"html", "python"},
        tags={"layer": "report", MARK: "report"},
        pool=keys.label(prefix, NAME),
        output_required=False,
        required_resource_keys={resource(prefix)},
        retry_policy=again,
        freshness_policy=fresh,
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        engine = engine_of(context, prefix)
        yield from attempt(engine, lambda: list(_written(context, engine, resources)))

    return compute


def _written(
    context: dg.AssetExecutionContext, engine: Engine, resources: list[str]
) -> Iterator[dg.MaterializeResult[Any]]:
    from taskhouse.report import Options, directory, gathered, page, text

    project_id, settings = int(context.partition_key), engine.settings()
    with reading(settings) as (snapshot, queries):
        open_ends = unproven(queries, project_id, resources)
        if open_ends:
            reasons = engine.reworded("; ".join(f"{resource}: {reason}" for resource, reason in open_ends.items()))
            context.log.warning("The report of project %s waits until its data is proved: %s", project_id, reasons)
            return
        path = settings.home / "reports" / f"readiness-{project_id}.html"
        with gathered(snapshot, Options(projects=(project_id,)), directory.of(settings)) as found:
            write(path, page(found))
            shown = text(found)
        figures = queries.rows("report_figures", {"project_id": project_id})
        yield dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(path.resolve())),
                "bytes": path.stat().st_size,
                "project": str(project_id),
                "report": dg.MetadataValue.md(shown),
                **{name: value for name, value in (figures[0] if figures else {}).items() if value is not None},
            }
        )
