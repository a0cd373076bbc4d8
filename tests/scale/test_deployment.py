"""Two shards with one UI, one daemon and one PostgreSQL, as ``deploy/processes.py`` starts them."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import httpx
import pytest
from dagster import DagsterInstance

from taskhouse.assets import records
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from tests.scale.servers import Postgres, free_port

pytestmark = pytest.mark.scale

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
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
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus
  locationOrLoadError { __typename } } } } }
"""
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


class Deployment:
    """All processes, and the questions that the UI answers."""

    def __init__(self, folder: Path, postgres: str, emulator: str) -> None:
        self.folder = folder
        port = free_port()
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("TASKHOUSE_", "DAGSTER_"))
        }
        environment |= {
            "POSTHOG_HOST": emulator,
            "POSTHOG_PERSONAL_API_KEY": KEY,
            "TASKHOUSE_SCHEDULES": "false",
            "TASKHOUSE_CAPTURE_SECONDS": "1",
        }
        words = [str(folder), "--postgres", postgres, "--port", str(port), "--a", "1", "--b", "2"]
        self._process = subprocess.Popen([sys.executable, str(ROOT / "deploy/processes.py"), *words], env=environment)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def ask(self, text: str, **variables: Any) -> Any:
        """The data of one answer; None as long as there is none."""
        with contextlib.suppress(httpx.TransportError):
            answer = self._client.post("/graphql", json={"query": text, "variables": variables}).json()
            assert "errors" not in answer, answer["errors"]
            return answer["data"]
        return None

    def locations(self) -> dict[str, str]:
        """What the UI says of each shard."""
        told = self.ask(LOCATIONS)
        return {
            entry["name"]: (entry["locationOrLoadError"] or {"__typename": ""})["__typename"]
            for entry in (told["workspaceOrError"]["locationEntries"] if told else ())
        }

    def launch(self, shard: str, job: str, project: str) -> str:
        """Put a run into the queue."""
        selector = {"repositoryLocationName": shard, "repositoryName": "__repository__", "jobName": f"{shard}_{job}"}
        tags = [{"key": "dagster/partition", "value": project}]
        params = {"selector": selector, "executionMetadata": {"tags": tags}, "runConfigData": {}, "mode": "default"}
        told = self.ask(LAUNCH, params=params)["launchRun"]
        assert told["__typename"] == "LaunchRunSuccess", told
        return str(told["run"]["runId"])

    def status(self, run_id: str) -> str:
        """How a run is."""
        return str(self.ask(STATUS, run=run_id)["runOrError"]["status"])

    def ended(self, run_id: str) -> str:
        """How a run ended."""
        return until(lambda: ((said := self.status(run_id)) in {"SUCCESS", "FAILURE", "CANCELED"} and said) or "")

    def server(self, shard: str) -> int:
        """The process of a code server."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                mine = f"TASKHOUSE_HOME={self.folder / shard}".encode() in path.with_name("environ").read_bytes()
                if mine and b"grpc" in words:
                    return int(path.parent.name)
        return 0

    def close(self) -> None:
        """End all of it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(120)
        self._client.close()


def until(look: Callable[[], T], within_s: float = 600) -> T:
    """What a look finds, as soon as it finds something."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"nothing after {within_s:g} s"
        time.sleep(0.5)
    return found


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
        made = Deployment(tmp_path, postgres.url, emulator.url)
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


def test_maintenance_deletes_old_runs_from_postgresql(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres.url.replace("postgresql://", "postgresql+psycopg2://"))
    home = tmp_path / "home"
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text((ROOT / "deploy/dagster.yaml").read_text("utf-8"), "utf-8")
    with Emulator(WORLD) as emulator:
        environment = {
            **os.environ,
            "TASKHOUSE_HOME": str(home),
            "POSTHOG_HOST": emulator.url,
            "POSTHOG_PERSONAL_API_KEY": KEY,
            "POSTHOG_PROJECT_IDS": "1",
        }
        words = [sys.executable, "-m", "taskhouse.pipelines.cli", "sync", "--select", "repositories"]
        subprocess.run(words, env=environment, check=True, capture_output=True, cwd=tmp_path)
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        assert records.ours(instance, home)
        now = datetime.now(UTC)
        assert records.forget(instance, 3, now) == 0
        assert len(instance.get_runs()) == 1
        assert records.forget(instance, 3, now + timedelta(days=4)) == 1
        assert instance.get_runs() == []
