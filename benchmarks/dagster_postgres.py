"""What a Dagster run costs where Dagster keeps its records in PostgreSQL: processor time here and there, and bytes.

    python -m benchmarks.dagster_postgres [--runs 8]

Each round is one `dagster job execute` of the job of one resource in a quiet project, in a process of its own: one
pass and its checks. It neither waits in the queue nor is started by a daemon. The first one is not counted.
"""

import argparse
import importlib.resources
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.pipelines import home
from tests.scale.servers import Postgres

PARTITION = '{"dagster/partition": "1"}'
"""The tag of a run for the project of the emulator."""


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8)
    asked = parser.parse_args()
    server = Postgres()
    world = EmulatorSettings(tasks=300, repositories=3, live_runs=0, speed=0)
    try:
        with tempfile.TemporaryDirectory() as folder, Emulator(world) as emulator:
            rounds = [_round(Path(folder), server, emulator.url) for _ in range(asked.runs + 1)][1:]
            assert _succeeded(server) == asked.runs + 1
    finally:
        server.remove()
    names = ("processor seconds of the run", "processor seconds of PostgreSQL", "WAL bytes", "bytes more on disk")
    for name, values in zip(names, zip(*rounds, strict=True), strict=True):
        print(f"{name:34} {statistics.median(values):,.2f}")


def _round(folder: Path, server: Postgres, origin: str) -> tuple[float, float, float, float]:
    dagster = folder / "dagster"
    if not dagster.exists():
        dagster.mkdir()
        ours = importlib.resources.files("taskhouse.pipelines").joinpath(home.CONFIG).read_text("utf-8")
        url = server.url.replace("postgresql://", "postgresql+psycopg2://")
        (dagster / home.CONFIG).write_text(f"{ours}\nstorage:\n  postgres:\n    postgres_url: {url}\n", "utf-8")
    before, children = _state(server), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        "PATH": os.environ["PATH"],
        "DAGSTER_HOME": str(dagster),
        "TASKHOUSE_HOME": str(folder),
        "POSTHOG_HOST": origin,
        "POSTHOG_PERSONAL_API_KEY": "phx_emulator",
        "POSTHOG_PROJECT_IDS": "1",
    }
    words = [*("job", "execute", "-m", "taskhouse.pipelines.definitions"), *("-j", "sync_tasks", "--tags", PARTITION)]
    subprocess.run([sys.executable, "-m", "dagster", *words], env=environment, capture_output=True, check=True)
    after, ended = _state(server), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = ended.ru_utime + ended.ru_stime - children.ru_utime - children.ru_stime
    spent, wal, size = (new - old for old, new in zip(before, after, strict=True))
    return own, spent, wal, size


def _state(server: Postgres) -> tuple[float, float, float]:
    """Processor seconds of the server so far, its position in the WAL, and the size of the database."""
    with psycopg.connect(server.url, autocommit=True) as session:
        session.execute("CHECKPOINT")
        row = session.execute("SELECT pg_current_wal_lsn() - '0/0', pg_database_size(current_database())").fetchone()
    assert row
    return server.processor_s(), float(row[0]), float(row[1])


def _succeeded(server: Postgres) -> int:
    """How many runs Dagster has stored as successful."""
    with psycopg.connect(server.url) as session:
        row = session.execute("SELECT count(*) FROM runs WHERE status = 'SUCCESS'").fetchone()
    assert row
    return int(row[0])


if __name__ == "__main__":
    main()
