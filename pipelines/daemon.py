"""Dagster's daemon: only one may run the schedules of a home; the runs that ended with the previous one are closed."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from socket import AF_INET, AF_UNIX
from socket import socket as Socket  # noqa: N812 - Dagster names an address so
from typing import TYPE_CHECKING

from taskhouse.errors import Locked

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRunStatus

SILENT_S = 45.0
"""A daemon reports every 30 s that it runs; after a silence of this length, it has ended."""

FORMER_SYNC = "taskhouse/command"
"""The tag of a run of `taskhouse sync` in earlier versions."""

MARK = "daemon.ended"
"""The file in Dagster's folder that says when a daemon of ours ended; it is empty while one runs."""

CONNECT_S = 5.0
"""How long a server may take to accept a connection."""


def refuse_another(
    instance: "DagsterInstance",
    folder: Path,
    *,
    waiting: Callable[[], None],
    ended: float = 0.0,
    now: Callable[[], float] = time.time,
    rest: Callable[[float], None] = time.sleep,
) -> None:
    """Make sure that no daemon of another command runs; wait until it reports again, or has been silent for long.

    Args:
        instance: Dagster's records of the home.
        folder: Where they are.
        waiting: Called once if a daemon has reported recently and may have ended since.
        ended: When a daemon of ours ended; what was reported until then needs no wait.
        now: The time.
        rest: Waits for some seconds.

    Raises:
        Locked: One runs.
    """
    last = _heard(instance)
    if last <= ended <= now() or now() - last > SILENT_S:
        return
    waiting()
    while now() - last <= SILENT_S:
        rest(1.0)
        if _heard(instance) > last:
            raise Locked(
                f"Another command has started the Dagster daemon on {folder}.",
                hint="Stop that one first (`dagster dev`, `dg dev` or `dagster-daemon run`): two daemons would start"
                " every run twice.",
            )


def began(folder: Path) -> None:
    """Note that a daemon of ours is about to start, because no other one runs."""
    (folder / MARK).write_text("", "ascii")


def ended(folder: Path) -> None:
    """Note that it has ended, so that the next start need not wait until it is silent; nothing if none was started."""
    mark = folder / MARK
    with contextlib.suppress(OSError):  # the next start waits
        if not mark.read_text("ascii"):
            mark.write_text(str(time.time()), "ascii")


def ended_at(folder: Path) -> float:
    """When a daemon of ours ended, in seconds since 1970; 0 if none did, or if nobody was left to note it."""
    try:
        return float((folder / MARK).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0.0


def close_runs(instance: "DagsterInstance") -> None:
    """Mark runs as failed whose server, and therefore process, has ended: Dagster would wait for them for ever.

    So would it for a run of `taskhouse sync`, if one was killed in an earlier version, where it was a run.
    """
    from dagster import RunsFilter
    from dagster._core.storage.tags import GRPC_INFO_TAG

    for run in instance.get_runs(RunsFilter(statuses=_busy())):
        server = run.tags.get(GRPC_INFO_TAG)
        if FORMER_SYNC in run.tags or (server and not _answers(**json.loads(server))):
            instance.report_run_failed(run, "Dagster was stopped before this run ended.")


def close_runs_of(instance: "DagsterInstance", location: str) -> int:
    """The same for one code location, whose server is about to start; returns how many runs that were.

    The address of a run's server is no sign here: the new server has the one of the previous.
    """
    from dagster import RunsFilter

    closed = 0
    for run in instance.get_runs(RunsFilter(statuses=_busy())):
        if run.remote_job_origin and run.remote_job_origin.location_name == location:
            instance.report_run_failed(run, "The code server of this run was stopped before the run ended.")
            closed += 1
    return closed


def _busy() -> "list[DagsterRunStatus]":
    from dagster import DagsterRunStatus

    return [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def _answers(host: str, port: int | None = None, socket: str | None = None, **_: object) -> bool:
    """Whether a process still listens at the address of a run's server."""
    family, address = (AF_UNIX, socket) if socket else (AF_INET, (host, port))
    with Socket(family) as asking:
        asking.settimeout(CONNECT_S)
        return asking.connect_ex(address) == 0


def _heard(instance: "DagsterInstance") -> float:
    """When a daemon last reported that it runs, in seconds since 1970."""
    return max((beat.timestamp for beat in instance.get_daemon_heartbeats().values()), default=0.0)
