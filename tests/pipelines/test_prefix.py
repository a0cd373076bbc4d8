"""Several taskhouses in one Dagster instance: what they call their own does not meet."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse.assets.pass_metadata import ENDED
from taskhouse.pipelines.definitions import build
from taskhouse.settings import Settings
from tests.pipelines.conftest import Scene
from tests.pipelines.rows import dagster

ROOT = Path(__file__).parents[2]


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **{"project_ids": (1,), "task_usage": True, **values})


def _names(settings: Settings) -> set[str]:
    definitions = build(settings)
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    keys = graph.get_all_asset_keys()
    jobs = {job.name for job in repository.get_all_jobs()} - {"__ASSET_JOB"}
    return {key.to_user_string() for key in keys} | jobs | {pool for key in keys for pool in graph.get(key).pools or ()}


def test_with_a_prefix_no_asset_pool_or_job_has_the_name_of_another_taskhouse() -> None:
    eu, us, alone = (_names(_settings(asset_prefix=prefix)) for prefix in ("eu", "us", ""))
    assert not eu & us
    assert not eu & alone
    assert {name.replace("eu", "us", 1) for name in eu} == us
    assert {"eu/tasks", "eu/views/runs", "eu_tasks", "eu_sync", "eu_sync_tasks"} <= eu


def _above(settings: Settings, prefix: tuple[str, ...]) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """What each asset builds on, without a prefix that each of them must have."""
    graph = build(settings).get_repository_def().asset_graph
    parents = {key: [key, *graph.get(key).parent_keys] for key in graph.get_all_asset_keys()}
    assert {tuple(key.path[: len(prefix)]) for some in parents.values() for key in some} == {prefix}
    short = {key: tuple(key.path[len(prefix) :]) for some in parents.values() for key in some}
    return {short[key]: {short[each] for each in some[1:]} for key, some in parents.items()}


def test_with_a_prefix_the_graph_is_the_same() -> None:
    assert _above(_settings(asset_prefix="eu"), ("eu",)) == _above(_settings(), ())


def test_a_run_of_a_project_that_is_kept_elsewhere_asks_for_nothing() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = build(_settings())
        sensor = definitions.get_repository_def().get_sensor_def("runs_moved")
        begun = dg.build_sensor_context(instance, None, repository_def=definitions.get_repository_def())
        cursor = sensor.evaluate_tick(begun).cursor
        made = dg.AssetMaterialization("runs", partition="2", metadata={ENDED: 1})
        instance.report_runless_asset_event(made)
        context = dg.build_sensor_context(instance, cursor, repository_def=definitions.get_repository_def())
        assert not sensor.evaluate_tick(context).run_requests


@pytest.mark.worlds
def test_the_two_code_locations_of_the_docs_load(taskhouse: Any, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "dagster.md").read_text("utf-8")
    location, workspace = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[-1] for kind in ("python", "yaml"))
    (tmp_path / "eu.py").write_text(location, "utf-8")
    (tmp_path / "us.py").write_text(location.replace('"eu"', '"us"').replace("-eu", "-us"), "utf-8")
    (tmp_path / "workspace.yaml").write_text(workspace, "utf-8")
    ended = taskhouse.run("definitions", "validate", module="dagster", DAGSTER_HOME=str(tmp_path))
    assert ended.code == 0, ended
    assert all(f"code location {name}" in ended.said for name in ("eu", "us")), ended


@pytest.mark.worlds
def test_the_command_line_records_its_passes_under_the_prefix(inside: Any, quiet: Scene) -> None:
    ended = inside.run("sync", **quiet.environment, TASKHOUSE_ASSET_PREFIX="eu")
    assert ended.code == 0, ended
    with dagster(quiet.settings.model_copy(update={"asset_prefix": "eu"})) as instance:
        keys = {key.to_user_string() for key in instance.all_asset_keys()}
        checks = instance.event_log_storage.get_asset_check_summary_records(
            [dg.AssetCheckKey(dg.AssetKey(["eu", "tasks"]), "complete_1")]
        )
    assert keys == {f"eu/{name}" for name in ("tasks", "repositories", "readiness", "runs", "run_events", "published")}
    assert all(record.last_check_execution_record for record in checks.values())
