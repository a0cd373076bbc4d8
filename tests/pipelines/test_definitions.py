"""What Dagster loads: quickly, without opening anything, with partitions from the settings."""

import gc
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse import marts
from taskhouse.assets import freshness, report, views
from taskhouse.assets.catalog import RESOURCE_ASSETS
from taskhouse.assets.resource_asset import _engine
from taskhouse.marts.stored import columns
from taskhouse.pipelines import switch
from taskhouse.pipelines.definitions import build, defs
from taskhouse.pipelines.startup import uncollected
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank

RUN_EVENTS = RESOURCE_ASSETS["run_events"]

ROOT = Path(__file__).parents[2]


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def _graph(definitions: dg.Definitions) -> Any:
    return definitions.get_repository_def().asset_graph


def _schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    return [item for item in build(settings).schedules or () if isinstance(item, dg.ScheduleDefinition)]


def test_every_resource_of_the_engine_is_an_asset_and_has_a_name_on_the_command_line() -> None:
    assert list(RESOURCE_ASSETS) == list(RESOURCES)
    folders = {path.parent.name for path in (ROOT / "taskhouse" / "resources").glob("*/spec.py")}
    assert set(RESOURCES) == folders
    for place, resource in enumerate(RESOURCES.values()):
        assert set(resource.after) <= set(list(RESOURCES)[:place])


@pytest.mark.parametrize("usage", [False, True])
def test_the_lineage_is_what_builds_on_what(*, usage: bool) -> None:
    graph = _graph(build(_settings(project_ids=(1,), task_usage=usage)))
    more = {"task_usage": {"runs"}} if usage else {}
    off = tuple(RESOURCE_ASSETS[name] for name, each in RESOURCES.items() if each.optional and name not in more)
    shown = {f"views/{name}" for name in marts.VIEWS if not views.rests_on(name, off)}
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }

    assert {name: above for name, above in parents.items() if not name.startswith("views/")} == {
        "tasks": set(),
        "repositories": {"tasks"},
        "readiness": {"repositories"},
        "runs": {"tasks"},
        "run_events": {"runs"},
        **more,
        "published": {"tasks", "repositories", "readiness", "runs", "run_events", *more},
        "maintenance": set(),
        "report": {f"views/{name}" for name in report.READS} & shown,
    }
    assert parents["views/tasks"] == {"published", "views/task_history"}
    assert parents["views/run_daily"] == {"views/run_attempts"}
    assert {name for name in parents if name.startswith("views/")} == shown
    assert ("views/task_cost" in shown) is usage


def test_the_report_is_drawn_from_the_views_that_it_builds_on() -> None:
    files = [*(ROOT / "taskhouse" / "report").rglob("*.sql"), ROOT / "assets" / "sql" / "report_figures.sql"]
    texts = [path.read_text("utf-8") for path in files]
    named = {name for text in texts for name in re.findall(r"(?:FROM|JOIN)\s+main\.(\w+)", text)}
    read = {name.removesuffix("_as_of") for name in named}  # a table at a moment is named after its view

    assert read | {"readiness_changes"} == set(report.READS)  # its statement runs over the days that the report read


def test_a_project_more_in_the_settings_is_a_partition_more() -> None:
    for ids in ((), (1,), (1, 2, 30)):
        graph = _graph(build(_settings(project_ids=ids)))
        partitions = graph.get(dg.AssetKey("tasks")).partitions_def
        assert partitions.get_partition_keys() == [str(project) for project in ids]


def test_every_asset_says_what_it_is_whose_it_is_and_what_made_it() -> None:
    graph = _graph(build(_settings(project_ids=(1,), task_usage=True)))
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert len(node.description or "") > 30
        assert node.owners == ["team:taskhouse"]
        assert node.kinds & {"duckdb", "html"}
        assert node.group_name in {"posthog_tasks", "views"}
        assert node.pools == {key.path[0]}
        assert set(node.tags) >= {"layer"}
    versions = {asset.code_version() for asset in RESOURCE_ASSETS.values()}
    assert len(versions) == len(RESOURCE_ASSETS)
    assert graph.get(dg.AssetKey("tasks")).code_version == RESOURCE_ASSETS["tasks"].code_version()


