"""Four shards follow four projects of one PostHog while they are killed, PostgreSQL is restarted, and a crowd reads."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import taskhouse
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from taskhouse.lake.verify import verify
from taskhouse.pipelines.cli.truth import FACTS, LAYERS, compare, digests
from taskhouse.reading import Snapshot
from taskhouse.settings import Settings
from taskhouse.warehouse import sql
from tests.clocks import Told
from tests.lake import reader, writer
from tests.lake.buckets import keys_here
from tests.lake.test_kills import ROOT, given

PROJECTS = (1, 2, 3, 4)
KILLS = 20
STARTS_S = 6.0
"""How old a process must be to be killed: young ones are still starting."""

PROCESSES, READERS = 4, 100
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
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors, text=True, **named)


def read_until(lake: Lake, stop: Path, log: Path, told: list[tuple[int, int]], aborted: list[int]) -> None:
    """A process of readers, which is started again if a restart of PostgreSQL aborts it."""
    command = [sys.executable, str(reader.__file__), lake.address, str(READERS // PROCESSES), str(stop)]
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


def live_and_die(services: "list[Kept]", emulator: Emulator, postgres: Any, dice: random.Random) -> None:
    """Tasks and runs come, processes are killed, and PostgreSQL is restarted twice."""
    kills = 0
    while kills < KILLS:
        time.sleep(dice.uniform(0.5, 4))
        for project in PROJECTS:
            task = emulator.mutate("new_task", project_id=project, run=True, title=f"while {kills}")
            emulator.mutate("finish", run_id=task["run_id"])
        busy = [service for service in services if time.monotonic() - service.began > STARTS_S]
        if not busy or not dice.choice(busy).kill(child=dice.random() < 0.3):
            continue
        kills += 1
        if kills in {7, 14}:
            postgres.server.stop("immediate" if kills == 7 else "fast")
            time.sleep(1)
            postgres.server.start()


def test_the_lake_is_what_the_world_was(postgres: Any, tmp_path: Path) -> None:
    lake, dice = Lake(postgres.make(), tmp_path / "data"), random.Random(11)
    log, stop = tmp_path / "log", tmp_path / "stop"
    told, aborted = list[tuple[int, int]](), list[int]()
    with ExitStack() as stack, Emulator(WORLD) as emulator:
        homes = {project: settings_of(emulator, lake, tmp_path / f"s{project}", project) for project in PROJECTS}
        for settings in homes.values():
            writer.go_on(settings.model_copy(update={"capture_seconds": 1}))
            publish_once(settings)
        crowd = [threading.Thread(target=read_until, args=(lake, stop, log, told, aborted)) for _ in range(PROCESSES)]
        for thread in crowd:
            thread.start()
        services = list[Kept]()
        for settings in homes.values():
            writing = [sys.executable, str(writer.__file__), json.dumps(given(settings))]
            publishing = [sys.executable, "-m", "taskhouse.pipelines.cli", "lake", "publish", "--every", "1"]
            paths = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
            services += [
                Kept(partial(started, writing, log, env=paths)),
                Kept(partial(started, publishing, log, env=environment(settings))),
            ]
        for service in services:
            stack.callback(service.stop)
        live_and_die(services, emulator, postgres, dice)
        stack.close()
        stop.touch()
        for thread in crowd:
            thread.join(600)
        later = timedelta(hours=30)
        for project, settings in homes.items():
            writer.go_on(settings.model_copy(update={"capture_seconds": 20}))  # what the streams still have
            writer.go_on(settings.with_clock(Told(lambda: datetime.now(UTC) + later)))  # every sweep and log is due
            truth = emulator.truth(project)
            assert [line for line in compare(settings, truth) if not line.equal] == []
            publish_once(settings)
            assert [one.table for one in verify(settings)[1] if one.differs] == []
        with taskhouse.open(lake=lake.address) as snapshot:
            assert [line for project in PROJECTS for line in wrong_in(snapshot, emulator.truth(project))] == []
    sys.stdout.write(f"{KILLS} kills, readers {told}, aborted {aborted}\n")
    assert len(told) == PROCESSES
    assert sum(read for read, _ in told) >= READERS


def settings_of(emulator: Emulator, lake: Lake, home: Path, project: int) -> Settings:
    """A shard of the world."""
    environment = emulator.environment()
    return Settings(
        _env_file=None,
        host=environment["POSTHOG_HOST"],
        api_key=environment["POSTHOG_PERSONAL_API_KEY"],
        project_ids=(project,),
        home=home,
        shard=f"s{project}",
        lake=SecretStr(lake.address),
        lake_data=lake.data,
        requests_per_hour=0,
        log_final_s=0.2,
        capture_seconds=2,
        lock_wait_s=30,
    )
