"""``python -m tests.scale.spender``: a process that asks a budget for room as fast as it can, until it is killed.

A minute lasts ``MINUTE_MS`` here, so that a test sees many. Each line that it prints is one grant.
"""

import argparse
import asyncio
import random
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from taskhouse.clock import Clock
from taskhouse.posthog.budget import Budget, KeyWindows, Priority, key_windows, limits

MINUTE_MS = 3000
LIMIT = 200
SHARDS = 4
PHASE_S = 4
REST = {Priority.LIVE: 0, Priority.CHANGES: 1, Priority.SWEEP: 2}
"""After which of three phases a class rests, so that those below it have their turn."""

KEY = "phx_shared_by_four_shards"


class Skewed(Clock):
    """A clock that is wrong."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._ahead


async def spend(home: Path, address: str, priority: Priority, skew_s: float) -> None:
    limits.MINUTE_MS, key_windows.AGAIN_S = MINUTE_MS, 0.5
    windows = KeyWindows(
        home / "budget.sqlite",
        KEY,
        per_minute=LIMIT,
        per_hour=0,
        clock=Skewed(skew_s),
        address=address,
        shards=SHARDS,
    )
    purse = Budget(windows)
    while True:
        await purse.acquire(priority)
        sys.stdout.write(f"{'cut off' if windows.outage else 'shared'}\n")
        sys.stdout.flush()
        await asyncio.sleep(random.random() * 0.005)
        phase, begun_s = divmod(time.time(), PHASE_S)
        if phase % 3 > REST[priority]:
            await asyncio.sleep((3 - phase % 3) * PHASE_S - begun_s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("address")
    parser.add_argument("priority", type=lambda name: Priority[name])
    parser.add_argument("skew_s", type=float)
    asked = parser.parse_args()
    asyncio.run(spend(asked.home, asked.address, asked.priority, asked.skew_s))
