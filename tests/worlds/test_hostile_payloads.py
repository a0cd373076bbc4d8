"""Ten thousand hostile payloads through everything, in a process of their own whose memory is bounded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.worlds
MOST_MIB = 4096


@pytest.mark.parametrize("text", ["full", "none"])
def test_ten_thousand_payloads_go_through_everything(tmp_path: Path, text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", str(tmp_path), text, "20", "500"],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert max(map(int, re.findall(r"(\d+) MiB of memory", done.stdout))) < MOST_MIB, done.stdout
