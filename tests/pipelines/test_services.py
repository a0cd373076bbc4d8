"""The processes of Dagster behind ``taskhouse dev``."""

import os
import signal
import socket
from pathlib import Path

import pytest

from taskhouse.errors import ConfigurationError, TaskhouseError
from taskhouse.pipelines import daemon
from taskhouse.pipelines.cli.instance import _require_valid
from taskhouse.pipelines.cli.services import develop
from tests.blank import started
from tests.pipelines.conftest import Commands
from tests.pipelines.deployment import commandline, family, until


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


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("load_from:\n  - python_fil: mine.py\n", 'Received unexpected config entry "python_fil"'),
        ("load_from: [", "expected the node content"),
        ("", "Could not parse a workspace config"),
    ],
)
def test_a_workspace_that_is_not_valid_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "workspace.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=f"^{path} is not valid: .*{why}") as problem:
        _require_valid(path)
    assert "\n" not in problem.value.message


@pytest.mark.slow
def test_a_code_server_that_is_killed_is_said_and_started_again_and_all_of_it_ends_with_ctrl_c(
    tmp_path: Path, taskhouse: Commands
) -> None:
    home = started(tmp_path / "home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = taskhouse.start("dev", "--port", str(port), TASKHOUSE_HOME=str(home), POSTHOG_PROJECT_IDS="1")
    assert running.stderr is not None

    def up() -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", port)) == 0

    until(up)
    (server,) = [pid for pid in family(running.pid) if "api\0grpc" in commandline(pid)]
    os.kill(server, signal.SIGKILL)
    said = [running.stderr.readline() for _ in range(3)]
    everything = list(family(running.pid))
    running.send_signal(signal.SIGINT)
    ended = taskhouse.end(running)

    assert (ended.code, ended.out) == (0, "")
    assert [line.split(".")[0] for line in [*said, *ended.err.splitlines()]] == [
        f"Dagster keeps its state in {home.resolve()}/dagster",
        "Dagster's code server was killed by SIGKILL, and its runs end with it",
        "The code server runs again",
        "Stopping Dagster",
    ]
    assert len(everything) == 4  # the one that waits for the code server, the UI and the daemon
    assert [commandline(pid) for pid in everything if commandline(pid)] == []
    assert daemon.ended_at(home / "dagster") > 0
