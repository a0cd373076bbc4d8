"""``taskhouse dev``: Dagster's UI and daemon on the assets."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.exits import guarded, say
from pipelines.cli.ports import bindable

if TYPE_CHECKING:
    from taskhouse.settings import Settings

WORKSPACE = Path("workspace.yaml")
SUPERSEDED = "ignore:Function `dev_command` is superseded"
"""Dagster's advice to type ``dg dev`` is not for who typed ``taskhouse dev``; every other warning is shown."""


@guarded
def dev(
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI, with the daemon that runs schedules, until it is interrupted.

    Its state is in TASKHOUSE_HOME/dagster, where `taskhouse sync` records its runs too. Any other Dagster command works
    with DAGSTER_HOME set to that folder. Only one can run in a home: two daemons would tick every schedule twice.
    """
    from pipelines.home import prepare
    from taskhouse.home import ready
    from taskhouse.settings import load

    settings = load()
    ready(settings)
    held = hold(settings, f"http://{host}:{port}")
    try:
        bindable(host, port)
        folder = prepare(settings)
        workspace = ["-w", str(WORKSPACE)] if WORKSPACE.exists() else ["-m", "pipelines.definitions"]
        say(f"Dagster keeps its state in {folder}.")
        command = [sys.executable, "-m", "dagster", "dev", *workspace, "--host", host, "--port", str(port)]
        warnings = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), SUPERSEDED)))
        environment = {**os.environ, "DAGSTER_HOME": str(folder), "PYTHONWARNINGS": warnings}
        os.execve(sys.executable, command, environment)  # noqa: S606 - our own interpreter
    finally:
        os.close(held)


def hold(settings: "Settings", url: str) -> int:
    """Take the home for one Dagster: a locked file that stays locked in whatever program this process becomes.

    Raises:
        Locked: A ``taskhouse dev`` of this home is running; says where.
    """
    import fcntl

    from taskhouse.errors import Locked

    path = settings.home / "locks" / "dev.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with os.fdopen(file, encoding="utf-8") as told:
            first = _described(told.read())
        raise Locked(
            f"`taskhouse dev` is running in {settings.home} already: {first}.",
            hint="Use that one, or stop it first with Ctrl-C.",
        ) from None
    os.set_inheritable(file, True)  # noqa: FBT003 - it has no name
    os.truncate(file, 0)
    os.write(file, json.dumps({"pid": os.getpid(), "url": url, "since": f"{datetime.now(UTC):%F %T} UTC"}).encode())
    return file


def _described(text: str) -> str:
    try:
        first = json.loads(text)
        return f"{first['url']} (process {first['pid']}, since {first['since']})"
    except (ValueError, KeyError):
        return "it did not leave an address"
