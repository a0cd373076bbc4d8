"""The sensor for failures: once for each incomplete pass and each failed step, and for nothing else."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

import taskhouse
from taskhouse.assets.pass_metadata import GOES_ON, HINT
from taskhouse.errors import AccessDenied, ConfigurationError
from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.failures import Alert
from taskhouse.pipelines.notes import Failure, Note, leave
from taskhouse.pipelines.reports import report
from taskhouse.settings import Settings
from tests.pipelines.conftest import SECRET
from tests.pipelines.rows import QUIET, Still


class Refused(Still):
    """An engine whose key may not read anything."""

    def sync(self, project_id: int, resource: str) -> Any:
        if project_id == 2:
            raise RuntimeError(SECRET)
        raise AccessDenied(f"{resource} returned 403.", hint="Run `taskhouse check`.")


class Channel:
    """Where alerts go, tick by tick, and what is recorded before."""

    def __init__(self, instance: dg.DagsterInstance, home: Any) -> None:
        self.instance = instance
        self.alerts: list[Alert] = []
        self.broken = 0
        self.cursor: str | None = None
        self.settings = settings = Settings(_env_file=None, project_ids=(1, 2), asset_prefix="eu", home=home)
        sensor = taskhouse.failure_sensor(notify=self._notify)
        theirs = dg.Definitions(assets=[_theirs], jobs=[dg.define_asset_job("theirs", selection=[_theirs])])
        ours = build(settings, Refused(settings))
        self.repository = dg.Definitions.merge(ours, theirs, dg.Definitions(sensors=[sensor])).get_repository_def()

    def _notify(self, alert: Alert) -> None:
        if len(self.alerts) == self.broken - 1:
            raise ConnectionError("the channel is closed")
        self.alerts.append(alert)

    def passed(self, name: str, verdict: str, project: str = "1") -> None:
        metadata = {"verdict": verdict, "reason": "3 records are in quarantine" if verdict != "complete" else ""}
        metadata |= {"reason code": "quarantined" if verdict != "complete" else "none", HINT: GOES_ON}
        made = dg.AssetMaterialization(["eu", name], partition=project, metadata=metadata)
        self.instance.report_runless_asset_event(made)

    def failed(self, name: str, project_id: int | None, problem: Exception) -> None:
        """The command line could not make an asset."""
        now = self.settings.clock.now()
        leave(self.settings, Note(name, project_id, now, now, failure=Failure.of(problem)))
        report(self.instance, self.settings)

    def run(self, job: str, **more: Any) -> None:
        self.repository.get_job(job).execute_in_process(
            instance=self.instance, run_config=QUIET, raise_on_error=False, **more
        )

    def tick(self) -> list[str]:
        before = len(self.alerts)
        context = dg.build_sensor_context(self.instance, self.cursor, repository_def=self.repository)
        self.cursor = self.repository.get_sensor_def("taskhouse_failures").evaluate_tick(context).cursor
        return [str(alert) for alert in self.alerts[before:]]


@dg.asset
def _theirs() -> None:
    raise dg.Failure("not ours")


@pytest.fixture
def channel(tmp_path: Any) -> Iterator[Channel]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Channel(instance, tmp_path)


def test_the_first_tick_only_begins_to_watch(channel: Channel) -> None:
    channel.passed("tasks", "incomplete")
    assert channel.tick() == channel.tick() == []


def test_an_incomplete_pass_is_told_once_and_a_complete_one_never(channel: Channel) -> None:
    channel.tick()
    channel.passed("tasks", "incomplete", "2")
    channel.passed("tasks", "complete")
    channel.passed("runs", "incomplete")
    ticked = channel.tick()

    assert [text.partition(": ")[0] for text in ticked] == [
        "eu/tasks of project 2 is not proved complete",
        "eu/runs of project 1 is not proved complete",
    ]
    assert "3 records are in quarantine. The next pass continues." in ticked[0]
    assert "`taskhouse check`" in ticked[0]
    assert {alert.code for alert in channel.alerts} == {"quarantined"}
    assert channel.tick() == []
    channel.passed("tasks", "incomplete", "2")
    assert len(channel.tick()) == 1


def test_a_failed_step_is_told_once_in_its_own_words_and_never_with_a_key(channel: Channel) -> None:
    channel.tick()
    channel.run("eu_sync", partition_key="1")
    channel.run("eu_sync_tasks", partition_key="2")
    channel.run("theirs")
    ticked = channel.tick()

    assert ticked[0] == "eu/tasks of project 1 failed: tasks returned 403. Run `taskhouse check`."
    assert ticked[1] == "eu/tasks of project 2 failed: RuntimeError. Look at the run in Dagster, then run it again."
    assert len(ticked) == 2
    assert [(bool(alert.run_id), alert.code) for alert in channel.alerts] == [(True, "refused"), (True, "failed")]
    assert channel.tick() == []


def test_a_pass_of_the_command_line_that_failed_is_told_once(channel: Channel) -> None:
    channel.tick()
    channel.failed("runs", 1, AccessDenied("runs returned 403.", hint="Run `taskhouse check`."))
    channel.failed("published", None, RuntimeError(SECRET))
    ticked = channel.tick()

    assert ticked == [
        "eu/runs of project 1 failed: runs returned 403. Run `taskhouse check`.",
        "eu/published failed: RuntimeError. Run `taskhouse --debug sync` to see where it failed.",
    ]
    assert [(alert.run_id, alert.code) for alert in channel.alerts] == [("", "refused"), ("", "failed")]
    assert channel.tick() == []
    channel.failed("runs", 2, AccessDenied("runs returned 403.", hint="Run `taskhouse check`."))
    assert len(channel.tick()) == 1


def test_a_step_that_our_settings_stop_says_why_and_what_to_do(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable(_: object) -> Settings:
        raise ConfigurationError("TASKHOUSE_HOME is /x, and it is a file.", hint="Set it to a folder.")

    channel.tick()
    monkeypatch.setattr(Refused, "settings", unusable)
    channel.run("eu_sync_tasks", partition_key="1")
    assert channel.tick() == [
        "eu/tasks of project 1 failed: TASKHOUSE_HOME is /x, and it is a file. Set it to a folder."
    ]


def test_a_run_whose_process_died_names_what_it_was_to_make(channel: Channel) -> None:
    channel.tick()
    job = channel.repository.get_job("eu_sync_tasks").get_subset(asset_selection={dg.AssetKey(["eu", "tasks"])})
    run = channel.instance.create_run_for_job(job, tags={"dagster/partition": "1"})
    channel.instance.report_run_failed(run, "killed")
    assert [text.partition(". ")[0] for text in channel.tick()] == [
        "eu/tasks of project 1 failed: the process of its run ended"
    ]


def test_a_closed_channel_loses_and_repeats_no_alert(channel: Channel) -> None:
    channel.tick()
    for name in ("tasks", "runs", "readiness"):
        channel.passed(name, "incomplete")
    channel.broken = 2
    assert len(channel.tick()) == 1
    with pytest.raises(ConnectionError):
        channel.tick()
    channel.broken = 0
    assert len(channel.tick()) == 2
    assert [alert.asset for alert in channel.alerts] == ["eu/tasks", "eu/runs", "eu/readiness"]
