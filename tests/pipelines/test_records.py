"""Dagster's records: what is old is forgotten, and leaves the disk."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
from dagster._core.storage.schedules.schema import AssetDaemonAssetEvaluationsTable
from sqlalchemy import func, select

from taskhouse.assets import records
from taskhouse.pipelines.definitions import build
from taskhouse.settings import Settings

NOW = datetime.now(UTC)
SUCCESS, FAILURE, STARTED = (dg.DagsterRunStatus[name] for name in ("SUCCESS", "FAILURE", "STARTED"))


@pytest.fixture(scope="module")
def job() -> Any:
    return build(Settings(_env_file=None)).resolve_job_def("sync_published")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as opened:
        yield opened


def _ago(**lasts: float) -> datetime:
    return (NOW - timedelta(**lasts)).replace(tzinfo=None)


def test_old_runs_are_forgotten_and_failures_six_times_later(instance: dg.DagsterInstance, job: Any) -> None:
    for status in (SUCCESS, SUCCESS, FAILURE, STARTED):
        instance.create_run_for_job(job, status=status)
    left = []
    for days in (13, 15, 83, 85):
        forgotten = records.forget(instance, 14, NOW + timedelta(days=days))
        left.append((forgotten, {run.status for run in instance.get_runs()}))

    everything = {SUCCESS, FAILURE, STARTED}
    assert left == [(0, everything), (2, {FAILURE, STARTED}), (0, {FAILURE, STARTED}), (1, {STARTED})]


def test_the_database_of_a_forgotten_run_leaves_the_disk_and_so_does_one_that_was_left_behind(
    instance: dg.DagsterInstance, job: Any
) -> None:
    runs = {status: instance.create_run_for_job(job, status=status) for status in (SUCCESS, STARTED)}
    for run in runs.values():
        instance.report_engine_event("something", run)
    storage: Any = instance.event_log_storage
    paths = {status: Path(storage.path_for_shard(run.run_id)) for status, run in runs.items()}
    young, stray = (paths[STARTED].with_name(f"{name}-0000.db") for name in ("young", "stray"))
    for path, days in ((young, 0.5), (stray, 2.0)):
        path.write_bytes(b"")
        os.utime(path, (NOW.timestamp() - days * 86400,) * 2)
    assert all(path.exists() for path in paths.values())

    assert records.forget(instance, 14, NOW) == 0
    assert (paths[SUCCESS].exists(), young.exists(), stray.exists()) == (True, True, False)
    assert records.forget(instance, 14, NOW + timedelta(days=15)) == 1
    assert (paths[SUCCESS].exists(), paths[STARTED].exists(), young.exists()) == (False, True, False)
    assert instance.all_logs(runs[STARTED].run_id)[-1].message == "something"


def test_old_answers_to_checks_are_forgotten_but_the_newest_to_each(instance: dg.DagsterInstance) -> None:
    storage: Any = instance.event_log_storage
    table = AssetCheckExecutionsTable
    answers = [("tasks", "drift", 40), ("tasks", "drift", 20), ("runs", "drift", 30), ("runs", "drift", 1)]
    with storage.index_connection() as connection:
        for key, name, days in answers:
            row = {"asset_key": key, "check_name": name, "create_timestamp": _ago(days=days)}
            connection.execute(table.insert().values(row))
    records.forget(instance, 14, NOW)
    with storage.index_connection() as connection:
        left = connection.execute(select(table.c.asset_key, table.c.id).order_by(table.c.id)).fetchall()

    assert [tuple(row) for row in left] == [("tasks", 2), ("runs", 4)]


def test_old_reports_of_syncs_are_forgotten_but_the_newest_of_each_kind(instance: dg.DagsterInstance) -> None:
    storage: Any = instance.event_log_storage
    for project in ("1", "1", "1", "2"):
        instance.report_runless_asset_event(dg.AssetMaterialization("tasks", partition=project))
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(dg.AssetKey("tasks"), "drift", passed=True))
    left = []
    for days in (13, 15):
        records.forget(instance, 14, NOW + timedelta(days=days))
        counts = []
        for connected in (storage.index_connection(), storage.run_connection("")):
            with connected as connection:
                counts.append(connection.execute(select(func.count()).select_from(Events)).scalar())
        left.append(counts)

    assert left == [[8, 8], [3, 3]]
    assert instance.get_materialized_partitions(dg.AssetKey("tasks")) == {"1", "2"}
    newest = instance.get_latest_materialization_event(dg.AssetKey("tasks"))
    assert newest
    assert newest.asset_materialization
    assert newest.asset_materialization.partition == "2"


def test_what_an_earlier_version_evaluated_is_forgotten_and_its_room_given_back(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "WORTH", 1 << 16)
    schedules: Any = instance.schedule_storage
    table = AssetDaemonAssetEvaluationsTable
    with schedules.connect() as connection:
        for number, days in enumerate((20, 15, 1)):
            row = {"asset_key": "views", "evaluation_id": number, "asset_evaluation_body": "x" * 400_000}
            connection.execute(table.insert().values({**row, "create_timestamp": _ago(days=days)}))
    path = next(Path(instance.root_directory).rglob("schedules.db"))
    before = path.stat().st_size
    records.forget(instance, 14, NOW)
    with schedules.connect() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar() == 1

    assert before > 1_200_000
    assert path.stat().st_size < 700_000


def test_only_the_records_in_a_home_of_ours_are_ours_to_forget(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert not records.ours(instance, tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster").symlink_to(instance.root_directory)
    assert records.ours(instance, tmp_path / "home")
