"""What reacts by itself, behind the switch of the schedules: views to new copies, the capture to runs that moved."""

import json
from typing import TYPE_CHECKING

import dagster as dg

from assets.figures import ACTIVE, ENDED
from assets.keys import key
from pipelines import switch
from pipelines.schedules import PARTITION
from taskhouse.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

CAPTURE = "run_events"
SEEN_BY = ("tasks", "runs")
"""Assets whose passes see runs move."""

EVERY_S = 30
AT_ONCE = 1000
"""Passes that one tick looks at."""

WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]


def sensors(jobs: "Mapping[str, UnresolvedAssetJobDefinition]", settings: Settings) -> list[dg.SensorDefinition]:
    """Every sensor."""
    on = dg.DefaultSensorStatus.RUNNING if switch.is_on(settings) else dg.DefaultSensorStatus.STOPPED
    automation = dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        default_status=on,
        minimum_interval_seconds=EVERY_S,
        description="Looks at the views of what was published, and writes the reports.",
    )
    return [automation, _moved(jobs[CAPTURE], settings, on)]


def _moved(job: "UnresolvedAssetJobDefinition", settings: Settings, on: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    projects = {str(project) for project in settings.project_ids}

    @dg.sensor(
        name="runs_moved",
        job=job,
        default_status=on,
        minimum_interval_seconds=EVERY_S,
        description="Captures run events of a project as soon as a pass saw one of its runs start or end.",
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Reads what the passes told Dagster, and so waits for no lock; its cursor is the last of them by asset."""
        cursor: dict[str, int] = json.loads(context.cursor or "{}")
        asked: dict[str, str] = {}
        for name in SEEN_BY:
            after = cursor.get(name)
            found = context.instance.fetch_materializations(
                dg.AssetRecordsFilter(key(settings.asset_prefix, name), after_storage_id=after),
                limit=1 if after is None else AT_ONCE,
                ascending=after is not None,
            ).records
            cursor[name] = max((record.storage_id for record in found), default=after or 0)
            for record in found if after is not None else ():
                made = record.asset_materialization
                if made and made.partition in projects and (_number(made, ACTIVE) or _number(made, ENDED)):
                    asked[made.partition] = f"{name} {record.storage_id}"
        requests = [
            dg.RunRequest(run_key=run_key, partition_key=project)
            for project, run_key in asked.items()
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
