"""What the shell is told: 0 complete, 1 failed, 2 usage or configuration, 3 not proved complete, 130 interrupted."""

import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskhouse import files
from taskhouse.pipelines.cli import main
from taskhouse.pipelines.run import SyncOutcome

ROOT = Path(__file__).parents[2]
WRONG = "phx_wrong_but_secret_all_the_same"
NOWHERE = {"POSTHOG_HOST": "http://127.0.0.1:9", "POSTHOG_PERSONAL_API_KEY": WRONG, "POSTHOG_PROJECT_IDS": "1"}


@pytest.mark.parametrize(
    ("variables", "arguments", "says"),
    [
        ({}, ("sync",), "POSTHOG_PERSONAL_API_KEY is not set"),
        ({"POSTHOG_PERSONAL_API_KEY": WRONG}, ("sync",), "POSTHOG_PROJECT_IDS is not set"),
        ({"POSTHOG_HOST": "http://example.com"}, ("sync",), "must use https"),
        (NOWHERE, ("sync", "--select", "wishes"), "wishes is not one of"),
        (NOWHERE, ("sync", "--select", "tsks"), "Did you mean tasks?"),
        (NOWHERE, ("sync", "--select", "task_usage"), "Switch it on: TASKHOUSE_TASK_USAGE=true"),
        (NOWHERE, ("sync", "--project", "7"), "7 is not one of"),
        ({}, ("sync", "--nonsense"), "No such option"),
        ({}, ("query", "SELECT 1"), "There is no published copy"),
        ({"TASKHOUSE_SCHEDULES": "true"}, ("schedule", "off"), "is set and has priority"),
    ],
)
def test_what_a_person_must_mend_is_2_and_says_what(
    inside: Any, variables: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    shown = inside.run(*arguments, **variables)

    assert shown.code == 2, shown
    assert says in shown.said
    assert "Traceback" not in shown.said
    assert WRONG not in shown.said


def test_a_newcomers_file_leads_to_the_server_they_named(taskhouse: Any, quiet: Any) -> None:
    others = {"HOST": "https://elsewhere.example.com", "API_KEY": "sk_elsewhere", "POSTHOG_API_KEY": "phc_public"}
    ours = {**quiet.environment, "TASKHOUSE_CAPTURE_TEXTS": "none"}
    key = ours["POSTHOG_PERSONAL_API_KEY"]
    text = "".join(f"{name}={value}\n" for name, value in ours.items())
    (taskhouse.folder / ".env").write_text(text, "utf-8")
    misspelt = taskhouse.run("check", **others)
    assert (misspelt.code, "Did you mean TASKHOUSE_CAPTURE_TEXT?" in misspelt.err) == (2, True)
    (taskhouse.folder / ".env").write_text(text.replace("CAPTURE_TEXTS", "CAPTURE_TEXT"), "utf-8")
    found = taskhouse.run("check", **others)
    assert found.code == 0, found
    assert f"{quiet.emulator.url} answers" in found.out
    assert key not in misspelt.said + found.said


def test_a_key_in_the_file_is_hidden_like_one_in_the_environment(taskhouse: Any, tmp_path: Path) -> None:
    (taskhouse.folder / ".env").write_text(f"POSTHOG_PERSONAL_API_KEY={WRONG}\n", "utf-8")
    shown = taskhouse.run("query", f"SELECT '{WRONG}' FROM nowhere", TASKHOUSE_HOME=str(tmp_path / WRONG))
    assert (shown.code, "[key]" in shown.err) == (2, True)
    assert WRONG not in shown.said


def test_a_variable_of_another_posthog_tool_is_told_apart(taskhouse: Any) -> None:
    shown = taskhouse.run("sync", POSTHOG_API_KEY="phc_public")
    assert shown.code == 2
    assert "does not read POSTHOG_API_KEY; did you mean POSTHOG_PERSONAL_API_KEY?" in shown.err
    assert "phc_public" not in shown.said


def test_a_host_that_is_not_there_is_1(taskhouse: Any) -> None:
    shown = taskhouse.run("check", **NOWHERE)

    assert shown.code == 1
    assert "got no answer from http://127.0.0.1:9" in shown.said
    assert WRONG not in shown.said


@pytest.mark.parametrize("command", ["check", pytest.param("sync", marks=pytest.mark.worlds)])
def test_a_wrong_key_is_2(taskhouse: Any, quiet: Any, command: str) -> None:
    shown = taskhouse.run(command, **{**quiet.environment, "POSTHOG_PERSONAL_API_KEY": WRONG})

    assert shown.code == 2, shown
    assert "The key is not valid on this host" in shown.said
    assert "Traceback" not in shown.said
    assert WRONG not in shown.said


@pytest.mark.worlds
def test_an_interrupted_sync_is_130_and_says_that_nothing_is_lost(taskhouse: Any, quiet: Any) -> None:
    quiet.emulator.faults({"kind": "delay", "seconds": 30, "endpoint": "tasks.readiness"})
    process = taskhouse.start("sync", "--select", "tasks,repositories,readiness", **quiet.environment)
    for line in process.stderr:
        if "repositories" in line:
            break
    process.send_signal(signal.SIGINT)
    shown = taskhouse.end(process)

    assert shown.code == 130, shown
    assert "Everything read so far is kept" in shown.err
    assert "Traceback" not in shown.said


def test_a_mistake_of_our_own_is_one_line_and_a_traceback_only_with_debug(
    inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(_: object) -> None:
        raise LookupError("nothing")

    monkeypatch.setattr("taskhouse.pipelines.switch.is_on", mistaken)

    short = inside.run("schedule", "show")
    long = inside.run("--debug", "schedule", "show")

    assert (short.code, long.code) == (1, 1)
    assert "This is a bug in taskhouse" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in long.err


@pytest.mark.parametrize("command", ["sync", "check", "tail"])
def test_a_process_that_may_open_too_few_files_is_1_at_once(
    inside: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (24, 24))
    shown = inside.run(command, **NOWHERE, TASKHOUSE_HOME=str(tmp_path / "home"))
    assert shown.code == 1
    assert "This process may open only 24 files, but needs at least 64" in shown.err
    assert "ulimit -n 4096" in shown.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((20, 8192), [(4096, 8192)]),
        ((20, resource.RLIM_INFINITY), [(4096, resource.RLIM_INFINITY)]),
        ((256, 1024), [(1024, 1024)]),
        ((8192, 8192), []),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), []),
    ],
)
def test_as_many_files_may_be_open_as_the_system_lets_us(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], raised: list[tuple[int, int]]
) -> None:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: found.append(given))
    files.allowed()
    assert found == raised


def test_nothing_is_proven_by_silence() -> None:
    assert not SyncOutcome(frozenset({(1, "tasks"), (2, "tasks")})).proven
    assert SyncOutcome(frozenset({(2, "tasks"), (1, "tasks")})).skipped == [(1, "tasks"), (2, "tasks")]


@pytest.mark.parametrize("place", ["builtins.__import__", "typer.main.get_command"])
def test_what_is_interrupted_before_a_command_runs_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    try:
        main()
    except SystemExit as problem:
        ended = problem
    monkeypatch.undo()
    assert (ended.code, *capfd.readouterr()) == (130, "", "")


def test_a_command_imports_nothing_before_it_can_be_interrupted() -> None:
    code = (
        "import sys; before = set(sys.modules); import taskhouse.pipelines.cli; print(*sorted({*sys.modules} - before))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["taskhouse", "taskhouse.pipelines", "taskhouse.pipelines.cli"]
