"""Four shards follow four projects of one PostHog while they are killed, PostgreSQL is restarted, and a crowd reads.

Two of them are code servers of one Dagster, which starts their passes; two are plain processes, since the machine may
be small.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

import taskhouse
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.errors import TaskhouseError
from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from taskhouse.lake.verify import verify
from taskhouse.pipelines.cli.truth import FACTS, LAYERS, digests
from taskhouse.reading import Snapshot
from taskhouse.settings import Settings
from taskhouse.warehouse import sql
from tests.lake import reader, writer
from tests.lake.buckets import keys_here
from tests.lake.test_kills import ROOT, given
from tests.scale.deployment import Deployment, until
from tests.tied import tied

pytestmark = pytest.mark.slow

PROJECTS = (1, 2, 3, 4)
SHARDS = {1: "a", 2: "b", 3: "c", 4: "d"}
DAGSTERS = ("a", "b")
"""Shards whose passes are runs of Dagster; those of the others are a process that makes passes without end."""

MAIN = ROOT / ".venv/bin/python"
"""The environment of the shards."""

UNLIMITED = {"TASKHOUSE_REQUESTS_PER_HOUR": "0", "TASKHOUSE_LOG_FINAL_S": "0.2", "TASKHOUSE_LOCK_WAIT_S": "30"}
ENDS = {"SUCCESS", "FAILURE", "CANCELED"}
KILLS = 20
"""How many code servers are killed."""

OTHERS = 0.05
"""How often a writer or publisher is killed, too."""

STARTS_S = 6.0
"""How old a process must be to be killed: young ones are still starting."""

PROCESSES, READERS, REST_S = 4, 100, 100.0
WORLD = EmulatorSettings(
    tasks=30,
    repositories=4,
    live_runs=0,
    events=0.2,
    throttle=False,
    projects=PROJECTS,
    keys=(Key("phx_of_all_projects", 1, PROJECTS, ("task:read", "user:read")),),
)


class Kept:
    """A process that is started again whenever it ends, until it is told to stop.

    Args:
        start: Starts it.
        log: Where its errors go.
    """

    def __init__(self, start: Callable[[], "subprocess.Popen[str]"]) -> None:
        self.start, self.stopping, self.ends = start, False, list[int]()
        self.process, self.began = start(), time.monotonic()
        self._thread = threading.Thread(target=self._keep)
        self._thread.start()

    def _keep(self) -> None:
        while not self.stopping:
            code = self.process.wait()
            self.ends.append(code)
            if not self.stopping:
                time.sleep(0.2)
                self.process, self.began = self.start(), time.monotonic()

    def kill(self, *, child: bool = False) -> bool:
        """Kill it, or its child; whether there was anything to kill."""
        victim = child_of(self.process) if child else self.process.pid
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
        return victim is not None

    def stop(self) -> None:
        """Let it end with SIGTERM."""
        self.stopping = True
        self.process.terminate()
        self._thread.join(60)


def child_of(process: "subprocess.Popen[str]") -> int | None:
    """The process that has the lake open."""
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return int(found[0]) if found else None


def environment(settings: Settings) -> dict[str, str]:
    """What `taskhouse lake publish` of a shard is told."""
    told = given(settings)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "POSTHOG_HOST": told["host"],
        "POSTHOG_PERSONAL_API_KEY": told.get("api_key", ""),
        "POSTHOG_PROJECT_IDS": ",".join(map(str, told["project_ids"])),
        "TASKHOUSE_HOME": told["home"],
        "TASKHOUSE_SHARD": told["shard"],
        "TASKHOUSE_LAKE": told["lake"],
        "TASKHOUSE_LAKE_DATA": told["lake_data"],
        **keys_here(),
    }


def started(command: list[str], log: Path, **named: Any) -> "subprocess.Popen[str]":
    """A process whose errors go into a file."""
    with log.open("a") as errors:
        return subprocess.Popen(tied(command), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors, text=True, **named)


def read_until(lake: Lake, stop: Path, log: Path, told: list[tuple[int, int]], aborted: list[int]) -> None:
    """A process of readers, which is started again if a restart of PostgreSQL aborts it."""
    words = [str(reader.__file__), lake.address, str(READERS // PROCESSES), str(stop), str(REST_S)]
    command = tied([sys.executable, *words])
    while True:
        with log.open("a") as errors:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=False,
            )
        if done.returncode >= 0:
            assert done.returncode == 0, log.read_text()[-3000:]
            read, failed = map(int, done.stdout.split())
            told.append((read, failed))
            return
        aborted.append(done.returncode)


def wrong_in(snapshot: Snapshot, truth: dict[str, Any]) -> list[str]:
    """What the lake itself has otherwise than the emulator says: runs, tasks, events and log entries."""
    connection, found = snapshot.reader.connection(), []
    project = truth["project_id"]
    for name, facts in (("tasks", ("id", "latest_run_status")), ("runs", ("id", "status"))):
        assert name in FACTS
        column = "task_id, latest_run_status" if name == "tasks" else "run_id, status"
        absent = "AND absent_since IS NULL" if name == "tasks" else ""
        rows = connection.execute(f"SELECT {column} FROM main.{name} WHERE project_id = {project} {absent}").fetchall()
        wanted = [tuple(one[fact] for fact in facts) for one in truth[name] if not one.get("deleted")]
        if sorted(map(repr, rows)) != sorted(map(repr, wanted)):
            found.append(f"{name} of project {project}: {len(rows)} rows, {len(wanted)} wanted")
    for layer, (table, _) in LAYERS.items():
        text = sql.statement("taskhouse.pipelines.cli", f"sql/truth/{table}")
        asked = {"project_id": project, "parts": 1, "part": 0}
        ours = digests(connection.execute(text, asked).fetchall())
        theirs = {
            run["id"]: (run[layer]["count"], run[layer]["sha256"]) for run in truth["runs"] if run[layer]["count"]
        }
        if ours != theirs:
            found.append(f"{table} of project {project}")
    return found


class Served:
    """A shard whose runs Dagster starts, one after the other: through its queue, its daemon and its code server."""

    def __init__(self, deployment: Deployment, shard: str, project: int) -> None:
        self.deployment, self.shard, self.project = deployment, shard, project
        self.run = self.said = self.killed = ""
        self.ends = Counter[str]()

    def go_on(self) -> None:
        """Put the next run into the queue if the last one has ended and the shard is there."""
        with contextlib.suppress(AssertionError, KeyError, TypeError, ValueError, httpx.HTTPError):
            self.said = self.deployment.status(self.run) if self.run else ""
            if self.said in ENDS:
                self.ends[self.said] += 1
                self.run = ""
            if not self.run and self.deployment.locations()[self.shard] == "RepositoryLocation":
                self.run = self.deployment.launch(self.shard, "sync", str(self.project))

    def succeeded(self) -> bool:
        """Go on; whether a run has succeeded."""
        self.go_on()
        return bool(self.ends["SUCCESS"])

    def kill(self) -> bool:
        """Kill the code server in the middle of a run, once for each run; whether there was one."""
        server = self.deployment.server(self.shard) if self.said == "STARTED" and self.run != self.killed else 0
        if server:
            os.kill(server, signal.SIGKILL)
            self.killed = self.run
        return bool(server)


def live_and_die(servers: "list[Served]", services: "list[Kept]", emulator: Emulator, postgres: Any) -> dict[str, int]:
    """Tasks and runs come, processes are killed, and PostgreSQL is restarted twice; how many were killed."""
    dice, kills = random.Random(11), {"code servers": 0, "writers and publishers": 0}
    while kills["code servers"] < KILLS:
        time.sleep(dice.uniform(0.5, 2))
        task = emulator.mutate("new_task", project_id=dice.choice(PROJECTS), run=True, title=f"while {kills}")
        emulator.mutate("finish", run_id=task["run_id"])
        busy = [service for service in services if time.monotonic() - service.began > STARTS_S]
        if busy and dice.random() < OTHERS:
            kills["writers and publishers"] += dice.choice(busy).kill(child=dice.random() < 0.3)
        for served in servers:
            served.go_on()
            if not served.kill():
                continue
            kills["code servers"] += 1
            if kills["code servers"] in {7, 14}:
                postgres.server.stop("immediate" if kills["code servers"] == 7 else "fast")
                time.sleep(1)
                postgres.server.start()
    return kills


def test_the_lake_is_what_the_world_was(postgres: Any, tmp_path: Path) -> None:
    lake, log, stop = Lake(postgres.make(), tmp_path / "data"), tmp_path / "log", tmp_path / "stop"
    told, aborted = list[tuple[int, int]](), list[int]()
    with ExitStack() as stack, Emulator(WORLD) as emulator:
        homes = {project: settings_of(emulator, lake, tmp_path / name, project) for project, name in SHARDS.items()}
        plain = [settings for settings in homes.values() if settings.shard not in DAGSTERS]
        words = ("--postgres", postgres.server.url, "--lake", str(Path(sys.executable).parent))
        deployment = Deployment(tmp_path, *words, python=MAIN, settings=shared(homes[1]))
        stack.callback(deployment.close)
        services = list[Kept]()
        paths = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        for settings in plain:
            writing = [str(MAIN), str(writer.__file__), json.dumps(given(settings))]
            publishing = [sys.executable, "-m", "taskhouse.pipelines.cli", "lake", "publish", "--every", "1"]
            services += [
                Kept(partial(started, writing, log, env=paths)),
                Kept(partial(started, publishing, log, env=environment(settings))),
            ]
        for service in services:
            stack.callback(service.stop)
        servers = [Served(deployment, name, project) for project, name in SHARDS.items() if name in DAGSTERS]
        until(lambda: {served.succeeded() for served in servers} == {True})
        until(lambda: published(lake) == set(SHARDS.values()))
        crowd = [threading.Thread(target=read_until, args=(lake, stop, log, told, aborted)) for _ in range(PROCESSES)]
        stack.callback(stop.touch)
        for thread in crowd:
            thread.start()
        kills = live_and_die(servers, services, emulator, postgres)
        stack.close()
        for thread in crowd:
            thread.join(600)
        finishing = [
            started([str(MAIN), str(writer.__file__), json.dumps(given(settings)), "finish"], log, env=paths)
            for settings in homes.values()
        ]
        assert [process.wait(300) for process in finishing] == [0] * len(finishing), log.read_text()[-3000:]
        for settings in homes.values():
            publish_once(settings)
            assert [one.table for one in verify(settings)[1] if one.differs] == []
        with taskhouse.open(lake=lake.address) as snapshot:
            assert [line for project in PROJECTS for line in wrong_in(snapshot, emulator.truth(project))] == []
    runs = {served.shard: dict(served.ends) for served in servers}
    sys.stdout.write(f"{kills} kills, runs {runs}, readers {told}, aborted {aborted}\n")
    assert len(told) == PROCESSES
    assert sum(read for read, _ in told) >= READERS


def shared(settings: Settings) -> dict[str, str]:
    """What all shards of a Dagster are told alike."""
    own = ("PATH", "TASKHOUSE_HOME", "TASKHOUSE_SHARD", "POSTHOG_PROJECT_IDS")
    return {name: value for name, value in environment(settings).items() if name not in own} | UNLIMITED


def published(lake: Lake) -> set[str]:
    """The shards that the lake has something of."""
    with contextlib.suppress(TaskhouseError), taskhouse.open(lake=lake.address) as snapshot:
        return {row["shard"] for row in snapshot.records("FROM lake_shards")}
    return set()


def settings_of(emulator: Emulator, lake: Lake, home: Path, project: int) -> Settings:
    """A shard of the world."""
    environment = emulator.environment()
    return Settings(
        _env_file=None,
        host=environment["POSTHOG_HOST"],
        api_key=environment["POSTHOG_PERSONAL_API_KEY"],
        project_ids=(project,),
        home=home,
        shard=SHARDS[project],
        lake=SecretStr(lake.address),
        lake_data=lake.data,
        requests_per_hour=0,
        log_final_s=0.2,
        capture_seconds=2,
        lock_wait_s=30,
    )
