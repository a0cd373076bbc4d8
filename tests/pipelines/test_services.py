"""The processes of Dagster behind ``taskhouse dev``."""

from pathlib import Path

import pytest

from taskhouse.errors import TaskhouseError
from taskhouse.pipelines.cli.services import develop


def test_a_process_of_dagster_that_ends_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskhouseError, match=r"^Dagster's development server ended with exit code [1-9]\d*\."):
        develop(tmp_path / "none.yaml", ["--port", "none"])