def _windows(**values: Any) -> dict[str, float]:
    """After how many hours each asset is late; the views as one."""
    graph = _graph(build(_settings(project_ids=(1,), task_usage=True, **values)))
    found = {(key.path[0], graph.get(key).freshness_policy) for key in graph.get_all_asset_keys()}
    windows = {name: policy.fail_window.to_timedelta().total_seconds() / 3600 for name, policy in found}
    assert len(windows) == len(found)
    return windows


def test_every_asset_is_late_after_three_ticks_that_brought_nothing_or_later() -> None:
    often = {"tasks": 1, "runs": 1, "run_events": 1, "published": 1, "views": 9, "report": 9}
    seldom = {"repositories": 6, "task_usage": 3, "readiness": 26, "maintenance": 72}
    assert _windows() == often | seldom
    assert _windows(crons={"tasks": "0 6 * * *", "views": "0 7 * * 1-5"}) == often | seldom | {
        "tasks": 72, "views": 222, "report": 222,
    }  # fmt: skip
    assert _windows(crons={"published": "5 */8 * * *"}) == often | seldom | {"published": 24, "views": 30, "report": 30}


@pytest.mark.parametrize(
    ("cron", "hours"),
    [
        ("*/5 * * * *", 1 / 12),
        ("0 0,6,12,18 * * *", 6),
        ("*/15 9-16 * * *", 16.25),
        ("*/15 0-1,8-23 * * *", 6.25),
        ("*/15 0-10,14-23 * * *", 3.25),
        ("0 * * * 0-5", 25),
        ("0 9 * * 1-5", 72),
        ("30 3 1 * *", 31 * 24),
        ("@daily", 24),
        ("never", 0),
    ],
)
def test_the_longest_rest_of_a_schedule(cron: str, hours: float) -> None:
    for zone in ("UTC", "America/Los_Angeles", "Asia/Kathmandu"):
        assert freshness.rest(cron, zone) == timedelta(hours=hours)


@pytest.mark.parametrize("touched", ["warehouse/statements/load_live.sql", "posthog/sse.py"])
def test_what_shapes_events_makes_another_code_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, touched: str
) -> None:
    before = RUN_EVENTS.code_version()
    copy = tmp_path / "taskhouse"
    shutil.copytree(ROOT / "taskhouse", copy)
    monkeypatch.setattr("importlib.resources.files", lambda _: copy)
    assert RUN_EVENTS.code_version() == before
    with (copy / touched).open("a", encoding="utf-8") as file:
        file.write("\n")
    _engine.cache_clear()
    assert RUN_EVENTS.code_version() != before


def test_the_column_schema_is_that_of_the_statement_that_makes_the_table(tmp_path: Path) -> None:
    with Warehouse(blank(tmp_path / "w.duckdb"), host="http://localhost").transaction("looking") as connection:
        for table in (table.name for asset in RESOURCE_ASSETS.values() for table in asset.tables):
            real = connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = ?"
                " ORDER BY column_index",
                [table],
            ).fetchall()
            descriptions = [
                (column.name, column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"))
                for column in columns(table)
            ]
            assert descriptions == real, table
            said = connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = ?"
                " ORDER BY column_index",
                [table],
            ).fetchall()
            assert said == [(column.name, column.about) for column in columns(table)], table


def test_every_column_of_an_asset_is_described() -> None:
    for asset in RESOURCE_ASSETS.values():
        for table in asset.tables:
            assert [column.name for column in columns(table.name) if not column.about] == []


@pytest.mark.parametrize(("on", "status"), [(True, "RUNNING"), (False, "STOPPED")])
def test_one_setting_starts_every_schedule(tmp_path: Path, *, on: bool, status: str) -> None:
    everything = {name: True for name, resource in RESOURCES.items() if resource.optional}
    made = _schedules(_settings(project_ids=(1, 2), **everything, schedules=on, home=tmp_path))

    assert {schedule.name for schedule in made} == {f"{asset.name}_schedule" for asset in RESOURCE_ASSETS.values()} | {
        "published_schedule",
        "views_schedule",
        "maintenance_schedule",
    }
    assert {schedule.default_status.value for schedule in made} == {status}


