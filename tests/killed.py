"""A pass in a process of its own that is killed."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from tests.tied import tied

CHILD = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from taskhouse.clock import Clock
from taskhouse.settings import load
from taskhouse.operations import sync
from taskhouse.resources.tasks import rows
rows.COMMIT_PAGES = 2
class Later(Clock):
    def now(self):
        return datetime.now(UTC) + timedelta(hours=float(sys.argv[1]))
asyncio.run(sync(load().with_clock(Later()), 1, sys.argv[2]))
"""


def killed(house: Any, endpoint: str, *, at: int, hours: float = 0, resource: str = "tasks") -> None:
    """A sync some hours from now that is killed while it waits for the answer to a request."""
    house.emulator.faults({"kind": "delay", "endpoint": endpoint, "seconds": 30, "after": at - 1})
    environment = {**os.environ, **house.emulator.environment(), "TASKHOUSE_HOME": str(house.settings.home)}
    command = tied([sys.executable, "-c", CHILD, str(hours), resource])
    with subprocess.Popen(command, env=environment, cwd=house.settings.home.parent) as child:
        end = time.monotonic() + 60
        while house.emulator.requests()["by_endpoint"].get(endpoint, 0) < at:
            assert time.monotonic() < end
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    house.emulator.faults()
