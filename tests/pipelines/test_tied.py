"""What the tests start ends with them, also if they are killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipelines.deployment import family
from tests.tied import tied

WAITS = "print(flush=True); sys.stdin.read()"
COMMAND = f"""
import sys
from pathlib import Path
from tests.pipelines.conftest import Commands
Commands(Path(sys.argv[1])).start("import time; time.sleep(60)", module="timeit")
{WAITS}
"""
BROWSER = f"""
import sys
from pathlib import Path
from tests.report.browser import browser
with browser(Path(sys.argv[1])):
    {WAITS}
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("suite", [COMMAND, pytest.param(BROWSER, marks=[pytest.mark.browser, pytest.mark.slow])])
def test_nothing_outlives_a_suite_that_is_killed(tmp_path: Path, suite: str, end: signal.Signals) -> None:
    with subprocess.Popen(tied([sys.executable, "-c", suite, str(tmp_path)]), stdin=-1, stdout=-1, text=True) as killed:
        assert killed.stdout is not None
        if killed.stdout.readline() != "\n":
            pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
        started = [Path("/proc", str(process)) for process in family(killed.pid)]
        assert started
        killed.send_signal(end)
    until = time.monotonic() + 20
    while any(process.exists() for process in started):
        assert time.monotonic() < until
        time.sleep(0.05)
