"""``taskhouse dev``: Dagster's UI and daemon on the assets."""

import contextlib
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import Exit, guarded, say
from taskhouse.pipelines.cli.ports import bindable
from taskhouse.pipelines.cli.process_group import catch, led

if TYPE_CHECKING:
    from taskhouse.settings import Settings

WORKSPACE = Path("workspace.yaml")


@guarded
def dev(
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
) -> None:
    """Run the Dagster UI and the daemon that runs the schedules, until interrupted.

    The terminal shows warnings and failures only; everything else is in the UI. If the schedules are on, resources that
    never ran are run at once.

    The state is in TASKHOUSE_HOME/dagster. Any other Dagster command works if DAGSTER_HOME is set to that folder. Only
    one daemon may run in a home, however it was started: two would start every scheduled run twice.

    If there is a `workspace.yaml` in this folder, its code locations are served by `dagster dev`. Otherwise changes of
    settings need a new start: "Reload" in the UI does not read them again.

    Ctrl-C or SIGTERM is the normal way to stop it, and the exit code is then 0. What has not ended after 8 seconds, or
    at a second Ctrl-C, is killed. The next start marks a run that was killed as failed.
    """
    try:
        catch()
        _dev(host, port)
    except KeyboardInterrupt:
        _stopping()
        raise typer.Exit(Exit.COMPLETE) from None


def _dev(host: str, port: int) -> None:
    from taskhouse.home import ready
    from taskhouse.pipelines.home import prepare
    from taskhouse.settings import load

    settings = load()
    ready(settings)
    url = f"http://{host}:{port}"
    held = hold(settings, url)
    try:
        bindable(host, port)
        with led(_stopping, lambda: _forget(settings)):
            serve(prepare(settings), url, ["--host", host, "--port", str(port)])
    finally:
        os.close(held)


def _stopping() -> None:
    say("Stopping Dagster.")


def _forget(settings: "Settings") -> None:
    """Delete the heartbeat of a daemon that was killed, so that the next start need not wait until it expires."""
    from dagster import DagsterInstance

    from taskhouse.pipelines.home import prepare

    with contextlib.suppress(Exception), DagsterInstance.from_config(str(prepare(settings))) as instance:
        instance.wipe_daemon_heartbeats()


def serve(folder: Path, url: str, address: list[str]) -> None:
    """Run Dagster's processes on the folder, and delete the heartbeats of its daemon when they end."""
    os.environ["DAGSTER_HOME"] = str(folder)
    from taskhouse.pipelines.cli import services
    from taskhouse.pipelines.daemon import close_runs, refuse_another
    from taskhouse.pipelines.home import sound
    from taskhouse.pipelines.upgrade import LOCATION, carry_over

    with sound(folder) as instance, tempfile.TemporaryDirectory(prefix="taskhouse-dev-") as sockets:
        refuse_another(
            instance,
            folder,
            waiting=lambda: say("A Dagster daemon ran here just now; waiting to be sure that it has stopped."),
        )

        def lost() -> None:
            say("Dagster's code server ended, and its runs with it; it starts again.")
            close_runs(instance)

        close_runs(instance)
        say(f"Dagster keeps its state in {folder}. The UI opens at {url}; press Ctrl-C to stop.")
        try:
            if WORKSPACE.exists():
                services.develop(WORKSPACE, address)
            carry_over(instance)
            services.serve(LOCATION, Path(sockets), address, lost)
        finally:
            instance.wipe_daemon_heartbeats()


def hold(settings: "Settings", url: str) -> int:
    """Take the home for one Dagster: a file that stays locked as long as this process lives.

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
        with os.fdopen(file, encoding="utf-8") as holder:
            first = _described(holder.read())
        raise Locked(
            f"Dagster is running in {settings.home} already: {first}.",
            hint="Use that one, or stop it first with Ctrl-C.",
        ) from None
    os.truncate(file, 0)
    os.write(file, json.dumps({"pid": os.getpid(), "url": url, "since": f"{datetime.now(UTC):%F %T} UTC"}).encode())
    return file


def _described(text: str) -> str:
    try:
        first = json.loads(text)
        return f"{first['url']} (process {first['pid']}, since {first['since']})"
    except (ValueError, KeyError):
        return "it did not leave an address"