def test_the_command_line_switches_them_where_the_environment_does_not(taskhouse: Any, tmp_path: Path) -> None:
    settings = _settings(home=tmp_path)
    variables = {"TASKHOUSE_HOME": str(tmp_path)}

    assert taskhouse.run("schedule", "on", **variables).code == 0
    assert switch.is_on(settings)
    shown = taskhouse.run("schedule", "show", **variables, TASKHOUSE_SITE=str(tmp_path / "site")).out
    assert " on" in shown
    assert "site" in shown
    assert "digest" not in shown  # it is not set up
    assert not switch.is_on(_settings(home=tmp_path, schedules=False))
    assert taskhouse.run("schedule", "off", **variables).code == 0
    assert not switch.is_on(settings)


def test_a_tick_asks_for_each_project_and_leaves_out_the_one_that_is_busy() -> None:
    definitions = build(_settings(project_ids=(1, 2)))
    schedule = next(item for item in _schedules(_settings(project_ids=(1, 2))) if item.name == "tasks_schedule")
    repository = definitions.get_repository_def()
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(
            instance=instance, repository_def=repository, scheduled_execution_time=datetime.now(UTC)
        )
        wanted = schedule.evaluate_tick(context).run_requests
        instance.create_run_for_job(
            definitions.resolve_job_def("sync_tasks"),
            tags={"dagster/partition": "1"},
            status=dg.DagsterRunStatus.STARTED,
        )
        context = dg.build_schedule_context(
            instance=instance, repository_def=repository, scheduled_execution_time=datetime.now(UTC)
        )
        later = schedule.evaluate_tick(context).run_requests

    assert [request.partition_key for request in wanted or ()] == ["1", "2"]
    assert [request.partition_key for request in later or ()] == ["2"]


def test_nothing_is_published_before_there_is_anything(tmp_path: Path) -> None:
    settings = _settings(home=tmp_path)
    schedule = next(item for item in _schedules(settings) if item.name == "published_schedule")
    with dg.instance_for_test() as instance:
        ticks = []
        for exists in (False, True):
            if exists:
                settings.warehouse.touch()
            ticks.append(schedule.evaluate_tick(dg.build_schedule_context(instance, datetime.now(UTC))))

    assert [(len(tick.run_requests or ()), tick.skip_message) for tick in ticks] == [
        (0, "There is nothing to publish yet."), (1, None),
    ]  # fmt: skip


def test_loading_takes_less_than_two_seconds_after_dagster_opens_no_database_and_starts_no_thread(
    tmp_path: Path,
) -> None:
    code = (
        "import importlib, os, time, sys, dagster; began = time.process_time()\n"
        "from taskhouse.pipelines.definitions import PRELOADED, defs; defs().get_repository_def()\n"
        "print(time.process_time() - began, sorted({'duckdb', 'pandas', 'httpx'} & set(sys.modules)))\n"
        "print(*map(importlib.import_module, PRELOADED)); print(os.listdir('/proc/self/task') == [str(os.getpid())])\n"
        "from sqlalchemy import NullPool, create_engine, text\n"
        "engine = create_engine('sqlite:///a', poolclass=NullPool)\n"
        "with engine.begin() as opened: opened.execute(text('PRAGMA journal_mode = WAL'))\n"
        "with engine.begin() as opened: opened.execute(text('CREATE TABLE t (x)'))\n"
        "print(os.path.exists('a-wal'))"
    )
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    seconds, _, modules = shown[0].partition(" ")
    assert float(seconds) < 2
    assert modules == "[]"
    assert shown[-2] == "True"  # what the steps of a run are forked from can hold nobody's lock
    assert shown[-1] == "True"  # and the write-ahead log of Dagster's databases outlives a write


def test_definitions_are_valid_without_any_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr("taskhouse.pipelines.definitions.hasten", lambda: None)  # which is for good
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(ROOT / "workspace.yaml")]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)

    assert shown.returncode == 0, shown.stderr
    assert isinstance(defs(), dg.Definitions)


def test_nothing_that_is_imported_is_looked_at_for_garbage() -> None:
    frozen = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()
        kept = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)
    gc.unfreeze()
