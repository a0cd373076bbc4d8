"""One key on four machines: their processes share its limits in PostgreSQL or Redis, even if one fails."""

import asyncio
import bisect
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis as client

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.posthog.budget import Budget, KeyWindows, Priority, fingerprint
from tests.scale.servers import Postgres, Redis
from tests.scale.spender import KEY, LIMIT, MINUTE_MS, SHARDS
from tests.tied import tied

pytestmark = pytest.mark.scale

NAME = f"key_{fingerprint(KEY)}"
CLASSES = (Priority.LIVE, Priority.CHANGES, Priority.SWEEP, Priority.LIVE)
KILLS = 10
SKEWS_S = (0.0, 3600.0, -7200.0, 0.5)
Grants = list[tuple[int, str]]


@pytest.fixture(params=["postgres", "redis"])
def server(request: pytest.FixtureRequest) -> Postgres | Redis:
    found: Postgres | Redis = request.getfixturevalue(request.param)
    return found


def shared(server: Postgres | Redis) -> Grants:
    """What the server counted: when in its time, in milliseconds, and for which class."""
    if isinstance(server, Redis):
        with client.Redis.from_url(server.url) as session:
            found: Any = session.zrange(f"taskhouse:budget:{NAME}", 0, -1, withscores=True)
        return sorted((int(at), name.decode().partition(":")[0]) for name, at in found)
    with psycopg.connect(server.url) as session:
        rows = session.execute(f"SELECT extract(epoch FROM item_timestamp) * 1000, name FROM ratelimit___{NAME}")
        return sorted((int(at), name) for at, name in rows)


def cut_off(home: Path, skew_s: float) -> Grants:
    """What a machine counted while it could not ask, by the clock of the server."""
    if not (home / "budget.sqlite").exists():
        return []
    with closing(sqlite3.connect(home / "budget.sqlite")) as file:
        rows = file.execute(f"SELECT item_timestamp, name FROM '{NAME}'").fetchall()
    return [(at - round(skew_s * 1000), name) for at, name in rows]


def fullest(grants: Grants) -> int:
    """Most grants in any window."""
    at = sorted(when for when, _ in grants)
    return max((place + 1 - bisect.bisect_left(at, when - MINUTE_MS) for place, when in enumerate(at)), default=0)


class Machine:
    """A shard with one process that spends, which may be killed and started again."""

    def __init__(self, place: int, folder: Path, address: str) -> None:
        self.skew_s, self.priority = SKEWS_S[place], CLASSES[place]
        self.home = folder / f"shard{place}"
        self.home.mkdir()
        self._address = address
        self._said = self.home / "said"
        self.start()

    def start(self) -> None:
        words = [str(self.home), self._address, self.priority.name, str(self.skew_s)]
        with self._said.open("ab") as said:
            command = tied([sys.executable, "-m", "tests.scale.spender", *words])
            self.process = subprocess.Popen(command, stdout=said)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def said(self, what: str) -> int:
        return self._said.read_text("utf-8").splitlines().count(what)


@contextmanager
def machines(folder: Path, address: str) -> Iterator[list[Machine]]:
    found = [Machine(place, folder, address) for place in range(SHARDS)]
    try:
        yield found
    finally:
        for each in found:
            each.kill()


