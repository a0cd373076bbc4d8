"""``taskhouse dev`` as a person starts it, and the requests that the UI sends to it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import httpx

from taskhouse.pipelines import home
from taskhouse.settings import Settings
from tests.tied import tied

T = TypeVar("T")
SWIFT = {"poll_interval_seconds: 30": "poll_interval_seconds: 1", "end_seconds: 30": "end_seconds: 1"}
SELECTOR = {"repositoryLocationName": "taskhouse.pipelines.definitions", "repositoryName": "__repository__"}
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
AGAIN = """
mutation($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
STOP = """
mutation($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) {
  __typename ... on PythonError { message } } }
"""
TICK = """
mutation($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) {
  __typename ... on PythonError { message } } }
"""


class Deployment:
    """A running UI with its daemon; looks at runs in the instance that they share."""

    def __init__(self, settings: Settings, environment: dict[str, str]) -> None:
        self.settings = settings
        self._environment = environment
        swift = (Path(home.__file__).parent / home.CONFIG).read_text("utf-8")
        for slow, quick in SWIFT.items():
            assert slow in swift
            swift = swift.replace(slow, quick)
        (settings.home / "dagster").mkdir(parents=True, exist_ok=True)
        (settings.home / "dagster" / home.CONFIG).write_text(swift, "utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open = contextlib.ExitStack()
        self._client = self._open.enter_context(httpx.Client(base_url=self.url, timeout=60))
        self.start()
        # Opening it costs more than thirty looks; the one of the command line keeps the databases of other tests open.
        self._instance = self._open.enter_context(dg.DagsterInstance.from_config(str(home.prepare(settings))))

    def start(self) -> None:
        """Start it, and wait until it is up."""
        with (self.settings.home / "dev.log").open("ab") as log:
            self._process = subprocess.Popen(
                tied([sys.executable, "-m", "taskhouse.pipelines.cli", "dev", "--port", str(self.port)]),
                cwd=self.settings.home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self.up)
        except BaseException:
            self.close()
            raise

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        self._process.wait(120)

    def ask(self, text: str, **variables: Any) -> Any:
        """The data of one answer of the UI's own endpoint."""
        answer = self._client.post("/graphql", json={"query": text, "variables": variables}).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def up(self) -> bool:
        """Whether the definitions are loaded, the launcher is ready and the daemon has been seen."""
        with contextlib.suppress(httpx.TransportError, KeyError):
            reply = self.ask(
                "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } }"
                " instance { daemonHealth { allDaemonStatuses { healthy required } } } }"
            )
            daemons = reply["instance"]["daemonHealth"]["allDaemonStatuses"]
            return bool(reply["repositoriesOrError"]["nodes"]) and all(
                one["healthy"] for one in daemons if one["required"]
            )
        return False

    def launch(self, job: str, project: str | None = "1") -> str:
        """Start a job as the button of the UI does."""
        tags = [{"key": "dagster/partition", "value": project}] if project else []
        return self._run(
            "launchRun",
            self.ask(
                LAUNCH,
                params={
                    "selector": {**SELECTOR, "jobName": job},
                    "executionMetadata": {"tags": tags},
                    "runConfigData": {},
                    "mode": "default",
                },
            ),
        )

    def again(self, run_id: str) -> str:
        """Run a failed run once more, from its failure."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        return self._run("launchRunReexecution", self.ask(AGAIN, params=params))

    def terminate(self, run_id: str) -> None:
        """Cancel a run."""
        reply = self.ask(STOP, run=run_id)["terminateRun"]
        assert reply["__typename"] == "TerminateRunSuccess", reply

    def tick(self, schedule: str) -> None:
        """Turn one schedule on."""
        selector = {**SELECTOR, "scheduleName": schedule}
        reply = self.ask(TICK, selector=selector)["startSchedule"]
        assert reply["__typename"] == "ScheduleStateResult", reply

    def ended(self, run_id: str, within_s: float = 180) -> str:
        """The status of a run at its end."""

        def look() -> str | None:
            status = self.runs([run_id])[0].status
            return status.value if status in dg._core.storage.dagster_run.FINISHED_STATUSES else None

        return until(look, within_s)

    def runs(self, run_ids: list[str] | None = None) -> list[dg.DagsterRun]:
        """Runs, newest first."""
        return list(self._instance.get_runs(dg.RunsFilter(run_ids=run_ids)))

    def made(self, name: str, since: float) -> bool:
        """Whether an asset was materialized since a moment."""
        last = self._instance.get_latest_materialization_event(dg.AssetKey(name))
        return last is not None and last.timestamp >= since

    def times(self, run_id: str) -> tuple[float, float]:
        """When a run began and ended."""
        record = self._instance.get_run_record_by_id(run_id)
        assert record is not None
        return record.start_time or 0.0, record.end_time or 0.0

    def events(self, run_id: str) -> list[dg.DagsterEvent]:
        """What is in the log of a run."""
        logs = self._instance.all_logs(run_id)
        return [entry.dagster_event for entry in logs if entry.dagster_event is not None]

    def process(self, run_id: str, step: str | None) -> int:
        """The process of a step of a run that goes on, or of the run itself."""

        def look() -> int | None:
            for event in self.events(run_id):
                data = event.event_specific_data
                if event.step_key == step and isinstance(data, dg._core.events.EngineEventData):
                    for name, value in data.metadata.items():
                        if name == "pid":
                            return int(str(value.value))
            return None

        return until(look)

    def said(self) -> str:
        """What the terminal showed since the first start."""
        return (self.settings.home / "dev.log").read_text("utf-8")

    def daemon(self) -> int:
        """The process that ticks and takes runs out of the queue."""
        return next(pid for pid in family(self._process.pid) if "dagster._daemon\0run" in commandline(pid))

    def code_server(self) -> int:
        """The process that has the definitions, and starts runs."""
        return next(pid for pid in family(self._process.pid) if "api\0grpc" in commandline(pid))

    def close(self) -> None:
        """End all of it."""
        for end in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self._process.pid, end)
                self._process.wait(30)
        self._open.close()

    def _run(self, mutation: str, reply: Any) -> str:
        assert "run" in reply[mutation], reply
        return str(reply[mutation]["run"]["runId"])


def commandline(pid: int) -> str:
    """What a process was started with; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8")
    except OSError:
        return ""


def family(pid: int) -> Iterator[int]:
    """Every process below one."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split():
            yield int(child)
            yield from family(int(child))


def until(look: Callable[[], T | None], within_s: float = 120) -> T:
    """What a look finds, as soon as it finds something."""
    end = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"nothing after {within_s:g} s"
        time.sleep(0.5)
