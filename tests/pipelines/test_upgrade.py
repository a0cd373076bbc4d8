"""A home of an earlier version, whose definitions had another name in Dagster's records."""

from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from taskhouse.pipelines import home
from taskhouse.pipelines.upgrade import FORMER, LOCATION, carry_over
from taskhouse.settings import Settings


def _state(name: str, module: str, status: InstigatorStatus, cursor: str | None = None) -> InstigatorState:
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=module), module)
    origin = RemoteInstigatorOrigin(
        repository_origin=RemoteRepositoryOrigin(code_location_origin=location, repository_name="__repository__"),
        instigator_name=name,
    )
    return InstigatorState(origin, InstigatorType.SENSOR, status, SensorInstigatorData(cursor=cursor))


def test_what_was_turned_on_or_off_in_the_ui_stays_so(tmp_path: Path) -> None:
    folder = home.prepare(Settings(_env_file=None, home=tmp_path))
    others = _state("never_ran", "others.definitions", InstigatorStatus.RUNNING, "theirs")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.add_instigator_state(others)
        instance.add_instigator_state(_state("runs_moved", FORMER, InstigatorStatus.STOPPED, "7"))
        instance.add_instigator_state(_state("never_ran", FORMER, InstigatorStatus.RUNNING, "[]"))
        today = _state("never_ran", LOCATION, InstigatorStatus.STOPPED, "['tasks 1']")
        instance.add_instigator_state(today)
        for _ in range(2):
            carry_over(instance)
            found = {(state.selector.location_name, state.name): state for state in instance.all_instigator_state()}
            assert found == {
                ("others.definitions", "never_ran"): others,
                (LOCATION, "runs_moved"): _state("runs_moved", LOCATION, InstigatorStatus.STOPPED, "7"),
                (LOCATION, "never_ran"): today,
            }
