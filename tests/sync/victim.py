"""A tail, as a process that a test kills: ``python victim.py [STEP TIMES]`` with the usual environment.

With a step of the load (``live_insert``, or ``unlink`` for the time between commit and the file's end), it kills itself
when it has come to that step so many times.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from taskhouse.settings import load
from taskhouse.sync.resources import follow
from taskhouse.warehouse import sql


def die_at(step: str, times: int) -> None:
    """Kill this process in the middle of a load."""
    left = times
    text, unlink = sql.warehouse, Path.unlink

    def count(here: str) -> None:
        nonlocal left
        left -= here == step
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def warehouse(path: str) -> str:
        count(path.removeprefix("load/"))
        return text(path)

    def deadly(path: Path, **options: bool) -> None:
        if path.suffix == ".ndjson":
            count("unlink")
        unlink(path, **options)

    sql.warehouse, Path.unlink = warehouse, deadly  # type: ignore[method-assign,assignment]


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
