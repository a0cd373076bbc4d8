"""Someone who follows ``docs/scale.md`` from an empty folder gets there: its lines are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scale.servers import Postgres

pytestmark = pytest.mark.scale

ROOT = Path(__file__).parents[2]
SECTION = "### Try it on one machine\n"
ENDS = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"


def lines() -> str:
    """The commands of the section, one block after the other."""
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    section = page.partition(SECTION)[2].partition("\n## ")[0]
    return "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def test_the_walk_of_the_page(postgres: Postgres, tmp_path: Path) -> None:
    assert (ROOT / ".venv/lake/bin/taskhouse").exists(), "run `rm -rf .venv/lake`, then `make lake`"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TASKHOUSE_", "DAGSTER_"))}
    environment |= {
        "CHECKOUT": str(ROOT),
        "DATABASE": postgres.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    (folder := tmp_path / "empty").mkdir()
    done = subprocess.run(
        ["bash", "-eumc", ENDS + lines()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    logs = "".join(f"== {log.name}\n{log.read_text('utf-8')[-2000:]}\n" for log in folder.rglob("*.log"))
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:], logs)
    assert "refused, as it should be" in done.stdout
    assert "Shard a cannot publish project 2: shard b does." in done.stderr
    assert (folder / "moved" / "warehouse.duckdb").stat().st_size
    assert "s3cret" not in done.stdout + done.stderr + logs
