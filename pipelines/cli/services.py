"""Dagster's processes behind ``taskhouse dev``: the code server, the UI and the daemon, each with its own command.

``dagster dev`` starts the same and two more: one in front of the code server, so that "Reload" in the UI loads the code
again, and itself. A person who has a ``workspace.yaml`` develops code of their own, and gets ``dagster dev``.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket  # noqa: N812 - Dagster names an address so
from typing import BinaryIO, NoReturn

from taskhouse.errors import TaskhouseError

STARTS_S = 60.0
"""How long the code server may take until it answers."""

LOOK_S = 0.1

UI_ENDS_S, DAEMON_ENDS_S, CODE_ENDS_S = 1.0, 2.0, 7.0
"""How long each may take to end before it is killed: an open browser can hold the UI, and runs the code server."""

QUIET = ("--log-level", "warning")
SUPERSEDED = "ignore:Function `dev_command` is superseded"
"""Hides Dagster's advice to use ``dg dev``, because this is ``taskhouse dev``; other warnings are shown."""

ABOVE = "above"
"""Where the output of a process is that writes to the terminal."""

Process = subprocess.Popen[bytes]


def develop(workspace: Path, address: list[str]) -> NoReturn:
    """Serve somebody's code locations until this is interrupted.

    Raises:
        TaskhouseError: Dagster ended.
    """
    command = [sys.executable, "-W", SUPERSEDED, "-m", "dagster", "dev", "-w", str(workspace), *address, *QUIET]
    with _running(command, CODE_ENDS_S) as process:
        raise _ended("development server", process.wait(), ABOVE)


def serve(
    location: str,
    folder: Path,
    address: list[str],
    log: Path,
    lost: Callable[[str], object],
    back: Callable[[], object],
) -> NoReturn:
    """Serve our own code location until this is interrupted.

    Args:
        location: The module of the definitions, which is also the name of the code location.
        folder: An empty folder for the address of the code server.
        address: Options of the UI that say where it listens.
        log: The file for the output of the UI and the daemon, which print a traceback if the code server is away.
        lost: Called with how the code server ended, before it starts again.
        back: Called when it answers again.

    Raises:
        TaskhouseError: The UI or the daemon ended, or the code server does not start.
    """
    socket, workspace = folder / "code", folder / "workspace.yaml"
    server = {"location_name": location, "socket": str(socket)}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), "utf-8")  # which is YAML too
    interface = [sys.executable, "-m", "dagster_webserver", "-w", str(workspace), *address]
    daemon = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace), *QUIET]
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(contextlib.ExitStack())  # ends after the others
        code = servers.enter_context(_code_server(location, socket))
        written = stack.enter_context(log.open("ab"))
        shown = stack.enter_context(_running([*interface, "--dagster-log-level", "warning"], UI_ENDS_S, written))
        ticking = stack.enter_context(_running(daemon, DAEMON_ENDS_S, written))
        others = {shown.pid: ("UI", shown), ticking.pid: ("daemon", ticking)}
        while True:
            pid, status = os.wait()
            if pid in others:
                name, process = others[pid]
                process.returncode = os.waitstatus_to_exitcode(status)
                raise _ended(name, process.returncode, f"in {log}")
            if pid == code.pid:
                code.returncode = os.waitstatus_to_exitcode(status)
                lost(_state(code.returncode))
                code = servers.enter_context(_code_server(location, socket))
                back()


@contextlib.contextmanager
def _code_server(location: str, socket: Path) -> "Iterator[Process]":
    """A code server that answers."""
    socket.unlink(missing_ok=True)
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(socket), "-m", location]
    command += ["--location-name", location, "--use-python-environment-entry-point"]
    command += ["--inject-env-vars-from-instance", "--lazy-load-user-code", *QUIET]
    with _running(command, CODE_ENDS_S) as process:
        try:
            _wait_for(process, socket)
        except BaseException:
            process.kill()  # it has no runs yet, and while it imports it can take long to end
            raise
        yield process


def _wait_for(process: "Process", socket: Path) -> None:
    until = time.monotonic() + STARTS_S
    with contextlib.closing(Socket(AF_UNIX)) as asking:
        while asking.connect_ex(str(socket)):
            if process.poll() is not None or time.monotonic() > until:
                raise _ended("code server", process.poll(), ABOVE)
            time.sleep(LOOK_S)


@contextlib.contextmanager
def _running(command: list[str], ends_s: float, output: "BinaryIO | None" = None) -> "Iterator[Process]":
    """A process that is asked to end when the block does, and killed if it takes too long."""
    with subprocess.Popen(command, stdout=output, stderr=output) as process:  # noqa: S603 - our own words
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ends_s)
            process.kill()


def _state(code: int | None) -> str:
    """How a process is, by its exit code."""
    if code is None:
        return "does not answer"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _ended(name: str, code: int | None, output: str) -> TaskhouseError:
    return TaskhouseError(
        f"Dagster's {name} {_state(code)}.", hint=f"What it said is {output}. Run `taskhouse dev` again."
    )