def test_no_window_of_the_key_is_ever_over_its_limit(server: Postgres | Redis, tmp_path: Path) -> None:
    """Ten kills of holders, one that hangs, a stop of the server for five seconds, a crash of it, and a hang."""
    dice = random.Random(7)
    with machines(tmp_path, server.url) as spenders:
        until = time.monotonic() + 60
        while not all(each.said("shared") for each in spenders):
            assert time.monotonic() < until
            time.sleep(0.2)
        for _ in range(KILLS):
            victim = dice.choice(spenders)
            victim.kill()
            victim.start()
            time.sleep(1.5)
        spenders[0].process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        spenders[0].process.send_signal(signal.SIGCONT)
        before = len(shared(server))
        server.stop()
        time.sleep(5)
        server.start()
        time.sleep(5)
        again = len(shared(server))
        if isinstance(server, Postgres):
            server.stop("immediate")
        else:
            server.stop(signal.SIGKILL)
        server.start()
        time.sleep(4)
        server.pause(on=True)
        time.sleep(2)
        server.pause(on=False)
        time.sleep(5)
    given = shared(server)
    alone = [cut_off(each.home, each.skew_s) for each in spenders]
    assert again > before, "they came back to it"
    assert len(given) > again, "and after the crash"
    assert any(alone), "whoever did not rest had something of its own while the server was away"
    assert LIMIT // 2 < fullest(given) <= LIMIT * 9 // 10, "it was full, and never fuller"
    assert all(fullest(each) <= LIMIT // 10 // SHARDS for each in alone)
    assert fullest([*given, *(grant for each in alone for grant in each)]) <= LIMIT
    lost, counted = KILLS + 4 * SHARDS, len(given)
    said = sum(each.said("shared") for each in spenders)
    assert said <= counted <= said + lost, "each grant was counted, and little else"
    times = [at for at, _ in given]
    for priority in (Priority.CHANGES, Priority.SWEEP):
        own = [place for place, (_, name) in enumerate(given) if name == priority.name]
        assert own, f"every class had its turn: {Counter(name for _, name in given)}"
        most = max(place + 1 - bisect.bisect_left(times, times[place] - MINUTE_MS) for place in own)
        assert most <= int(LIMIT * priority.value) + 1, "and none went over its ceiling"


def use(address: str, folder: Path) -> Budget:
    return Budget(KeyWindows(folder / "b.sqlite", KEY, per_minute=50, per_hour=0, shards=4, address=address))


HOLDER = """
import os, sys, time
from taskhouse.posthog.budget.limits import Limits, Priority
from taskhouse.posthog.budget.postgres_windows import _LOCK, PostgresWindows
windows = PostgresWindows(sys.argv[1], "", sys.argv[2], Limits(50, 0))
windows.take(Priority.LIVE)
with windows._answering() as session, session.transaction():
    session.execute(windows._query(_LOCK))
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_holder_that_dies_or_hangs_blocks_nobody(postgres: Postgres, tmp_path: Path, end: signal.Signals) -> None:
    command = tied([sys.executable, "-c", HOLDER, postgres.url, NAME])
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(end)

        async def work() -> float:
            budget = use(postgres.url, tmp_path)
            began = time.monotonic()
            await budget.acquire(Priority.LIVE, within_s=0)
            waited = time.monotonic() - began
            assert not budget.windows.outage
            await budget.close()
            return waited

        assert asyncio.run(work()) < 4.5
        holder.kill()
    assert len(shared(postgres)) == 2


def test_a_wrong_password_is_said_and_not_shown(
    server: Postgres | Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> str:
        budget = use(server.url.replace("s3cret", "hunter2"), tmp_path)
        await budget.acquire(Priority.LIVE, within_s=0)
        said = f"{budget.windows.shared_at} {budget.windows.outage} {await budget.doubt()}"
        await budget.close()
        return said

    said = f"{asyncio.run(work())} {caplog.text}"
    assert "password authentication failed" in said or "AuthenticationError" in said
    assert f"127.0.0.1:{server.port}" in said
    assert "hunter2" not in said
    assert "of@it" not in said
    assert "of%40it" not in said


def test_a_redis_that_forgets_is_named(tmp_path: Path) -> None:
    server = Redis(tmp_path, keeps=False)

    async def work() -> str:
        budget = use(server.url, tmp_path)
        found = await budget.doubt()
        await budget.close()
        return found

    try:
        assert "appendonly yes" in asyncio.run(work())
    finally:
        server.stop(signal.SIGKILL)


def test_the_commands_say_where_the_budget_is_and_what_holds_while_it_is_away(
    server: Postgres | Redis, tmp_path: Path
) -> None:
    with Emulator(EmulatorSettings(tasks=5, repositories=2, live_runs=0, speed=0)) as emulator:
        environment = {
            "PATH": os.environ["PATH"],
            "COLUMNS": "200",
            "TASKHOUSE_HOME": str(tmp_path / "home"),
            "TASKHOUSE_BUDGET": server.url,
            "TASKHOUSE_BUDGET_SHARDS": "4",
            "POSTHOG_HOST": emulator.url,
            "POSTHOG_PERSONAL_API_KEY": "phx_emulator",
            "POSTHOG_PROJECT_IDS": "1",
        }

        def said(*words: str) -> str:
            command = [sys.executable, "-m", "taskhouse.pipelines.cli", *words]
            ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
            text = ended.stdout + ended.stderr
            assert "s3cret" not in text
            return " ".join(text.split())

        said("sync", "--select", "repositories")
        place = f"127.0.0.1:{server.port}"
        assert f"{place}" in (there := said("check"))
        assert "answers" in there
        assert "of 432 in the last" in (used := said("status"))
        assert (
            f"Requests of this key, shared in {'redis' if isinstance(server, Redis) else 'postgresql'}://{place}"
            in used
        )
        server.stop()
        assert "this machine makes at most 12 requests in 1 minute and 120 requests in 60 minutes" in said("check")
        away = said("status")
        assert f"{place}" in away
        assert "does not answer" in away
        assert json.loads(
            subprocess.run(
                [sys.executable, "-m", "taskhouse.pipelines.cli", "status", "--json"],
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            ).stdout
        )["shared_budget"]["outage"]
        server.start()
