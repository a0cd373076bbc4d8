"""What ``taskhouse status`` says while somebody else has the warehouse open."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.pipelines.cli import status
from taskhouse.warehouse import migrate, sql
from tests.report.world import walk

HOLDER = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Path]:
    """A home with a published copy, whose warehouse another process holds."""
    home = walk(["acme/web"], days=3).publish(tmp_path / "home")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield home
        holder.kill()


def copy(home: Path) -> Path:
    return (home / "published" / "current.duckdb").resolve()


def of_another_version(path: Path) -> None:
    """The copy as a taskhouse without task usage made it."""
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        for view in ("task_cost", "task_cost_history"):
            connection.execute(f"DROP VIEW main.{view}")
            connection.execute("DELETE FROM ledger.views WHERE name = ?", [view])
        connection.execute("DROP TABLE raw.task_usage")


def test_the_published_copy_answers_and_its_age_is_shown(inside: Any, busy: Path) -> None:
    shown = inside.run("status", TASKHOUSE_HOME=str(busy))
    assert shown.code == 0, shown
    assert "has been open in process" in shown.err
    assert "This is the published copy of" in shown.err
    [line] = [line for line in shown.out.splitlines() if " readiness " in line]
    assert int(line.split()[2]) > 0


def test_a_warehouse_that_is_free_answers_and_no_copy_is_opened_for_its_host(
    inside: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = walk(["acme/web"], days=3).publish(tmp_path / "home")
    opened, connect = [], duckdb.connect

    def noted(path: str, **how: Any) -> duckdb.DuckDBPyConnection:
        opened.append(path)
        return connect(path, **how)

    monkeypatch.setattr("duckdb.connect", noted)
    shown = inside.run("status", TASKHOUSE_HOME=str(home))
    assert shown.code == 0, shown
    assert "Published copy:" in shown.out
    assert str(copy(home)) not in opened
    copy(home).with_suffix(".json").unlink()  # as an earlier version left it
    assert inside.run("status", TASKHOUSE_HOME=str(home)).code in {0, 4}
    assert str(copy(home)) in opened


def test_a_copy_of_another_version_tells_what_it_can_and_guesses_nothing(inside: Any, busy: Path) -> None:
    of_another_version(copy(busy))
    shown = inside.run("status", TASKHOUSE_HOME=str(busy))
    asked = inside.run("query", "FROM task_cost", TASKHOUSE_HOME=str(busy))
    assert shown.code == 0, shown
    assert "Another version of taskhouse made this copy" in shown.err
    [line] = [line for line in shown.out.splitlines() if " readiness " in line]
    assert line.split()[2:4] == ["unknown", "complete"]
    assert asked.code == 2
    assert "Another version of taskhouse made this copy" in asked.err


def test_a_mistake_in_a_query_is_not_blamed_on_the_copy(inside: Any, busy: Path) -> None:
    asked = inside.run("query", "FROM nothing_here", TASKHOUSE_HOME=str(busy))
    assert asked.code == 2
    assert "Another version" not in asked.err


def test_without_a_copy_nobody_is_sent_to_one(inside: Any, busy: Path) -> None:
    copy(busy).unlink()
    shown = inside.run("status", TASKHOUSE_HOME=str(busy))
    assert shown.code == 1
    assert "has been open in process" in shown.err
    assert "No copy has been published yet" in shown.err


@pytest.mark.parametrize("command", [("status",), ("query", "SELECT 1")])
def test_a_damaged_copy_is_named_and_no_bug(inside: Any, busy: Path, command: tuple[str, ...]) -> None:
    copy(busy).chmod(0o644)
    copy(busy).write_bytes(b"no database" * 1000)
    shown = inside.run(*command, TASKHOUSE_HOME=str(busy))
    assert shown.code == 1
    assert f"{copy(busy).name} cannot be opened" in shown.err
    assert "taskhouse sync" in shown.err
    assert "bug" not in shown.err


def test_both_ages_are_shown_and_a_list_that_was_only_counted_is_called_so(inside: Any, tmp_path: Path) -> None:
    home = walk(["acme/web"], days=3).publish(tmp_path / "home")
    passed = (
        "UPDATE ledger.passes SET proof = ?, proven_at = finished_at - INTERVAL 3 HOUR WHERE resource = 'readiness'"
    )
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(passed, ["listed"])
    shown = inside.run("status", TASKHOUSE_HOME=str(home))
    assert "oldest page" in shown.out
    [line] = [line for line in shown.out.splitlines() if " readiness " in line]
    assert line.count(" ago") == 3
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE ledger.passes SET proof = 'counted', proven_at = NULL WHERE resource = 'readiness'")
    assert "not fully listed" in inside.run("status", TASKHOUSE_HOME=str(home)).out


def test_a_copy_from_before_proofs_leaves_the_age_of_the_oldest_page_open(inside: Any, busy: Path) -> None:
    path = copy(busy)
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP VIEW main.data_health")
        connection.execute("ALTER TABLE ledger.passes DROP COLUMN proof")
        connection.execute("ALTER TABLE ledger.passes DROP COLUMN proven_at")
    shown = inside.run("status", TASKHOUSE_HOME=str(busy))
    assert shown.code == 0, shown
    [line] = [line for line in shown.out.splitlines() if " readiness " in line]
    assert "unknown" in line


def test_open_gaps_are_counted_by_kind_the_most_frequent_first(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ["overrun", "refused", "refused", None]
    with duckdb.connect() as connection:
        migrate.upgrade(connection)
        for project_id, repaired in ((1, False), (2, True)):
            connection.execute(
                "INSERT INTO ledger.gaps BY NAME SELECT ? AS project_id, 'r' AS run_id, now() AS detected_at,"
                " unnest(?) AS kind, '?' AS how, FALSE AS certain, ? AS repaired_from_log",
                [project_id, kinds, repaired],
            )
        found = sql.rows(connection.execute(sql.statement("taskhouse.pipelines.cli", "sql/gaps")))
    assert [row["kinds"] for row in found] == [{"overrun": 1, "refused": 2, "unknown": 1}, {}]
    status.show({"rows": [], "gaps": found, "quarantine": []}, [])
    assert "4 in project 1 (4 not filled: refused 2, overrun 1, unknown 1); 4 in project 2 (0 not filled)" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_request_budget_that_cannot_be_read_hides_nothing_else(inside: Any, tmp_path: Path) -> None:
    home = walk(["acme/web"], days=3).publish(tmp_path / "home")
    (home / "budget.sqlite").write_text("no database at all, " * 100, "ascii")
    given = {"TASKHOUSE_HOME": str(home), "POSTHOG_PERSONAL_API_KEY": "phx_key"}
    shown = inside.run("status", **given)
    assert (shown.code, " readiness " in shown.out, "cannot be read" in shown.err) == (1, True, True), shown
    plain = json.loads(inside.run("status", "--json", **given).out)
    assert plain["exit_code"] == 1
    assert "budget.sqlite cannot be read" in plain["error"]
    assert [each["resource"] for each in plain["resources"]].count("readiness") == 1
