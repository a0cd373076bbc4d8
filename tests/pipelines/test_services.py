"""The processes of Dagster behind ``taskhouse dev``."""

from pathlib import Path

import pytest

from taskhouse.errors import TaskhouseError
from taskhouse.pipelines.cli.services import develop
from tests.blank import started
from tests.pipelines.conftest import Commands


def test_a_process_of_dagster_that_ends_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskhouseError, match=r"^Dagster's development server ended with exit code [1-9]\d*\."):
        develop(tmp_path / "none.yaml", ["--port", "none"])


def test_what_is_wrong_with_dagsters_records_is_said_once_and_nothing_is_served(
    tmp_path: Path, taskhouse: Commands
) -> None:
    home = started(tmp_path / "home")
    runs = home / "dagster" / "history" / "runs.db"
    runs.write_bytes(b"no database" * 1000)
    ended = taskhouse.run("dev", "--port", "4711", TASKHOUSE_HOME=str(home))
    assert ended.code == 1
    assert ended.said.count(f"Dagster's database {runs} is damaged.") == 1
    assert "4711" not in ended.said
