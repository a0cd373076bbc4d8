"""A home whose warehouse is gone says so with every command, and is taken back by the one that they name."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from taskhouse import settings as settings_module
from taskhouse.pipelines.cli.app import app
from taskhouse.warehouse import ledger
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import publish
from tests.blank import blank
from tests.warehouse.test_identity import ROW

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command inside this process, with a home that holds something."""
    home, now = tmp_path / "home", datetime.now(UTC)
    warehouse = Warehouse(blank(home / "warehouse.duckdb"), host="http://localhost:1")
    with warehouse.transaction("a pass") as connection:
        ledger.begin(connection, pass_id="p", project_id=1, resource="tasks", viewer=None, started_at=now)
        ending = {"interrupted": False, "verdict": "complete", "reason": "", "reason_code": None}
        ending |= {"proof": "listed", "proven_at": now}
        ledger.finish(connection, pass_id="p", finished_at=now, **ending)
    publish(warehouse, home / "published", force=True)
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


def test_a_backup_of_another_home_is_named_and_stays(run: Run, tmp_path: Path) -> None:
    assert run("backup", "backups").exit_code == 0
    first = next((tmp_path / "backups").glob("*.duckdb"))
    (tmp_path / "home" / "warehouse.backups").unlink()
    with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE ledger.origin SET generation = generation + 1")
    shown = run("backup", "backups", "--keep", "1")
    assert shown.exit_code == 0, shown.output
    assert f"1 of them was kept, because this home cannot prove that it wrote it: {first.name}." in shown.stderr
    assert first.exists()


def test_a_sound_home_is_verified_and_a_changed_one_is_not(run: Run, tmp_path: Path) -> None:
    shown = run("verify")
    assert shown.exit_code == 0, shown.output
    assert "checksums of segments" in shown.stdout
    with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE ledger.passes SET verdict = 'fine'")
    shown = run("verify")
    assert shown.exit_code == 1
    assert run("verify", "nowhere.duckdb").exit_code == 2


@pytest.mark.parametrize("command", ["backup", "restore", "verify"])
def test_an_empty_name_is_not_this_folder(run: Run, tmp_path: Path, command: str) -> None:
    before = sorted(tmp_path.iterdir())
    shown = run(command, "")
    assert (shown.exit_code, "it is empty" in shown.stderr) == (2, True)
    assert sorted(tmp_path.iterdir()) == before


def test_a_command_that_only_reads_advises_nothing_that_loses_a_history(run: Run, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    for content in (b"", b"damaged"):
        if content:
            (tmp_path / "backups" / "20260101T000000000000Z.duckdb").write_bytes(content)
        looked, restored = run("verify", "backups"), run("restore", "backups")
        assert "Name a" in looked.stderr
        assert "--empty" not in looked.stderr
        assert "--empty" in restored.stderr


@pytest.mark.worlds
def test_what_asks_no_server_needs_no_host(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTHOG_HOST")
    assert run("backup", "backups").exit_code == 0
    assert run("verify").exit_code == 0
    (tmp_path / "home" / "warehouse.duckdb").unlink()
    assert run("restore").exit_code == 0
    monkeypatch.setenv("TASKHOUSE_HOME", str(tmp_path / "another"))
    assert run("restore", "backups").exit_code == 0


def test_a_file_of_another_home_that_was_replaced_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("backup", "backups").exit_code == 0
    assert run("verify", "backups").exit_code == 0
    other = Warehouse(blank(tmp_path / "other" / "warehouse.duckdb"), host="http://localhost:1")
    with other.transaction("a test") as connection:
        connection.execute(ROW)
    monkeypatch.setenv("TASKHOUSE_HOME", str(tmp_path / "other"))
    assert "belongs to another home" in run("restore", "backups", "--replace").stderr
