"""The views for people, one asset each; one step checks all views of a project in the published copy.

A view is a statement that every copy contains. The step compares it with its documentation, counts its rows and shows
the newest ones. It skips a view if the copy's ledger does not prove that the resources it reads are complete in the
project.
"""

import functools
import hashlib
import importlib.resources
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from taskhouse.assets import keys, markdown, published
from taskhouse.assets.engine import Engine, engine_of, resource
from taskhouse.assets.queries import Queries, reading, unproven
from taskhouse.assets.resource_asset import MARK, OWNERS, ResourceAsset
from taskhouse.assets.retries import attempt

if TYPE_CHECKING:
    from taskhouse.reading import Snapshot

GROUP = "views"
CHECK = "as_documented"
EVENTS = "events_once"
SHOWN = 8
"""Columns of a preview."""

ALWAYS = frozenset({"data_health"})
"""Views that show what is not proved, and so never wait for the proof."""


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        name: Its name in ``main``.
        text: Its statement.
        about: What one row is.
        described: What each column is.
        reads: Tables and views in its text, as ``schema.name``.
        types: The type of each column.
        origins: For each column, where it comes from: ``schema.name`` to columns.
        prefix: Is put before the name of its asset.
    """

    name: str
    text: str
    about: str
    described: dict[str, str]
    reads: tuple[str, ...]
    types: dict[str, str]
    origins: dict[str, dict[str, list[str]]]
    prefix: str = ""

    @property
    def key(self) -> dg.AssetKey:
        """Its asset."""
        return key(self.name, self.prefix)

    @property
    def below(self) -> tuple[str, ...]:
        """The views that it reads."""
        return tuple(table.removeprefix("main.") for table in self.reads if table.startswith("main."))

    @property
    def newest(self) -> str:
        """The column by which its rows are newest."""
        from taskhouse.reading import MOMENTS

        return next((name for name in MOMENTS if name in self.types), next(reversed(self.types)))


def key(name: str, prefix: str = "") -> dg.AssetKey:
    """The asset of a view."""
    return keys.key(prefix, GROUP, name)


@functools.cache
def known() -> dict[str, View]:
    """Every view by name, each after those that it reads."""
    from taskhouse import marts
    from taskhouse.marts.describe import describe
    from taskhouse.marts.former import with_former

    folder = importlib.resources.files("taskhouse").joinpath("marts")
    lineage = json.loads(folder.joinpath("lineage.json").read_text("utf-8"))
    views_by_name = {}
    for name in filter(lineage.__contains__, marts.ORDER):
        sources = lineage[name]
        text = with_former(name, folder.joinpath(f"{name}.sql").read_text("utf-8"))
        description = describe(text)
        views_by_name[name] = View(
            name=name,
            text=text,
            about=description.summary,
            described=description.columns,
            reads=tuple(sources["reads"]),
            types={column: each["type"] for column, each in sources["columns"].items()},
            origins={column: each["from"] for column, each in sources["columns"].items()},
        )
    return views_by_name


def rests_on(name: str, resource_assets: tuple[ResourceAsset, ...]) -> frozenset[str]:
    """The resources that a view shows, directly or through another view."""
    view = known()[name]
    own = {asset.name for asset in resource_assets for table in asset.tables if f"raw.{table.name}" in view.reads}
    return frozenset(own).union(*(rests_on(below, resource_assets) for below in view.below))


def names(without: tuple[ResourceAsset, ...]) -> list[str]:
    """The views that show none of these."""
    return [name for name in known() if not rests_on(name, without)]


def asset_of(
    resource_assets: tuple[ResourceAsset, ...],
    without: tuple[ResourceAsset, ...],
    prefix: str,
    projects: dg.StaticPartitionsDefinition,
    again: dg.RetryPolicy | None,
    fresh: dg.FreshnessPolicy,
) -> dg.AssetsDefinition:
    """The assets of all views, made by one step for each project.

    Args:
        resource_assets: Whose tables the views read.
        without: Resources that are off; their views are left out.
        prefix: Is put before their names.
        projects: One partition per project.
        again: How Dagster retries a failed step.
        fresh: How old it may become.
    """
    shown = [replace(known()[name], prefix=prefix) for name in names(without)]

    @dg.multi_asset(
        name=keys.label(prefix, GROUP),
        specs=[_spec(view, fresh) for view in shown],
        partitions_def=projects,
        can_subset=True,
        pool=keys.label(prefix, GROUP),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK, asset=view.key, description="Its columns and their types are those of docs/views.md."
            )
            for view in shown
        ],
        required_resource_keys={resource(prefix)},
        retry_policy=again,
    )
    def compute(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        engine = engine_of(context, prefix)
        project_id = int(context.partition_key)
        wanted = [view for view in shown if view.key in context.selected_asset_keys]
        yield from attempt(engine, lambda: list(_made(context, engine, wanted, resource_assets, project_id)))

    return compute


def _made(
    context: dg.AssetExecutionContext,
    engine: Engine,
    wanted: list[View],
    resource_assets: tuple[ResourceAsset, ...],
    project_id: int,
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    with reading(engine.settings()) as (snapshot, queries):
        open_ends = unproven(queries, project_id, [asset.name for asset in resource_assets])
        run = next((row["run_id"] for row in queries.rows("newest_run", {"project_id": project_id})), None)
        for view in wanted:
            waits = () if view.name in ALWAYS else sorted(rests_on(view.name, resource_assets) & open_ends.keys())
            if waits:
                reasons = "; ".join(f"{resource}: {open_ends[resource]}" for resource in waits)
                context.log.warning(
                    "%s of project %s waits until its data is proved: %s",
                    view.name,
                    project_id,
                    engine.reworded(reasons),
                )
                continue
            check = _documented(snapshot, view)
            if check.passed:
                yield dg.MaterializeResult(
                    asset_key=view.key,
                    metadata=_metadata(queries, view, resource_assets, project_id, run),
                    check_results=[check],
                )
            else:
                yield check


def _spec(view: View, fresh: dg.FreshnessPolicy) -> dg.AssetSpec:
    # Views read the published copy, so the copy is above them, and the resources are above the copy.
    copied = any(not name.startswith("main.") for name in view.reads)
    above = [keys.key(view.prefix, published.NAME)] if copied else []
    return dg.AssetSpec(
        view.key,
        deps=[*above, *(key(name, view.prefix) for name in view.below)],
        description=view.about,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"duckdb", "sql"},
        tags={"layer": "view", MARK: "view"},
        code_version=hashlib.sha256(view.text.encode()).hexdigest()[:12],
        freshness_policy=fresh,
        skippable=True,
        metadata={
            "dagster/table_name": f"main.{view.name}",
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(name, kind, description=view.described.get(name))
                    for name, kind in view.types.items()
                ]
            ),
        },
    )


def _lineage(view: View, resource_assets: tuple[ResourceAsset, ...]) -> dg.TableColumnLineage:
    tables = {f"raw.{table.name}": (asset, table) for asset in resource_assets for table in asset.tables}

    def parts(origins: dict[str, list[str]]) -> Iterator[dg.TableColumnDep]:
        for name, columns in origins.items():
            for column in columns:
                if name in tables:
                    asset, table = tables[name]
                    yield dg.TableColumnDep(asset.key, asset.column(table, column))
                elif name.startswith("main."):
                    yield dg.TableColumnDep(key(name.removeprefix("main."), view.prefix), column)

    return dg.TableColumnLineage({column: list(parts(origins)) for column, origins in view.origins.items()})


def _documented(snapshot: "Snapshot", view: View) -> dg.AssetCheckResult:
    types = snapshot.tables().get(f"main.{view.name}")
    same = types == view.types
    copy = keys.key(view.prefix, published.NAME).to_user_string()
    return dg.AssetCheckResult(
        passed=same,
        asset_key=view.key,
        check_name=CHECK,
        severity=dg.AssetCheckSeverity.ERROR,
        description=None if same else f"Another version of taskhouse made the copy. Materialize {copy} again.",
        metadata={"columns": len(types or {}), "documented": len(view.types)},
    )


def _metadata(
    queries: Queries, view: View, resource_assets: tuple[ResourceAsset, ...], project_id: int, run: str | None
) -> dict[str, Any]:
    """The content of a view; if it combines events, only of the newest run, because all of them take too long."""
    shown = [name for name in view.types if name not in {"project_id", "payload"}][:SHOWN]
    parameters: dict[str, object] = {"project_id": project_id}
    where, label = "TRUE", "dagster/row_count"
    if _joins_events(view) and "run_id" in view.types:
        where, label = "run_id = $run_id", "rows of the newest run"
        parameters["run_id"] = run
    rows = queries.rows("view_count", parameters, view=view.name, where=where)[0]["row_count"]
    source = {"source": f"main.{view.name}", "where": where, "newest": view.newest}
    newest = queries.rows("preview", parameters, columns=", ".join(shown), **source)
    return {
        "dagster/column_lineage": _lineage(view, resource_assets),
        label: rows,
        "project": str(project_id),
        "newest rows": dg.MetadataValue.md(markdown.table(newest, shown)),
    }


def _joins_events(view: View) -> bool:
    return view.name == EVENTS or any(_joins_events(known()[below]) for below in view.below)
