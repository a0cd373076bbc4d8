"""Sensors: the capture follows runs that moved, without asking the warehouse."""

from typing import Any

import dagster as dg
import pytest

from taskhouse.assets.pass_metadata import ACTIVE, ENDED
from taskhouse.pipelines.definitions import build
from taskhouse.settings import Settings


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


class Watched:
    """The sensor ``runs_moved`` over two projects, tick by tick."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = build(_settings(project_ids=(1, 2)))
        self.sensor = self.definitions.get_repository_def().get_sensor_def("runs_moved")
        self.cursor: str | None = None

    def passed(self, name: str, project: int, *, active: int = 0, ended: int = 0) -> None:
        made = dg.AssetMaterialization(name, partition=str(project), metadata={ACTIVE: active, ENDED: ended})
        self.instance.report_runless_asset_event(made)

    def tick(self) -> list[tuple[str | None, str | None]]:
        context = dg.build_sensor_context(
            self.instance, self.cursor, repository_def=self.definitions.get_repository_def()
        )
        done = self.sensor.evaluate_tick(context)
        self.cursor = done.cursor
        return [(request.partition_key, request.run_key) for request in done.run_requests or ()]


@pytest.fixture
def watched() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(instance)


def test_the_first_tick_only_begins_to_watch(watched: Watched) -> None:
    watched.passed("runs", 1, active=3)
    assert watched.tick() == []
    assert watched.tick() == []


def test_a_run_that_started_or_ended_asks_for_its_project_once(watched: Watched) -> None:
    watched.tick()
    watched.passed("runs", 1, active=1)
    watched.passed("runs", 2)
    watched.passed("tasks", 1)
    assert [project for project, _ in watched.tick()] == ["1"]
    assert watched.tick() == []
    watched.passed("tasks", 2, ended=1)
    watched.passed("tasks", 1, ended=1)
    watched.passed("runs", 1, ended=2)
    asked = watched.tick()
    assert sorted(project or "" for project, _ in asked) == ["1", "2"]
    assert len({key for _, key in asked}) == 2
    assert watched.tick() == []


def test_what_waits_already_is_not_asked_for_again(watched: Watched) -> None:
    watched.tick()
    watched.instance.create_run_for_job(
        watched.definitions.resolve_job_def("sync_run_events"),
        tags={"dagster/partition": "1"},
        status=dg.DagsterRunStatus.NOT_STARTED,
    )
    watched.passed("runs", 1, active=1)
    watched.passed("runs", 2, active=1)
    assert [project for project, _ in watched.tick()] == ["2"]


@pytest.mark.parametrize("on", [True, False])
def test_the_switch_of_the_schedules_starts_the_sensors(*, on: bool) -> None:
    sensors = build(_settings(schedules=on)).sensors or ()
    states = {sensor.name: sensor.default_status for sensor in sensors if isinstance(sensor, dg.SensorDefinition)}
    status = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    assert states == {"never_ran": status, "runs_moved": status, "synced": dg.DefaultSensorStatus.RUNNING}
