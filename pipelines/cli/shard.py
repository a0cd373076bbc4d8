"""``taskhouse shard``: the code server of this machine, for a Dagster that runs elsewhere."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.pipelines.cli.ports import bindable
from taskhouse.plural import counted

if TYPE_CHECKING:
    from pathlib import Path

ALONE = "taskhouse"
"""The name of the code location without a prefix."""


@guarded
def shard(
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the code server.")] = 4000,
    host: Annotated[str, typer.Option(help="Address of the code server; 0.0.0.0 for other machines.")] = "127.0.0.1",
) -> None:
    """Serve the assets of this machine to a Dagster UI and daemon that run elsewhere, until interrupted.

    Runs start on this machine, where its files are. The code location is called like TASKHOUSE_ASSET_PREFIX. The UI,
    the daemon and all machines share one PostgreSQL, which TASKHOUSE_HOME/dagster/dagster.yaml names. docs/scale.md
    shows the whole deployment.

    Only one code server or `taskhouse dev` may use a home. If the previous one was killed, its unfinished runs are
    first marked as failed, and the schedules start them again. The connection is not encrypted and asks for no
    password, so the port must be open to the other machines of the deployment only.
    """
    from taskhouse.home import ready
    from taskhouse.pipelines.cli.dev import hold
    from taskhouse.pipelines.home import prepare
    from taskhouse.settings import load

    settings = load()
    ready(settings)
    location = settings.asset_prefix or ALONE
    held = hold(settings, f"{host}:{port}")
    bindable(host, port)
    folder = prepare(settings)
    _close_runs(folder, location)
    say(f"This is the code location {location} on {host}:{port}; its files are in {settings.home.absolute()}.")
    os.set_inheritable(held, True)  # noqa: FBT003 - takes no keyword; the lock lasts as long as the server
    os.environ["DAGSTER_HOME"] = str(folder)
    address = ("--host", host, "--port", str(port), "--location-name", location)
    module = ("--module-name", "taskhouse.pipelines.definitions")
    words = [sys.executable, "-m", "dagster", "api", "grpc", *address, *module, "--log-level", "warning"]
    os.execv(words[0], words)  # noqa: S606 - our own words


def _close_runs(folder: "Path", location: str) -> None:
    """Mark the runs as failed that ended with the previous server of this location.

    Raises:
        ConfigurationError: The Dagster of this home keeps its records in files, which no other machine can read.
    """
    from taskhouse.errors import ConfigurationError
    from taskhouse.pipelines.daemon import close_runs_of
    from taskhouse.pipelines.home import sound

    with sound(folder) as instance:
        if "sqlite" in type(instance.run_storage).__module__:
            raise ConfigurationError(
                f"{folder / 'dagster.yaml'} names no database that other machines can use.",
                hint="Put `storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}` into it, as in"
                " docs/scale.md, and install dagster-postgres. On a single machine, run `taskhouse dev`.",
            )
        closed = close_runs_of(instance, location)
    if closed:
        say(f"The previous server ended during {counted(closed, 'run', 'runs')}; the schedules start them again.")
