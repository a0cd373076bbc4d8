"""A tail, as a process that a test kills: ``python victim.py [STEP TIMES]`` with the usual environment.

With a query of the load (``load_live/insert``, or ``unlink`` for the time between commit and the file's end), it kills
itself when it has come to that step a given number of times. Steps of the resync leg: ``frame`` (the announcement came,
and nothing of it was written), ``log`` (it is written, and the log not read), ``reopen`` (that is read, and the stream
not opened anew) and ``reopened`` (its first events came).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from taskhouse.capture import logs
from taskhouse.operations import follow
from taskhouse.posthog.api import TasksApi
from taskhouse.settings import load
from taskhouse.spool.line import RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import sql


def die_at(step: str, times: int) -> None:
    """Kill this process in the middle of a load."""
    left = times
    text, unlink = sql.query, Path.unlink

    def count(here: str) -> None:
        nonlocal left
        left -= here == step
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def query(address: str) -> str:
        count(address)
        return text(address)

    def deadly(path: Path, **options: bool) -> None:
        if path.suffix == ".batches":
            count("unlink")
        unlink(path, **options)

    sql.query, Path.unlink = query, deadly  # type: ignore[method-assign,assignment]
    _die_at_a_trim(count)


def _die_at_a_trim(count: Callable[[str], None]) -> None:
    ended, drain, opened, append = SpoolWriter.ended, logs.drain, TasksApi.proxy_stream, SpoolWriter.append
    seen: list[str] = []

    def trimmed(writer: SpoolWriter, layer: str, run_key: RunKey, **fields: Any) -> None:
        if fields["ending"] == "trimmed":
            count("frame")
            seen.append("frame")
        ended(writer, layer, run_key, **fields)

    async def drained(*args: Any, **options: Any) -> int:
        if seen:
            count("log")
            seen.append("log")
        return await drain(*args, **options)

    def proxy(*args: Any, **options: Any) -> Any:
        if "log" in seen and options["last_event_id"] is None:
            count("reopen")
            seen.append("reopen")
        return opened(*args, **options)

    def appended(writer: SpoolWriter, layer: str, *args: Any, **options: Any) -> None:
        append(writer, layer, *args, **options)
        if layer == "live" and "reopen" in seen:
            count("reopened")

    SpoolWriter.ended, SpoolWriter.append = trimmed, appended  # type: ignore[method-assign,assignment]
    logs.drain, TasksApi.proxy_stream = drained, proxy  # type: ignore[method-assign]


async def main() -> None:
    """Follow until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)  # noqa: T201
    for report in await follow(load(), stop):
        print(report.verdict, report.reason, flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:]:
        die_at(sys.argv[1], int(sys.argv[2]))
    asyncio.run(main())
