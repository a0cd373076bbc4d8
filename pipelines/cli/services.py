"""Dagster's processes behind ``taskhouse dev``: the code server, the UI and the daemon, each with its own command.

``dagster dev`` starts the same and two more: one in front of the code server, so that "Reload" in the UI loads the code
again, and itself. A person who has a ``workspace.yaml`` develops code of their own, and gets ``dagster dev``.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket  # noqa: N812 - Dagster names an address so
from typing import NoReturn

from taskhouse.errors import TaskhouseError

STARTS_S = 60.0
"""How long the code server may take until it answers."""

LOOK_S = 0.1
ENDS_S = 7.0
"""How long a process may take to end; a second later, all of them are killed."""

QUIET = ("--log-level", "warning")
SUPERSEDED = "ignore:Function `dev_command` is superseded"
"""Hides Dagster's advice to use ``dg dev``, because this is ``taskhouse dev``; other warnings are shown."""

DAEMON = [sys.executable, "-m", "taskhouse.pipelines.daemon"]
"""The command `dagster-daemon`, wherever its script is."""

Process = subprocess.Popen[bytes]


def develop(workspace: Path, address: list[str]) -> NoReturn:
    """Serve somebody's code locations until this is interrupted.

    Raises:
        TaskhouseError: Dagster ended.
    """
    command = [sys.executable, "-W", SUPERSEDED, "-m", "dagster", "dev", "-w", str(workspace), *address, *QUIET]
    try:
        with _running(command) as process:
            raise _ended("development server", process.wait())
    finally:
        forget()


def serve(location: str, folder: Path, address: list[str], lost: Callable[[], object]) -> NoReturn:
    """Serve our own code location until this is interrupted.

    Args:
        location: The module of the definitions, which is also the name of the code location.
        folder: An empty folder for the address of the code server.
        address: Options of the UI that say where it listens.
        lost: Called if the code server ended, and its runs with it, before it starts again.

    Raises:
        TaskhouseError: The UI or the daemon ended, or the code server does not start.
    """
    socket, workspace = folder / "code", folder / "workspace.yaml"
    server = {"location_name": location, "socket": str(socket)}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), "utf-8")  # which is YAML too
    interface = [sys.executable, "-m", "dagster_webserver", "-w", str(workspace), *address]
    with contextlib.ExitStack() as stack:
        code = stack.enter_context(_code_server(location, socket))
        shown = stack.enter_context(_running([*interface, "--dagster-log-level", "warning"]))
        daemon = stack.enter_context(_daemon(workspace))
        others = {shown.pid: ("UI", shown), daemon.pid: ("daemon", daemon)}
        while True:
            pid, status = os.wait()
            if pid in others:
                name, process = others[pid]
                process.returncode = os.waitstatus_to_exitcode(status)
                raise _ended(name, process.returncode)
            if pid == code.pid:
                lost()
                code = stack.enter_context(_code_server(location, socket))


@contextlib.contextmanager
def _code_server(location: str, socket: Path) -> "Iterator[Process]":
    """A code server that answers."""
    socket.unlink(missing_ok=True)
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(socket), "-m", location]
    command += ["--location-name", location, "--use-python-environment-entry-point"]
    with _running([*command, "--inject-env-vars-from-instance", "--lazy-load-user-code", *QUIET]) as process:
        until = time.monotonic() + STARTS_S
        with contextlib.closing(Socket(AF_UNIX)) as asking:
            while asking.connect_ex(str(socket)):
                if process.poll() is not None or time.monotonic() > until:
                    raise _ended("code server", process.poll())
                time.sleep(LOOK_S)
        yield process


@contextlib.contextmanager
def _daemon(workspace: Path) -> "Iterator[Process]":
    """The daemon, which deletes its heartbeats as it ends; they are deleted here if it could not."""
    process = None
    try:
        with _running([*DAEMON, "run", "-w", str(workspace), *QUIET]) as process:
            yield process
    finally:
        if process and process.returncode:
            forget()


@contextlib.contextmanager
def _running(command: list[str]) -> "Iterator[Process]":
    """A process that is asked to end when the block does, and killed if it takes too long."""
    with subprocess.Popen(command) as process:  # noqa: S603 - our own words
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDS_S)
            process.kill()


def forget() -> None:
    """Delete the heartbeats of a daemon that was killed, so that the next start need not wait until they expire."""
    subprocess.run([*DAEMON, "wipe"], capture_output=True, check=False)  # noqa: S603 - our own words


def _ended(name: str, code: int | None) -> TaskhouseError:
    state = "does not answer" if code is None else f"ended with exit code {code}"
    return TaskhouseError(f"Dagster's {name} {state}.", hint="What it said is above. Run `taskhouse dev` again.")
