"""The sensors: for runs that changed and what has never run, with the switch of the schedules, and for syncs."""

import json
from typing import TYPE_CHECKING, cast

import dagster as dg

from taskhouse.advice import advised
from taskhouse.assets import published, views
from taskhouse.assets.keys import key, label
from taskhouse.assets.pass_metadata import ACTIVE, ENDED
from taskhouse.errors import TaskhouseError
from taskhouse.home import closed
from taskhouse.pipelines import notes, switch
from taskhouse.pipelines.jobs import SYNC, VIEWS, resource_assets
from taskhouse.pipelines.schedules import BUSY, PARTITION, only
from taskhouse.plural import counted
from taskhouse.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

CAPTURE = "run_events"
SEEN_BY = ("tasks", "runs")
"""Assets whose passes see runs start and end."""

SOON_S = 30
EVERY_S = 60
SELDOM_S = 120
AT_ONCE = 1000
"""How many passes one tick reads."""

WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]


def sensors(jobs: "Mapping[str, UnresolvedAssetJobDefinition]", settings: Settings) -> list[dg.SensorDefinition]:
    """Every sensor."""
    on = dg.DefaultSensorStatus.RUNNING if switch.is_on(settings) else dg.DefaultSensorStatus.STOPPED
    return [_synced(settings), _moved(jobs[CAPTURE], settings, on), _first(jobs[SYNC], jobs[VIEWS], settings, on)]


def _synced(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name=label(settings.asset_prefix, "synced"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=SOON_S,
        description="Shows in Dagster what `taskhouse sync` made, and what it could not make.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """It starts no run, so it is on even if the schedules are off."""
        if not notes.waiting(settings):
            return dg.SkipReason("Nothing was synced by the command line.")
        from taskhouse.pipelines.reports import report

        try:
            with closed():
                return dg.SkipReason(
                    f"{counted(report(context.instance, settings), 'asset was', 'assets were')} reported."
                )
        except (TaskhouseError, OSError) as problem:
            return dg.SkipReason(f"The rest is reported at the next tick: {advised(problem) or problem}")

    return tick


def _moved(job: "UnresolvedAssetJobDefinition", settings: Settings, on: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    projects = {str(project) for project in settings.project_ids}

    @dg.sensor(
        name=label(settings.asset_prefix, "runs_moved"),
        job=job,
        default_status=on,
        minimum_interval_seconds=EVERY_S,
        description="Captures the run events of a project as soon as a pass sees a run start or end.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Reads what the passes reported to Dagster, so it needs no lock; its cursor is the last of them by asset."""
        cursor: dict[str, int] = json.loads(context.cursor or "{}")
        run_keys: dict[str, str] = {}
        for name in SEEN_BY:
            after = cursor.get(name)
            records = context.instance.fetch_materializations(
                dg.AssetRecordsFilter(key(settings.asset_prefix, name), after_storage_id=after),
                limit=1 if after is None else AT_ONCE,
                ascending=after is not None,
            ).records
            cursor[name] = max((record.storage_id for record in records), default=after or 0)
            for record in records if after is not None else ():
                materialization = record.asset_materialization
                if (
                    materialization
                    and materialization.partition in projects
                    and (_number(materialization, ACTIVE) or _number(materialization, ENDED))
                ):
                    run_keys[materialization.partition] = f"{name} {record.storage_id}"
        requests = [
            dg.RunRequest(run_key=run_key, partition_key=project, **only(settings, [CAPTURE], project))
            for project, run_key in run_keys.items()
            if not context.instance.get_runs_count(
                dg.RunsFilter(job_name=job.name, tags={PARTITION: project}, statuses=WAITING)
            )
        ]
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(cursor),
            skip_reason=None if requests else dg.SkipReason("No run started or ended."),
        )

    return tick


def _number(made: dg.AssetMaterialization, figure: str) -> object:
    return made.metadata[figure].value if figure in made.metadata else 0


def _first(
    sync: "UnresolvedAssetJobDefinition",
    shown: "UnresolvedAssetJobDefinition",
    settings: Settings,
    on: dg.DefaultSensorStatus,
) -> dg.SensorDefinition:
    prefix = settings.asset_prefix
    projects = [str(project) for project in settings.project_ids]
    copy = key(prefix, published.NAME)
    assets_by_name = {asset.name: key(prefix, asset.name) for asset in resource_assets(settings)}
    assets_by_name[VIEWS] = views.key(next(iter(views.ALWAYS)), prefix)

    @dg.sensor(
        name=label(prefix, "never_ran"),
        jobs=[sync, shown],
        default_status=on,
        minimum_interval_seconds=SELDOM_S,
        description="Starts at once what has never run for a project, instead of at the next tick of its schedule.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Its cursor is what has run or was requested, which is not checked again; a failure waits for its schedule."""
        if notes.waiting(settings):
            return dg.SkipReason("What the command line synced is reported first.")
        started: set[str] = set(json.loads(context.cursor or "[]"))
        missing: dict[str, list[str]] = {project: [] for project in projects}
        for name, asset in assets_by_name.items():
            unsure = [project for project in projects if f"{name} {project}" not in started]
            partitions = context.instance.get_materialized_partitions(asset) if unsure else set()
            started |= {f"{name} {project}" for project in unsure if project in partitions}
            for project in unsure:
                if project not in partitions:
                    missing[project].append(name)
        requests = []
        for project, names in missing.items():
            if not names or context.instance.get_runs_count(dg.RunsFilter(tags={PARTITION: project}, statuses=BUSY)):
                continue
            resources = [name for name in names if name != VIEWS]
            if resources:
                chosen = only(settings, [*resources, published.NAME], project)
                requests.append(dg.RunRequest(job_name=sync.name, partition_key=project, **chosen))
            elif _holds(
                context.instance, copy, [asset for name, asset in assets_by_name.items() if name != VIEWS], project
            ):
                requests.append(dg.RunRequest(job_name=shown.name, partition_key=project))
                resources = [VIEWS]
            started |= {f"{name} {project}" for name in resources}
        reason = "Other runs come first." if any(missing.values()) else "Everything ran."
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(sorted(started)),
            skip_reason=None if requests else dg.SkipReason(reason),
        )

    return tick


def _holds(instance: dg.DagsterInstance, copy: dg.AssetKey, read: list[dg.AssetKey], project: str) -> bool:
    """Whether the copy is newer than the first pass over each resource of a project."""
    newest = instance.get_latest_materialization_event(copy)
    materialization = newest.asset_materialization if newest else None
    if materialization is None:
        return False
    at = cast("float", materialization.metadata["made at"].value)
    firsts = (
        instance.fetch_materializations(
            dg.AssetRecordsFilter(asset, asset_partitions=[project]), limit=1, ascending=True
        ).records
        for asset in read
    )
    return all(first and first[0].timestamp < at for first in firsts)
