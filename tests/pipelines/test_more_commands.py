"""The commands beside sync: tail, plan, report, export, replay."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.pipelines.cli.report import for_terminal
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank, started
from tests.tied import tied


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(EmulatorSettings(tasks=40, repositories=4, live_runs=3, speed=10, events=0.3)) as running:
        yield running


@pytest.fixture(scope="module")
def environment(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        **emulator.environment(),
        "TASKHOUSE_HOME": str(started(tmp_path_factory.mktemp("commands") / "home")),
        "TASKHOUSE_CAPTURE_SECONDS": "1",
        "TASKHOUSE_TAIL_POLL_S": "0.2",
    }


def taskhouse(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "taskhouse.pipelines.cli", *words]
    variables = {**os.environ, **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_before_the_first_sync_a_report_says_what_to_run(inside: Any, environment: dict[str, str]) -> None:
    done = inside.run("report", **environment)
    assert done.code == 2
    assert "taskhouse sync" in done.err


NOTHING = "Run `taskhouse sync` (or `taskhouse demo`) first"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("plan", 0, "0 of them stored"),
        ("check", 0, "Tasks in other people's personal channels"),
        ("schedule show", 0, ""),
        ("schedule off", 0, "Schedules are off"),
        ("status", 5, NOTHING),
        ("query FROM_tasks", 2, NOTHING),
        ("report --output report.html", 2, NOTHING),
        ("export out", 2, NOTHING),
        ("replay", 2, NOTHING),
        ("verify", 2, NOTHING),
        ("backup backups", 2, NOTHING),
        ("restore --clock", 2, NOTHING),
        ("restore", 2, "`taskhouse restore --empty` starts an empty history"),
    ],
)
def test_what_only_looks_makes_nothing_in_a_wrong_folder_and_says_where_it_looked(
    inside: Any, emulator: Emulator, tmp_path: Path, command: str, code: int, said: str
) -> None:
    done = inside.run(*command.split(), **emulator.environment())
    assert (done.code, said in done.err) == (code, True), done
    assert code == 0 or str(tmp_path / ".taskhouse") in done.err
    assert code == 0 or "go to its folder or set TASKHOUSE_HOME" in done.err
    assert list(tmp_path.iterdir()) == []


def test_plan_makes_no_warehouse_in_a_home_that_has_none(inside: Any, emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert inside.run("plan", **emulator.environment(), TASKHOUSE_HOME=str(tmp_path / "home")).code == 0
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"budget.sqlite", "budget.sqlite.lock"}


def test_plan_says_what_a_first_load_would_spend(inside: Any, environment: dict[str, str]) -> None:
    done = inside.run("plan", **environment)
    assert done.code == 0, done.err
    assert "first load" in done.out


def test_report_and_export_after_a_sync(inside: Any, synced: Any, tmp_path: Path) -> None:
    environment = synced.environment
    page = tmp_path / "report.html"
    assert inside.run("report", "--output", str(page), **environment).code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    printed = inside.run("report", "--format", "md", "-o", "-", **environment)
    assert printed.out.startswith("# Readiness")
    assert "days begin at midnight in \u2068UTC\u2069" in printed.out
    assert "TASKHOUSE_TIMEZONE" not in printed.err
    elsewhere = environment | {"TASKHOUSE_TIMEZONE": "Asia/Tokyo"}
    week = inside.run("report", "--week", "last", "--format", "csv", "-o", "-", **elsewhere)
    assert week.code in (0, 2)
    assert "begin at midnight in UTC, not in Asia/Tokyo (TASKHOUSE_TIMEZONE). Run `taskhouse sync`" in week.err
    assert inside.run("report", "--owner", "Nobody", **environment).code == 2
    assert inside.run("export", str(tmp_path / "out"), **environment).code == 0
    again = inside.run("export", str(tmp_path / "out"), **environment)
    assert re.search(r"out \(0 files, \d+ unchanged, [\d,]+ rows in all\)", again.err), again.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["tables"]["tasks"]["rows"] > 0


def test_verify_looks_at_what_waits_in_the_spool_and_names_what_was_set_aside(inside: Any, tmp_path: Path) -> None:
    home = started(tmp_path / "home")
    with Warehouse(blank(home / "warehouse.duckdb"), host="http://localhost:1").transaction("a start"):
        pass
    spool = Spool(home / "spool" / "1")
    with SpoolWriter(spool) as writer:
        writer.append("live", RunKey(1, "t", "r"), [Entry("1-0", None, b"{}", redacted=False)], leg="django")
    sound = inside.run("verify", TASKHOUSE_HOME=str(home))
    assert (sound.code, "damaged" in sound.err) == (0, False), sound
    assert re.search(r"entries in the spool +1 +0 +0", sound.out), sound.out
    (segment,) = spool.segments()
    segment.path.write_bytes(segment.path.read_bytes()[:-3])
    aside = spool.damaged / "live-1-2-abc-000001.part"
    aside.write_bytes(b"?")
    wrong = inside.run("verify", TASKHOUSE_HOME=str(home))
    assert (wrong.code, f"{segment.path} is damaged" in wrong.err) == (1, True), wrong
    assert f"1 damaged spool file is kept, the first as {aside}" in wrong.err


def test_a_printed_report_does_not_command_the_terminal() -> None:
    assert for_terminal("\u2068a\x1b[31m\u202eb\u2069\n") == "a\\x1b[31m\\u202eb\n"


def test_replay_with_an_empty_quarantine_is_complete_and_needs_neither_key_nor_host(
    inside: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blank(tmp_path / "home" / "warehouse.duckdb")
    for name in ("POSTHOG_PERSONAL_API_KEY", "POSTHOG_HOST"):
        monkeypatch.delenv(name, raising=False)
    told = {
        name: text for name, text in environment.items() if name not in {"POSTHOG_PERSONAL_API_KEY", "POSTHOG_HOST"}
    } | {"TASKHOUSE_HOME": str(tmp_path / "home")}
    done = inside.run("replay", **told)
    assert (done.code, "0 stay in quarantine" in done.err) == (0, True)


@pytest.mark.worlds
def test_tail_ends_with_0_on_sigterm_and_a_second_one_is_refused(environment: dict[str, str]) -> None:
    command = tied([sys.executable, "-m", "taskhouse.pipelines.cli", "tail"])
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True) as first:
        lock = Path(environment["TASKHOUSE_HOME"]) / "locks" / "tail-1.json"
        end = time.monotonic() + 30
        while not lock.exists() and time.monotonic() < end:
            time.sleep(0.05)
        second = taskhouse(environment, "tail")
        assert second.returncode == 1
        assert f"process {first.pid}" in second.stderr
        first.send_signal(signal.SIGTERM)
        _, told = first.communicate(timeout=60)
        assert first.returncode == 0, told
        assert "stopped; " in told
        assert "phx_emulator" not in told + second.stderr


@pytest.mark.worlds
def test_dev_hides_dagsters_advice_on_its_command_and_keeps_what_else_is_said_of_warnings(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / ".ready").touch()
    (folder / "dagster.yaml").write_text("nonsense: true", "utf-8")  # ends it before it serves anything
    variables = {**environment, "TASKHOUSE_HOME": str(tmp_path), "PYTHONWARNINGS": "default::Nonsense"}
    ours = taskhouse(variables, "dev").stderr
    command = [sys.executable, "-m", "dagster", "dev", "-m", "taskhouse.pipelines.definitions"]
    dagster = {**os.environ, **environment, "DAGSTER_HOME": str(folder)}
    theirs = subprocess.run(command, env=dagster, capture_output=True, text=True, timeout=120, check=False).stderr

    assert "SupersessionWarning" in theirs
    assert "SupersessionWarning" not in ours
    assert 'configuration is not valid: Received unexpected config entry "nonsense" at the root.' in ours
    assert "nonsense" in theirs
    assert "unknown warning category: 'Nonsense'" in ours
