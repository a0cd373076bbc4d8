"""``taskhouse dev`` in a group of its own: what ends the command ends all that it started, without a word of theirs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LEADS = """
import subprocess, sys, time, typer
from pipelines.cli.process_group import lead
try:
    lead()
    importing = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(importing.pid, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    importing.wait()
    sys.exit(130)
except typer.Exit as ended:
    sys.exit(ended.exit_code)
"""


@pytest.fixture
def led() -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A command that leads a group, and the number of a process that its child started."""
    with subprocess.Popen(
        [sys.executable, "-c", LEADS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as command:
        assert command.stdout is not None
        yield command, int(command.stdout.readline())
        command.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_the_command_ends_what_it_started_without_a_word(
    led: tuple["subprocess.Popen[str]", int], number: int
) -> None:
    command, started = led
    os.killpg(command.pid, number)
    assert command.communicate(timeout=20)[0] == ""
    assert command.returncode == 130
    assert not lives(started)


def test_nothing_outlives_a_command_that_was_killed(led: tuple["subprocess.Popen[str]", int]) -> None:
    command, started = led
    command.kill()
    assert command.communicate(timeout=20)[0] == ""  # at its end nobody holds the output any more
    assert not lives(started)


def lives(process: int) -> bool:
    """Whether a process goes on; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
