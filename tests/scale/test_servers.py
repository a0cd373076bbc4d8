"""What the tests start does not outlive them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scale.servers import PROGRAMS

pytestmark = pytest.mark.scale
STARTING = """
import sys
from pathlib import Path
from tests.scale.servers import Postgres, Redis
server, redis = Postgres(), Redis(Path(sys.argv[1]))
print(server._processes()[0], redis._process.pid, server._folder, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed")
def test_servers_end_with_a_suite_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTING, tmp_path], stdin=-1, stdout=-1, text=True) as suite:
        assert suite.stdout is not None
        *processes, folder = suite.stdout.readline().split()
        left = [*(Path("/proc", process) for process in processes), Path(folder)]
        assert all(path.exists() for path in left)
        suite.kill()
    until = time.monotonic() + 30
    while left := [path for path in left if path.exists()]:
        assert time.monotonic() < until, left
        time.sleep(0.1)
