"""What the tests start ends with them, also if they are killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tied import tied

STARTS = """
import sys
from pathlib import Path
from tests.pipelines.conftest import Commands
print(Commands(Path(sys.argv[1])).start("import time; time.sleep(60)", module="timeit").pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_ends_with_a_suite_that_is_killed(tmp_path: Path, end: signal.Signals) -> None:
    with subprocess.Popen(tied([sys.executable, "-c", STARTS, str(tmp_path)]), stdin=-1, stdout=-1, text=True) as suite:
        assert suite.stdout is not None
        started = Path("/proc", suite.stdout.readline().strip())
        assert started.exists()
        suite.send_signal(end)
    until = time.monotonic() + 20
    while started.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
