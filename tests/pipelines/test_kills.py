"""After any process is killed under ``taskhouse dev``, a re-execution from the failure completes exactly."""

import asyncio
import contextlib
import os
import signal

import pytest

from taskhouse.operations import sync
from taskhouse.pipelines.cli.truth import compare, raw_counts
from taskhouse.resources.registry import RESOURCES
from tests.pipelines.conftest import Scene
from tests.pipelines.deployment import Deployment, commandline, until

pytestmark = [pytest.mark.slow, pytest.mark.worlds]
CRONS = "repositories=* * * * *"
SLOW = {"kind": "delay", "seconds": 3, "endpoint": "tasks.readiness"}


@pytest.fixture(autouse=True)
def _changed(scene: Scene) -> None:
    """A task of a new repository, so that every run has something to bring."""
    names = len(scene.emulator.truth(runs=False)["repositories"])
    scene.emulator.mutate("new_task", title="one more", repository=f"acme/number-{names}")
    scene.emulator.faults(SLOW)


def _exact(scene: Scene) -> None:
    """All of the truth and nothing twice: equal now, and a pass more over everything adds nothing."""
    assert [line for line in compare(scene.settings, scene.emulator.truth(1)) if not line.equal] == []
    before = raw_counts(scene.settings)
    for resource in filter(scene.settings.wants, RESOURCES):
        assert asyncio.run(sync(scene.settings, 1, resource)).verdict == "complete"
    assert raw_counts(scene.settings) == before


def test_a_step_process_that_is_killed_is_repeated_by_itself(scene: Scene, dev: Deployment) -> None:
    run = dev.launch("sync")
    os.kill(dev.process(run, "readiness"), signal.SIGKILL)

    assert dev.ended(run) == "SUCCESS"
    assert [event.step_key for event in dev.events(run) if event.is_step_restarted] == ["readiness"]
    _exact(scene)


def test_after_kill_9_of_a_run_the_rest_is_done_once(scene: Scene, dev: Deployment) -> None:
    run = dev.launch("sync")
    dev.process(run, "readiness")
    os.kill(dev.process(run, None), signal.SIGKILL)

    assert dev.ended(run) == "FAILURE"
    scene.emulator.faults()
    again = dev.again(run)
    assert dev.ended(again) == "SUCCESS"
    assert "tasks" not in {event.step_key for event in dev.events(again) if event.is_step_start}
    _exact(scene)


def test_a_cancelled_run_gives_its_place_in_the_pool_to_the_next(scene: Scene, dev: Deployment) -> None:
    scene.emulator.faults({**SLOW, "seconds": 60})
    run = dev.launch("sync")
    dev.process(run, "readiness")
    waiting = dev.launch("sync_readiness")
    dev.terminate(run)

    assert dev.ended(run) == "CANCELED"
    scene.emulator.faults()
    assert dev.ended(waiting) == "SUCCESS"
    assert dev.times(waiting)[0] >= dev.times(run)[1]
    assert dev.ended(dev.again(run)) == "SUCCESS"
    _exact(scene)


def test_after_kill_9_of_the_code_server_its_runs_are_closed_and_the_next_is_served(
    scene: Scene, dev: Deployment
) -> None:
    scene.emulator.faults({**SLOW, "seconds": 60})
    run = dev.launch("sync")
    dev.process(run, "readiness")
    process = dev.process(run, None)
    os.kill(dev.code_server(), signal.SIGKILL)

    assert dev.ended(run) == "FAILURE"
    until(lambda: not commandline(process), 20)
    assert dev.ended(run) == "FAILURE"
    scene.emulator.faults()

    def launched() -> str | None:
        with contextlib.suppress(AssertionError):  # the UI has not found the new one yet
            return dev.launch("sync")
        return None

    assert dev.ended(until(launched)) == "SUCCESS"
    _exact(scene)
    said = dev.said().partition("code server was killed by SIGKILL, and its runs end with it.")[2]
    assert "The code server runs again." in said
    assert "Traceback" not in said


def test_after_kill_9_of_the_daemon_and_a_new_start_a_scheduled_run_is_done_once(scene: Scene, dev: Deployment) -> None:
    scene.emulator.faults({**SLOW, "seconds": 30, "endpoint": "tasks.repositories"})
    dev.tick("repositories_schedule")
    run = until(lambda: next((one.run_id for one in dev.runs() if "dagster/schedule_name" in one.tags), None))
    dev.process(run, None)
    os.kill(dev.daemon(), signal.SIGKILL)
    dev.wait()
    scene.emulator.faults()
    dev.start()

    assert dev.ended(run) == "SUCCESS" or dev.ended(dev.again(run)) == "SUCCESS"
    assert dev.ended(dev.launch("sync")) == "SUCCESS"
    _exact(scene)
    said = dev.said()
    assert "Dagster's daemon was killed by SIGKILL." in said
    assert "waiting to be sure" not in said
