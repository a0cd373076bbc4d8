"""Four shards are killed and their PostgreSQL is restarted while many read: the lake stays equal to the shards."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from taskhouse.lake.verify import verify
from tests.lake import reader
from tests.lake.compared import differs
from tests.lake.homes import Home

ROUNDS, READERS, PROCESSES = 3, 8, 2
ROOT = Path(__file__).parents[2]


def environment(home: Home) -> dict[str, str]:
    """What `taskhouse lake publish` of a home is told."""
    assert home.settings.lake is not None
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "POSTHOG_HOST": home.settings.host,
        "TASKHOUSE_HOME": str(home.settings.home),
        "TASKHOUSE_SHARD": home.shard,
        "TASKHOUSE_LAKE": home.settings.lake.get_secret_value(),
        "TASKHOUSE_LAKE_DATA": str(home.settings.lake_data),
    }


@contextmanager
def service(home: Home, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`taskhouse lake publish --every 1`, stopped with SIGTERM at the end."""
    command = [sys.executable, "-m", "taskhouse.pipelines.cli", "lake", "publish", "--every", "1"]
    with log.open("ab") as out, subprocess.Popen(command, env=environment(home), stderr=out, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(20) == 0


def child_of(process: subprocess.Popen[bytes]) -> int | None:
    """The process that has the lake open."""
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return int(found[0]) if found else None


def test_kills_restarts_and_a_crowd_of_readers(postgres: Any, make_home: Callable[..., Home], tmp_path: Path) -> None:
    lake, dice = Lake(postgres.make(), tmp_path / "data"), random.Random(3)
    homes = [make_home(f"s{number}", lake, project=number, full=False) for number in range(1, 5)]
    for home in homes:
        publish_once(home.settings)
    kills = 0
    with ExitStack() as stack:
        log = tmp_path / "log"
        services = [stack.enter_context(service(home, log)) for home in homes]
        command = [
            sys.executable,
            str(reader.__file__),
            lake.address,
            str(READERS // PROCESSES),
            str(tmp_path / "stop"),
        ]
        readers = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]
        for number in range(ROUNDS):
            for home in homes:
                home.change(rows=dice.choice([5, 50, 150]))
            for one in dice.sample(services, 2):
                if (child := child_of(one)) is not None:
                    os.kill(child, signal.SIGKILL)
                    kills += 1
            if number == 2:
                postgres.server.stop("immediate")
                time.sleep(1)
                postgres.server.start()
            time.sleep(dice.random() * 2)
        (tmp_path / "stop").touch()
        told = [one.communicate(timeout=300)[0].split() for one in readers]
    for home in homes:
        publish_once(home.settings)
        assert differs(lake, home) == {}
        assert [one.table for one in verify(home.settings)[1] if one.differs] == []
    assert kills > ROUNDS
    assert [one.returncode for one in readers] == [0] * PROCESSES, told
    assert sum(int(read) for read, _ in told) >= READERS
