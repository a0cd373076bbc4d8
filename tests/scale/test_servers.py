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
from tests.scale.servers import Postgres
server = Postgres()
print(server._processes()[0], server._folder, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed")
def test_postgresql_ends_with_a_suite_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTING], stdin=-1, stdout=-1, text=True) as suite:
        assert suite.stdout is not None
        process, folder = suite.stdout.readline().split()
        left = [Path("/proc", process), Path(folder)]
        assert all(path.exists() for path in left)
        suite.kill()
    until = time.monotonic() + 30
    while left := [path for path in left if path.exists()]:
        assert time.monotonic() < until, left
        time.sleep(0.1)
