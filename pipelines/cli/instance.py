"""What ``taskhouse dev`` does in Dagster's records, in processes of their own: it waits without Dagster in its memory.

``python -m taskhouse.pipelines.cli.instance begin`` makes them ready for Dagster's processes, and ``lost`` closes the
runs that ended with the code server.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from taskhouse.pipelines.cli.app import options
from taskhouse.pipelines.cli.exits import debug, guarded, say

if TYPE_CHECKING:
    from dagster import DagsterInstance

WORKSPACE = Path("workspace.yaml")
"""Names the code locations of whoever has some of their own."""

app = typer.Typer(callback=options, add_completion=False)


@app.command()
@guarded
def begin() -> None:
    """Refuse to start beside another daemon, and close the runs that ended with the previous one."""
    from taskhouse.pipelines.daemon import began, close_runs, ended_at, refuse_another
    from taskhouse.pipelines.upgrade import carry_over

    with _opened() as (instance, folder):
        refuse_another(
            instance,
            folder,
            waiting=lambda: say("A Dagster daemon ran here just now; waiting to be sure that it has stopped."),
            ended=ended_at(folder),
        )
        began(folder)
        instance.wipe_daemon_heartbeats()  # the UI would show the previous daemon as running
        close_runs(instance)
        if WORKSPACE.exists():
            _require_valid(WORKSPACE)
        else:
            carry_over(instance)


@app.command()
@guarded
def lost() -> None:
    """Close the runs that ended with the code server."""
    from taskhouse.pipelines.daemon import close_runs

    with _opened() as (instance, _):
        close_runs(instance)


def apart(command: Callable[[], None]) -> None:
    """Run one of the commands above in a process of its own.

    Raises:
        typer.Exit: It failed, and has said why.
    """
    asked = ["--debug"] if debug["on"] else []
    words = [sys.executable, "-m", __name__, *asked, command.__name__]
    code = subprocess.run(words, check=False).returncode  # noqa: S603 - our own words
    if code:
        raise typer.Exit(code if code > 0 else 128 - code)


def _require_valid(workspace: Path) -> None:
    """Read somebody's code locations before `dagster dev` does, which says what is wrong in a long traceback.

    Raises:
        ConfigurationError: It cannot.
    """
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    from taskhouse.errors import ConfigurationError

    try:
        WorkspaceFileTarget([str(workspace)]).create_origins()
    except Exception as problem:
        said = str(problem).partition(" Expected:")[0].rpartition("Error 1: ")[2]
        cause = " ".join(said.removeprefix("Invariant failed. Description: ").split())
        raise ConfigurationError(
            f"{workspace.absolute()} is not valid: {cause[:300].rstrip('.')}.",
            hint="Fix it; docs/dagster.md has an example. Without this file, `taskhouse dev` serves taskhouse alone.",
        ) from problem


@contextlib.contextmanager
def _opened() -> Iterator[tuple["DagsterInstance", Path]]:
    """The records of the home, and their folder."""
    from taskhouse.pipelines.home import prepare, sound
    from taskhouse.pipelines.startup import uncollected
    from taskhouse.settings import load

    with uncollected():
        folder = prepare(load())
        with sound(folder) as instance:
            yield instance, folder


if __name__ == "__main__":
    app()
