"""``taskhouse dev``: Dagster's UI and daemon on the assets."""

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

LOG = "dev.log"
"""The file in Dagster's folder for what the UI and the daemon print."""

LOG_BYTES = 1_000_000
"""A start begins a longer file again."""


@guarded
def dev(
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address of the UI.")] = "127.0.0.1",
) -> None:
    """Run the Dagster UI and the daemon that runs the schedules, until interrupted.

    The terminal shows warnings and failures only; everything else is in the UI. What the UI and the daemon print is in
    TASKHOUSE_HOME/dagster/dev.log. If the schedules are on, resources that never ran are run at once.

    The state is in TASKHOUSE_HOME/dagster. Any other Dagster command works if DAGSTER_HOME is set to that folder. Only
    one daemon may run in a home, however it was started: two would start every scheduled run twice.

    If there is a `workspace.yaml` in this folder, its code locations are served by `dagster dev`. Otherwise changes of
    settings need a new start: "Reload" in the UI does not read them again.

    Ctrl-C or SIGTERM is the normal way to stop it, and the exit code is then 0. What has not ended after 8 seconds, or
    at a second Ctrl-C, is killed. The next start marks a run that was killed as failed. If the code server is killed,
    it is started again.
    """
    try:
        catch()
        _dev(host, port)
    except KeyboardInterrupt:
        _stopping()
        raise typer.Exit(Exit.COMPLETE) from None


def _dev(host: str, port: int) -> None:
    from taskhouse.home import ready
    from taskhouse.pipelines.daemon import ended
    from taskhouse.pipelines.home import dagster_home
    from taskhouse.settings import load

    settings = load()
    ready(settings)
    url = f"http://{host}:{port}"
    held = hold(settings, url)
    try:
        bindable(host, port)
        folder = dagster_home(settings)
        os.environ["DAGSTER_HOME"] = str(folder)
        with led(_stopping, lambda: ended(folder)):
            serve(folder, url, ["--host", host, "--port", str(port)])
    finally:
        os.close(held)


def _stopping() -> None:
    say("Stopping Dagster. A second Ctrl-C kills what still runs.")


def serve(folder: Path, url: str, address: list[str]) -> None:
    """Run Dagster's processes on its folder.

    None of it imports Dagster here, because this process lives as long as they do.
    """
    from taskhouse.pipelines.cli import instance, services
    from taskhouse.pipelines.cli.instance import apart
    from taskhouse.pipelines.upgrade import LOCATION

    def lost(state: str) -> None:
        say(f"Dagster's code server {state}, and its runs end with it. It starts again; the schedules repeat the runs.")
        apart(instance.lost)

    apart(instance.begin)
    say(f"Dagster keeps its state in {folder}. The UI opens at {url}; press Ctrl-C to stop.")
    if instance.WORKSPACE.exists():
        services.develop(instance.WORKSPACE, address)
    log = folder / LOG
    if log.exists() and log.stat().st_size > LOG_BYTES:
        os.truncate(log, 0)
    with tempfile.TemporaryDirectory(prefix="taskhouse-dev-") as sockets:
        services.serve(
            LOCATION,
            Path(sockets),
            address,
            log=log,
            lost=lost,
            back=lambda: say("The code server runs again."),
        )


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
