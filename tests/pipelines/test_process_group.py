"""``taskhouse dev`` in a group of its own: what ends the command ends all that it started, without a word of theirs."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

LEADS = """
import subprocess, sys, time, typer
from taskhouse.pipelines.cli import process_group
process_group.PATIENCE_S = float(sys.argv[3])
says = lambda text: lambda: print(text, flush=True)
try:
    with process_group.led(says("stopping"), says("ended")):
        importing = subprocess.Popen([sys.executable, "-c", sys.argv[2]], stdout=subprocess.PIPE)
        importing.stdout.read(1)
        print(importing.pid, flush=True)
        time.sleep(float(sys.argv[1]))
    importing.wait()
except KeyboardInterrupt:
    print("a traceback", file=sys.stderr)
    importing.wait()
    sys.exit(130)
except typer.Exit as ended:
    sys.exit(ended.exit_code)
"""
SLEEPS = "import time; print(flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


@contextlib.contextmanager
def command(
    seconds: float, work: str = SLEEPS, patience_s: float = 1.0
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A command whose work takes so long, and the number of a process that the work has started."""
    with subprocess.Popen(
        [sys.executable, "-c", LEADS, str(seconds), work, str(patience_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        yield running, int(running.stdout.readline())
        running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_the_command_ends_what_it_started_without_a_word(number: int) -> None:
    with command(60) as (running, started):
        os.killpg(running.pid, number)
        assert running.communicate(timeout=20)[0] == "stopping\nended\n"
    assert running.returncode == 0
    assert not lives(started)


def test_what_does_not_end_in_time_is_killed() -> None:
    with command(60, STUBBORN) as (running, started):
        running.terminate()
        assert running.communicate(timeout=20)[0] == "stopping\nended\n"
    assert running.returncode == 0
    assert not lives(started)


def test_a_second_signal_kills_all_of_it_at_once_unless_it_came_with_the_first() -> None:
    with command(60, STUBBORN, patience_s=60) as (running, started):
        for _ in range(2):
            running.send_signal(signal.SIGINT)
        time.sleep(1)
        assert lives(started)
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=20)[0] == "stopping\nended\n"
    assert running.returncode == 0
    assert not lives(started)


@pytest.mark.parametrize("seconds", [0, 60])
def test_nothing_outlives_a_command_that_ended_or_was_killed(seconds: float) -> None:
    with command(seconds) as (running, started):
        if seconds:
            running.kill()
        said = running.communicate(timeout=20)[0]  # at its end nobody holds the output any more
        assert set(said.splitlines()) == (set() if seconds else {"ended"})
    assert running.returncode == (-signal.SIGKILL if seconds else 0)
    until = time.monotonic() + 20  # what was told to end lets go of the output a moment before it is gone
    while lives(started) and time.monotonic() < until:
        time.sleep(0.05)
    assert not lives(started)


def lives(process: int) -> bool:
    """Whether a process goes on; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
