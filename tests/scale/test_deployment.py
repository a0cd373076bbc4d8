"""Two shards with one UI, one daemon and one PostgreSQL, as ``deploy/processes.py`` starts them."""

import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from taskhouse.assets import records
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from tests.scale.deployment import ROOT, Deployment, until
from tests.scale.servers import Postgres

pytestmark = pytest.mark.scale

KEY = "phx_never_to_be_shown_4711"
WORLD = EmulatorSettings(
    tasks=16,
    repositories=3,
    live_runs=0,
    events=0.3,
    throttle=False,
    projects=(1, 2),
    keys=(Key(KEY, 1, (), ("task:read", "user:read")),),
)


@contextlib.contextmanager
def kept_away(home: Path) -> Iterator[None]:
    """Hold the home of a shard whose server was killed, so that it cannot start again."""
    with (home / "locks" / "dev.lock").open("rb+") as file:

        def held() -> bool:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            return False

        until(held)
        yield


@pytest.fixture
def deployment(postgres: Postgres, tmp_path: Path) -> Iterator[Deployment]:
    with Emulator(WORLD) as emulator:
        settings = {"POSTHOG_HOST": emulator.url, "POSTHOG_PERSONAL_API_KEY": KEY}
        made = Deployment(tmp_path, "--postgres", postgres.url, settings=settings)
        try:
            yield made
        finally:
            made.close()
            for log in sorted(tmp_path.glob("*.log")):
                sys.stdout.write(f"== {log.name}\n{log.read_text('utf-8')[-3000:]}\n")


def test_a_shard_that_is_away_shows_as_such_and_stops_nobody(deployment: Deployment) -> None:
    there = {"a": "RepositoryLocation", "b": "RepositoryLocation"}
    until(lambda: deployment.locations() == there)

    first = [deployment.launch("a", "sync", "1"), deployment.launch("b", "sync", "2")]
    assert [deployment.ended(run) for run in first] == ["SUCCESS", "SUCCESS"]
    for shard, project in (("a", 1), ("b", 2)):
        with duckdb.connect(str(deployment.folder / shard / "warehouse.duckdb"), read_only=True) as warehouse:
            found = warehouse.execute("SELECT DISTINCT project_id FROM ledger.passes").fetchall()
        assert found == [(project,)], "each run worked where its files are"

    server = deployment.server("b")
    assert server
    lost = deployment.launch("b", "sync", "2")
    until(lambda: deployment.status(lost) == "STARTED")
    waiting = deployment.launch("b", "sync", "2")
    os.kill(server, signal.SIGKILL)
    with kept_away(deployment.folder / "b"):
        beside = deployment.launch("a", "sync", "1")
        until(lambda: deployment.locations() == there | {"b": "PythonError"})
        assert deployment.ended(beside) == "SUCCESS", "the other shard goes on"
        assert deployment.status(waiting) in {"QUEUED", "STARTING"}
    until(lambda: deployment.locations() == there)
    assert deployment.ended(lost) == "FAILURE", "what was in its process is closed when it is back"
    assert deployment.ended(waiting) == "SUCCESS", "what was in the queue is done"
    assert KEY not in "".join(log.read_text("utf-8") for log in deployment.folder.glob("*.log"))


@dg.op
def nothing() -> None:
    """A step."""


@dg.job
def run_of_nothing() -> None:
    """A run that leaves its records."""
    nothing()


def test_maintenance_deletes_old_runs_from_postgresql(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres.url.replace("postgresql://", "postgresql+psycopg2://"))
    home = tmp_path / "home"
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text((ROOT / "deploy/dagster.yaml").read_text("utf-8"), "utf-8")
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        assert records.ours(instance, home)
        now = datetime.now(UTC)
        assert run_of_nothing.execute_in_process(instance=instance).success
        for _ in range(2):
            instance.report_runless_asset_event(dg.AssetMaterialization("tasks"))
        assert records.forget(instance, 3, now) == 0
        assert len(instance.get_runs()) == 1
        assert len(instance.fetch_materializations(dg.AssetKey("tasks"), limit=9).records) == 2
        assert records.forget(instance, 3, now + timedelta(days=4)) == 1
        assert instance.get_runs() == []
        assert len(instance.fetch_materializations(dg.AssetKey("tasks"), limit=9).records) == 1, "the newest stays"
