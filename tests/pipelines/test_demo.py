"""``taskhouse demo``: the newcomer's first command."""

import socket
import time
from typing import Any


def test_a_demo_that_is_killed_takes_its_emulator_along(taskhouse: Any) -> None:
    process = taskhouse.start("demo", "--tasks", "40")
    host = next(line.split()[2] for line in process.stderr if line.startswith("Syncing from"))
    port = int(host.rpartition(":")[2])
    assert _listens(port)
    process.kill()
    process.communicate()
    until = time.monotonic() + 20
    while time.monotonic() < until and _listens(port):
        time.sleep(0.05)

    assert not _listens(port)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
