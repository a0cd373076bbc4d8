"""Checks in Dagster: what goes wrong in one project changes no check of another."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

from taskhouse.assets import checks
from taskhouse.assets.catalog import RESOURCE_ASSETS, checks_of
from taskhouse.errors import AccessDenied
from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.schedules import only
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from tests.blank import blank
from tests.pipelines.rows import NOW, QUIET, Still, put

TASKS = RESOURCE_ASSETS["tasks"]


class Refused(Still):
    """An engine whose key may not read a project."""

    def sync(self, project_id: int, resource: str) -> Any:
        raise AccessDenied(f"{resource} of {project_id} returned 403")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    blank(tmp_path / "warehouse.duckdb")
    settings = Settings(_env_file=None, project_ids=(1, 2), home=tmp_path)
    with open_warehouse(settings).transaction("a test") as connection:
        for project, verdict in ((1, "complete"), (2, "failed")):
            put(
                connection, "ledger.passes", pass_id=verdict, project_id=project, resource="tasks", started_at=NOW,
                finished_at=NOW, verdict=verdict, reason="why",
            )  # fmt: skip
    return settings


def _run(settings: Settings, **chosen: Any) -> tuple[bool, dict[str, Any]]:
    """How a run for project 2 ended, and what Dagster then knows of each check of tasks."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = build(settings, Refused(settings)).resolve_job_def("sync_tasks").get_subset(**chosen)
        ended = job.execute_in_process(
            instance=instance, partition_key="2", run_config=QUIET, raise_on_error=False, tags={"a": "b"}
        )
        every = [spec.key for spec in checks.specs(TASKS, ("1", "2"))]
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key(every)
        return ended.success, {key.name: record.status for key, record in found.items()}


def test_a_refused_project_fails_none_of_the_checks_of_another(settings: Settings) -> None:
    success, known = _run(settings)
    assert not success
    assert {name for name, status in known.items() if status != Status.SUCCEEDED} == {"complete_2", "watermark_2"}
    assert len(known) == 2 * len(checks.keys_of(TASKS, "1"))


def test_a_scheduled_run_asks_for_the_checks_of_its_project_alone(settings: Settings) -> None:
    asked = only(settings, ["tasks"], "2")
    chosen = {"asset_selection": {*asked["asset_selection"]}, "asset_check_selection": {*asked["asset_check_keys"]}}
    assert set(_run(settings, **chosen)[1]) == {key.name for key in checks.keys_of(TASKS, "2")}
    assert len(checks_of(settings, ["tasks", "published"], "2")) == len(checks.keys_of(TASKS, "2")) + 2


def test_checks_can_be_asked_for_without_a_pass(settings: Settings) -> None:
    success, known = _run(settings, asset_check_selection={*checks.keys_of(TASKS, "1")})
    assert success
    assert set(known.values()) == {Status.SUCCEEDED}
