"""A schedule for each asset, all behind one switch; a project whose last run still goes on is left out of a tick."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from assets import maintenance, published
from pipelines import switch
from pipelines.jobs import SYNC
from taskhouse.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

PARTITION = "dagster/partition"
WHOLE = {published.NAME, maintenance.NAME}
"""Assets that are of no single project."""

BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def schedules(jobs: "Mapping[str, UnresolvedAssetJobDefinition]", settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule for each job but the one for all."""
    return [_schedule(name, job, settings) for name, job in jobs.items() if name != SYNC]


def _schedule(name: str, job: "UnresolvedAssetJobDefinition", settings: Settings) -> dg.ScheduleDefinition:
    projects: list[str | None] = [None] if name in WHOLE else [str(project) for project in settings.project_ids]
    on = dg.DefaultScheduleStatus.RUNNING if switch.is_on(settings) else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name=f"{name}_schedule",
        job=job,
        cron_schedule=settings.cron(name),
        execution_timezone=settings.timezone,
        default_status=on,
        description=f"Runs {job.name}{'' if name in WHOLE else ', for every project'}.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        idle = [project for project in projects if not _busy(context.instance, job.name, project)]
        if not idle:
            yield dg.SkipReason("The last run still goes on." if projects else "No project: set POSTHOG_PROJECT_IDS.")
        for project in idle:
            yield dg.RunRequest(
                run_key=f"{context.scheduled_execution_time.isoformat()} {project}", partition_key=project
            )

    return tick


def _busy(instance: dg.DagsterInstance, job: str, project: str | None) -> bool:
    tags = {PARTITION: project} if project else {}
    return instance.get_runs_count(dg.RunsFilter(job_name=job, tags=tags, statuses=BUSY)) > 0
