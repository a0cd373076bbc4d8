"""What a sync leaves for Dagster, and how Dagster reports it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.notes import Failure, Note, leave, read, waiting
from taskhouse.settings import Settings

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, project_ids=(1, 2), home=tmp_path)


def _note(name: str, minute: int, project_id: int | None = 1, **more: Any) -> Note:
    at = NOON + timedelta(minutes=minute)
    return Note(name, project_id, at, at, **more)


def test_a_note_takes_the_place_of_the_one_before_and_they_come_by_time(settings: Settings) -> None:
    failure = Failure("No room.", "Full", "Free some disk space.", "full")
    notes = [
        _note("tasks", 1),
        _note("published", 9, None, figures={"fresh": True, "runs computed": 3}),
        _note("tasks", 5, failure=failure),
        _note("tasks", 4),
        _note("tasks", 2, 2),
    ]
    assert not waiting(settings)
    for note in notes:
        leave(settings, note)

    assert waiting(settings)
    assert list(read(settings)) == [notes[4], notes[3], notes[2], notes[1]]
    assert not waiting(settings)


def test_a_note_is_read_again_if_its_reader_ended_and_a_newer_one_stays(settings: Settings) -> None:
    leave(settings, _note("tasks", 1))
    leave(settings, _note("runs", 2))
    reading = read(settings)
    assert next(reading) == _note("tasks", 1)
    leave(settings, _note("tasks", 3))
    del reading

    assert list(read(settings)) == [_note("runs", 2), _note("tasks", 3)]


def test_a_note_of_another_version_is_dropped_and_a_folder_is_none(settings: Settings) -> None:
    leave(settings, _note("tasks", 1))
    folder = settings.home / "dagster" / "synced"
    (folder / "tasks-2.made.json").write_text('{"of": "another version"}', "utf-8")
    (folder / "tasks-3.made.json").mkdir()
    assert list(read(settings)) == [_note("tasks", 1)]
    assert not waiting(settings)


def test_the_sensor_reports_what_belongs_to_its_projects_and_nothing_runs_before(settings: Settings) -> None:
    repository = build(settings).get_repository_def()
    for project_id in (1, 3):
        failure = Failure("tasks returned 403.", "AccessDenied", "Run `taskhouse check`.", "refused")
        leave(settings, _note("tasks", 1, project_id, failure=failure))
    with dg.DagsterInstance.ephemeral() as instance:
        said = []
        for name in ("never_ran", "synced", "synced"):
            context = dg.build_sensor_context(instance, repository_def=repository)
            said.append(repository.get_sensor_def(name).evaluate_tick(context).skip_message)
        (record,) = instance.fetch_observations(dg.AssetKey("tasks"), limit=9).records

    assert said == [
        "What the command line synced is reported first.",
        "2 assets were reported.",
        "Nothing was synced by the command line.",
    ]
    seen = record.asset_observation
    assert seen
    assert (seen.partition, seen.description) == ("1", "tasks returned 403.")
    assert {name: value.value for name, value in seen.metadata.items()} == {
        "error": "AccessDenied",
        "hint": "Run `taskhouse check`.",
        "reason code": "refused",
        "ended": (NOON + timedelta(minutes=1)).timestamp(),
    }


def test_a_sync_imports_no_dagster() -> None:
    code = "import sys, taskhouse.pipelines.run; print(sorted({'dagster', 'sqlalchemy', 'pandas'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
