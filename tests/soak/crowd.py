"""The crowd: every asset at once in Dagster's processes, with a dashboard reading and a shell holding the warehouse."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.emulator.streams import StreamSettings
from taskhouse.pipelines import home
from taskhouse.pipelines.cli.truth import compare, raw_counts
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from taskhouse.warehouse.publish import publish
from tests.asked import ask
from tests.soak.result import Result
from tests.soak.soak import UNSOUND
from tests.tied import tied

BYSTANDER = Path(__file__).with_name("bystander.py")
FAILED = ("STEP_FAILURE", "STEP_UP_FOR_RETRY", "RUN_FAILURE", "Traceback")
FIRST = ("sync", "--project", "1", "--select", "tasks")
ENDS_S = 300.0


class Crowd:
    """One emulator with two projects, and one home."""

    def __init__(self, folder: Path) -> None:
        self.emulator = Emulator(
            EmulatorSettings(  # in its world no run was left behind that goes on for ever with a log
                seed=1, tasks=60, repositories=3, live_runs=4, events=0.3, pace=4.0, projects=(1, 2),
                keys=(Key(projects=()),), throttle=False, streams=StreamSettings(completed_ttl_s=24 * 3600),
            )
        )  # fmt: skip
        self.settings = Settings(host="http://127.0.0.1", home=folder)
        self.result = Result()
        self._done = threading.Event()

    def run(self, *, hold_s: float, read_only: bool) -> Result:
        """A few tasks, the crowd, and two syncs more: the first must bring the truth, the second nothing."""
        began = time.monotonic()
        with self.emulator:
            environment = self._environment()
            self._end("the first sync", self._start("taskhouse.pipelines.cli", *FIRST, **environment))
            self.emulator.mutate("new_task", title="late", repository="acme/late", run=True)
            self.emulator.clock(speed=30)
            self._crowd(environment, hold_s, "read-only" if read_only else "to write")
            self.emulator.clock(advance_s=6 * 3600)
            self.result.problems += [
                f"not settled: {state}" for state in [self.emulator.settled()] if any(state.values())
            ]
            self._end("the sync after it", self._start("taskhouse.pipelines.cli", "sync", **environment))
            unequal = [
                f"project {project}: {line}"
                for project in (1, 2)
                for line in compare(self.settings, self.emulator.truth(project))
                if not line.equal
            ]
            before = raw_counts(self.settings)
            self._end("the last sync", self._start("taskhouse.pipelines.cli", "sync", **environment))
            self.result.problems += unequal
            if raw_counts(self.settings) != before:
                self.result.problems.append(f"the last sync added rows: {before} {raw_counts(self.settings)}")
            unsound = ask(open_warehouse(self.settings), UNSOUND)
            self.result.problems += [f"{count} {what}" for what, count in unsound if count]
        self.result.figures |= {"rows": sum(before.values()), "seconds": round(time.monotonic() - began)}
        return self.result

    def _environment(self) -> dict[str, str]:
        where: dict[str, Any] = {
            "host": self.emulator.url, "api_key": self.emulator.api_key, "project_ids": (1, 2),
            "home": self.settings.home,
        }  # fmt: skip
        self.settings = Settings(_env_file=None, **where)
        return {
            **self.emulator.environment(),
            "POSTHOG_PROJECT_IDS": "1,2",
            "TASKHOUSE_HOME": str(self.settings.home),
            "DAGSTER_HOME": str(home.prepare(self.settings)),
            "TASKHOUSE_REQUESTS_PER_HOUR": "0",
            "TASKHOUSE_LOG_FINAL_S": "1",
            "TASKHOUSE_CAPTURE_SECONDS": "5",
        }

    def _crowd(self, environment: dict[str, str], hold_s: float, how: str) -> None:
        """Every asset of project 1 as a run of its own and the command line on project 2, all at once."""
        reader = self._start(str(BYSTANDER), "read", **environment)
        holder = self._start(str(BYSTANDER), "hold", str(hold_s), how, **environment)
        copies = threading.Thread(target=self._publish)
        copies.start()
        runs = {"project 2": self._start("taskhouse.pipelines.cli", "sync", "--project", "2", **environment)}
        job = ("job", "execute", "-m", "taskhouse.pipelines.definitions", "-j")
        partition = ("--tags", json.dumps({"dagster/partition": "1"}))
        for name in filter(self.settings.wants, RESOURCES):
            runs[name] = self._start("dagster", *job, f"sync_{name}", *partition, **environment)
        runs["published"] = self._start("dagster", *job, "sync_published", **environment)
        for name, process in runs.items():
            said = self._end(name, process)
            self.result.problems += [
                f"{name}: {line}" for line in said.splitlines() if any(bad in line for bad in FAILED)
            ]
        self._done.set()
        copies.join()
        seen = json.loads(self._end("the reader", reader) or "{}")
        held = json.loads(self._end("the holder", holder) or "{}")
        self.result.problems += seen.pop("problems", ["the reader told nothing"])
        if held.get("held") != hold_s:
            self.result.problems.append(f"the warehouse was not held: {held}")
        self.result.figures |= {**seen, **held}

    def _publish(self) -> None:
        """New copies as fast as they can be made."""
        while not self._done.is_set():
            publish(open_warehouse(self.settings), self.settings.published, force=True)
            time.sleep(0.5)

    def _start(self, module: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        command = [module] if module.endswith(".py") else ["-m", module]
        return subprocess.Popen(
            tied([sys.executable, *command, *arguments]),
            cwd=self.settings.home.parent,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _end(self, name: str, process: "subprocess.Popen[str]") -> str:
        """Wait for one; its output, or of a run its log."""
        try:
            out, err = process.communicate(timeout=ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.result.problems.append(f"{name} did not end")
        if process.returncode:
            self.result.problems.append(f"{name} ended with {process.returncode}: {err[-1500:]}")
        return out or err
