"""A schedule for each asset, all with one switch; a tick skips a project whose last run has not ended."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from taskhouse.assets import keys, maintenance, published, site, views
from taskhouse.assets.catalog import checks_of
from taskhouse.pipelines import switch
from taskhouse.pipelines.jobs import SYNC, VIEWS
from taskhouse.pipelines.rest import can_skip
from taskhouse.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

PARTITION = "dagster/partition"
WHOLE = {published.NAME, maintenance.NAME, site.NAME}
"""Assets that do not belong to a single project."""

BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def schedules(jobs: "Mapping[str, UnresolvedAssetJobDefinition]", settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule for each job, except the one for everything."""
    return [_schedule(name, job, settings) for name, job in jobs.items() if name != SYNC]


def only(settings: Settings, names: list[str], project: str | None) -> dict[str, Any]:
    """What a run for one project selects: these assets, and of their checks those of the project alone."""
    found = checks_of(settings, names, project) if project else []
    assets = [keys.key(settings.asset_prefix, name) for name in names]
    return {"asset_selection": assets, "asset_check_keys": found} if found else {}


def _schedule(name: str, job: "UnresolvedAssetJobDefinition", settings: Settings) -> dg.ScheduleDefinition:
    projects: list[str | None] = [None] if name in WHOLE else [str(project) for project in settings.project_ids]
    on = dg.DefaultScheduleStatus.RUNNING if switch.is_on(settings) else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name=keys.label(settings.asset_prefix, f"{name}_schedule"),
        job=job,
        cron_schedule=settings.cron(name),
        execution_timezone=settings.timezone,
        default_status=on,
        description=f"Runs {job.name}{'' if name in WHOLE else ', for every project'}.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.timestamp()
        reasons = {project: _reason(context.instance, name, job.name, settings, project, now) for project in projects}
        if all(reasons.values()):
            yield dg.SkipReason(" ".join(sorted(set(reasons.values()))) or "No project: set POSTHOG_PROJECT_IDS.")
        for project in (project for project, reason in reasons.items() if not reason):
            yield dg.RunRequest(
                run_key=f"{context.scheduled_execution_time.isoformat()} {project}",
                partition_key=project,
                **only(settings, [name], project),
            )

    return tick


def _reason(
    instance: dg.DagsterInstance, name: str, job: str, settings: Settings, project: str | None, now: float
) -> str:
    """Why a tick skips a project; empty if it does not."""
    if _busy(instance, job, project):
        return "The last run has not finished."
    if name == published.NAME and not settings.warehouse.exists():
        return "There is nothing to publish yet."
    if name == VIEWS and not _copied(instance, settings, str(project)):
        return "No copy was made since the last run."
    if can_skip(instance, settings, name, project, now):
        return "Nothing has changed for a while; the next run is due half an hour after the last one."
    return ""


def _copied(instance: dg.DagsterInstance, settings: Settings, project: str) -> bool:
    """Whether there is a copy that is newer than the views of a project."""
    newest = instance.get_latest_materialization_event(keys.key(settings.asset_prefix, published.NAME))
    made = newest.asset_materialization if newest else None
    if made is None:
        return False
    last = instance.fetch_materializations(
        dg.AssetRecordsFilter(views.key(next(iter(views.ALWAYS)), settings.asset_prefix), asset_partitions=[project]),
        limit=1,
    ).records
    return not last or cast("float", made.metadata["made at"].value) > last[0].timestamp


def _busy(instance: dg.DagsterInstance, job: str, project: str | None) -> bool:
    tags = {PARTITION: project} if project else {}
    return instance.get_runs_count(dg.RunsFilter(job_name=job, tags=tags, statuses=BUSY)) > 0
