"""A home whose warehouse is gone says so with every command, and is taken back by the one that they name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli.app import app
from taskhouse import settings as settings_module
from tests.report.world import walk

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command inside this process, with a home that holds something."""
    walk(["acme/web"], days=1).publish(tmp_path / "home")
    monkeypatch.setenv("TASKHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("POSTHOG_HOST", "http://localhost:1")
    monkeypatch.chdir(tmp_path)

    def ask(*arguments: str) -> Result:
        settings_module.load.cache_clear()
        return CliRunner().invoke(app, arguments)

    return ask


def test_a_warehouse_that_is_gone_is_said_and_restored(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("status").exit_code == 0
    assert run("backup", "backups", "--keep", "1").exit_code == 0
    (tmp_path / "home" / "warehouse.duckdb").unlink()
    capfd.readouterr()
    shown = run("status")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert run("backup", "backups").exit_code == 1
    assert run("restore").exit_code == 0
    assert run("status").exit_code == 0
    assert run("restore", "backups").exit_code == 2
    assert run("restore", "backups", "--replace").exit_code == 0
    assert run("restore", "backups", "--empty").exit_code == 2
