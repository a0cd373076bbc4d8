"""Two shards with one UI, one daemon and one PostgreSQL, as ``deploy/processes.py`` starts them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.scale.servers import free_port
from tests.tied import tied

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus
  locationOrLoadError { __typename } } } } }
"""
PACE = {
    "user_code_failure_retry_delay: 60": "user_code_failure_retry_delay: 2\n  dequeue_interval_seconds: 1",
    "poll_interval_seconds: 30": "poll_interval_seconds: 2",
    "free_slots_after_run_end_seconds: 30": "free_slots_after_run_end_seconds: 2",
}
"""What is shorter than in ``deploy/dagster.yaml``, so that tests need not wait as people do."""

STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


class Deployment:
    """All processes, and the questions that the UI answers.

    Args:
        folder: Where the homes are.
        words: Further words for ``deploy/processes.py``.
        settings: Further variables of its environment.
        python: The Python that has Dagster's storage in PostgreSQL.
    """

    def __init__(
        self, folder: Path, *words: str, python: str | Path = sys.executable, settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        port = free_port()
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("TASKHOUSE_", "DAGSTER_"))
        }
        environment |= {"TASKHOUSE_SCHEDULES": "false", "TASKHOUSE_CAPTURE_SECONDS": "1", **(settings or {})}
        given = [str(folder), "--port", str(port), "--a", "1", "--b", "2", *words]
        command = tied([str(python), str(_paced(folder / "deploy") / "processes.py"), *given], "TERM")
        self._process = subprocess.Popen(command, env=environment)
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
        reply = self.ask(LOCATIONS)
        return {
            entry["name"]: (entry["locationOrLoadError"] or {"__typename": ""})["__typename"]
            for entry in (reply["workspaceOrError"]["locationEntries"] if reply else ())
        }

    def launch(self, shard: str, job: str, project: str) -> str:
        """Put a run into the queue."""
        selector = {"repositoryLocationName": shard, "repositoryName": "__repository__", "jobName": f"{shard}_{job}"}
        tags = [{"key": "dagster/partition", "value": project}]
        params = {"selector": selector, "executionMetadata": {"tags": tags}, "runConfigData": {}, "mode": "default"}
        reply = self.ask(LAUNCH, params=params)["launchRun"]
        assert reply["__typename"] == "LaunchRunSuccess", reply
        return str(reply["run"]["runId"])

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


def _paced(folder: Path) -> Path:
    """A copy of the deployment's files with a pace for tests."""
    shutil.copytree(ROOT / "deploy", folder)
    text = (folder / "dagster.yaml").read_text("utf-8")
    for usual, shorter in PACE.items():
        assert usual in text
        text = text.replace(usual, shorter)
    (folder / "dagster.yaml").write_text(text, "utf-8")
    return folder


def until(look: Callable[[], T], within_s: float = 600) -> T:
    """What a look finds, as soon as it finds something."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"nothing after {within_s:g} s"
        time.sleep(0.5)
    return found
