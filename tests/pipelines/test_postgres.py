"""A sync whose Dagster instance is in a real PostgreSQL, where there is one on this machine."""

import importlib.resources
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse.pipelines import home
from tests.pipelines.rows import dagster

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)
NOBODY = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL does not run as root."""


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of a database that is only there for one test."""
    if PROGRAMS is None:
        pytest.skip("there is no PostgreSQL on this machine")
    folder = Path(tempfile.mkdtemp(prefix="taskhouse-pg-"))
    if NOBODY:
        shutil.chown(folder, NOBODY)

    def run(program: str, *words: str) -> None:
        command = [str(PROGRAMS.parent / program), "-D", str(folder / "data"), *words]
        subprocess.run(command, check=True, user=NOBODY, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "--no-sync", "--no-instructions", "--auth=trust", "--username=postgres", "--locale=C")
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "start")
    yield f"postgresql+psycopg2://postgres@/postgres?host={folder}"
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)


def test_a_sync_on_postgresql_is_recorded_there(inside: Any, quiet: Any, postgres: str, tmp_path: Path) -> None:
    quiet = replace(quiet, home=tmp_path / "postgres")
    folder = quiet.home / "dagster"
    folder.mkdir(parents=True)
    ours = importlib.resources.files("taskhouse.pipelines").joinpath(home.CONFIG).read_text("utf-8")
    (folder / home.CONFIG).write_text(f"{ours}\nstorage:\n  postgres:\n    postgres_url: {postgres}\n", "utf-8")

    done = inside.run("sync", "--select", "repositories", **quiet.environment)

    assert done.code == 0, done
    with dagster(quiet.settings) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("repositories")) == {"1"}
    assert not list(folder.rglob("*.db"))
