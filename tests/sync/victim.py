"""A tail, as a process that a test kills: ``python victim.py`` with the usual environment."""

import asyncio
import signal

from taskhouse.settings import load
from taskhouse.sync.resources import follow


async def main() -> None:
    """Follow until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    for report in await follow(load(), stop):
        print(report.verdict, report.reason, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
