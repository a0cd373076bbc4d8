"""``taskhouse dev``: Dagster's UI and daemon on the assets."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.exits import guarded, say
from pipelines.cli.ports import bindable

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
    with DAGSTER_HOME set to that folder.
    """
    from pipelines.home import prepare
    from taskhouse.settings import load

    bindable(host, port)
    folder = prepare(load())
    workspace = ["-w", str(WORKSPACE)] if WORKSPACE.exists() else ["-m", "pipelines.definitions"]
    say(f"Dagster keeps its state in {folder}.")
    command = [sys.executable, "-m", "dagster", "dev", *workspace, "--host", host, "--port", str(port)]
    warnings = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), SUPERSEDED)))
    environment = {**os.environ, "DAGSTER_HOME": str(folder), "PYTHONWARNINGS": warnings}
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own interpreter
