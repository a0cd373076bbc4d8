"""What a project never had runs at once: the sensor ``never_ran``, tick by tick."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from taskhouse.pipelines.definitions import build
from taskhouse.settings import Settings

Asked = list[tuple[str | None, str | None, list[str]]]


class Started:
    """A Dagster that was started for some projects; the cursor of the sensor stays when it is started anew."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursor: str | None = None
        self.again(1)

    def again(self, *projects: int, **values: Any) -> None:
        self.definitions = build(Settings(_env_file=None, project_ids=projects, **values))

    def made(self, *names: str) -> None:
        for name in names:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(name.split("/"), partition="1"))

    def copied(self, at: float) -> None:
        metadata = {"made at": dg.MetadataValue.timestamp(at)}
        self.instance.report_runless_asset_event(dg.AssetMaterialization("published", metadata=metadata))

    def tick(self) -> Asked:
        repository = self.definitions.get_repository_def()
        context = dg.build_sensor_context(self.instance, self.cursor, repository_def=repository)
        done = repository.get_sensor_def("never_ran").evaluate_tick(context)
        self.cursor = done.cursor
        return [
            (one.job_name, one.partition_key, [key.to_user_string() for key in one.asset_selection or ()])
            for one in done.run_requests or ()
        ]


@pytest.fixture(scope="module")
def shared() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def started(shared: dg.DagsterInstance) -> Started:
    shared.wipe()
    return Started(shared)


READ = ["tasks", "repositories", "readiness", "runs", "run_events"]


def test_a_first_start_reads_everything_at_once_and_makes_the_views_of_the_copy_that_holds_it(
    started: Started,
) -> None:
    assert started.tick() == [("sync", "1", [*READ, "published"])]
    assert started.tick() == []
    started.made(*READ)
    assert started.tick() == []
    before = time.time() - 60
    started.copied(before)
    assert started.tick() == []
    started.copied(time.time())
    assert started.tick() == [("sync_views", "1", [])]
    assert started.tick() == []


def test_where_everything_ran_nothing_is_asked_of_the_database_again(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    started.made(*READ, "views/data_health")
    assert started.tick() == []
    monkeypatch.setattr(started.instance, "get_materialized_partitions", None)
    assert started.tick() == []


def test_a_project_that_is_added_and_a_resource_that_is_switched_on_run_at_once(started: Started) -> None:
    started.made(*READ, "views/data_health")
    started.copied(time.time())
    started.tick()
    started.again(1, 2, task_usage=True)
    assert started.tick() == [
        ("sync", "1", ["task_usage", "published"]),
        ("sync", "2", [*READ, "task_usage", "published"]),
    ]


def test_a_project_that_somebody_reads_right_now_is_left_alone_until_that_ends(started: Started) -> None:
    run = started.instance.create_run_for_job(
        started.definitions.resolve_job_def("sync"),
        tags={"dagster/partition": "1"},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert started.tick() == []
    started.instance.report_run_failed(run)
    assert [name for name, _, _ in started.tick()] == ["sync"]
