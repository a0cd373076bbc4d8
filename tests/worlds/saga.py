"""Lives through one world: sync after sync, with mutation, faults and kills, each judged by the oracle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.tied import tied
from tests.worlds import agent, clock, held, life, steps
from tests.worlds.oracle import Judge, Sync, Violation
from tests.worlds.server import Server, facts
from tests.worlds.state import Nature, World

COMMAND = str(Path(sys.executable).with_name("taskhouse"))
KEY = "phx_a_key_of_this_world"
OUTAGE = 5
"""Answers of one trouble in a row that may end a sync with exit code 1, which then names what failed."""

HEALING = (0, 1800, 3 * 3600, 26 * 3600, 26 * 3600, 72 * 3600, 31 * 24 * 3600)


@dataclass(slots=True)
class Plan:
    """How wild a world is."""

    seed: int
    syncs: int
    tasks: int = 8
    bulk: int = 0
    pace: float = 1.5
    troubles: int = 3
    kills: float = 0.25
    evening: float = 999.0
    capture: int = 5
    heal: bool = True
    gaps: tuple[float, ...] = (0, 0, 300, 2400, 7 * 3600, 30 * 3600)


@dataclass(slots=True)
class Saga:
    """What came of a world."""

    plan: Plan
    syncs: list[Sync] = field(default_factory=list)
    violations: list[tuple[int, Violation]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    size: dict[str, int] = field(default_factory=dict)
    killed: int = 0
    nature: Nature = field(default_factory=Nature)

    def about(self, subject: str) -> list[str]:
        """What happened to something."""
        return [event for event in self.story if subject in event or event.split(" ", 1)[1].startswith("sync begins")]

    def report(self) -> str:
        """What contradicts what, and how to see it again."""
        lines = [f"world {self.plan.seed}: {self.size}, {len(self.syncs)} syncs, {self.killed} killed"]
        lines[0] += f", exit codes {dict(Counter(str(sync.code) for sync in self.syncs))}"
        lines.append(f"  {self.nature}")
        first: dict[str, Violation] = {}
        for number, one in self.violations:
            if first.setdefault(one.kind, one) is not one:
                continue
            lines.append(f"  sync {number}: {one.kind} {one.subject}: {one.what}")
        kinds = Counter(one.kind for _, one in self.violations)
        lines.append(f"  {dict(kinds)}")
        lines.append(f"  again: .venv/bin/python -m tests.worlds.saga {self.plan.seed}")
        return "\n".join(lines)


class Teller:
    """Drives one saga."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder, self.rng = plan, folder, Random(plan.seed)
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.library = clock.shim(folder)
        world = World(self.rng.choice((1, 2, 4711)), KEY, life.nature(self.rng))
        self.server = Server(life.make(world, self.rng, time.time(), tasks=plan.tasks, bulk=plan.bulk), plan.seed)
        self.saga = Saga(plan, nature=world.nature)

    def tell(self) -> Saga:
        """Live through it."""
        self.server.start()
        try:
            for number in range(self.plan.syncs):
                self._pass_time(self.rng.choice(self.plan.gaps) if number else 0)
                self._between()
                self.server.call(self._storm)
                self._one(number, kill=self.rng.random() < self.plan.kills)
            if self.plan.heal:
                self._heal()
        finally:
            self.server.stop()
        asked = (f"{at:.2f} {' '.join(map(str, rest))}\n" for at, *rest in self.server.asked)
        (self.folder / "asked.txt").write_text("".join(asked))
        world = self.server.world
        self.saga.story = [f"{at:.2f} {what}" for at, what in world.story]
        (self.folder / "story.txt").write_text("\n".join(self.saga.story))
        self.saga.size = facts(world)
        return self.saga

    def syncs(self, waits: tuple[float, ...]) -> list[Sync]:
        """Sync after sync in this world, some seconds apart, with nothing else happening."""
        self.server.start()
        try:
            done = []
            for number, wait in enumerate(waits):
                self._pass_time(wait)
                done.append(self._one(number, kill=False))
            return done
        finally:
            self.server.stop()

    def _pass_time(self, seconds: float) -> None:
        if self.library is None:
            return

        def act() -> None:
            self.server.world.ahead += seconds
            self.server.world.story.append((self.server.now(), f"{seconds:.0f} s go by"))

        self.server.call(act)

    def _between(self) -> None:
        def act() -> None:
            for _ in range(self.rng.choice((0, 3, 10, 30))):
                steps.step(self.server.life, self.server.now())

        self.server.call(act)

    def _storm(self) -> None:
        self.server.weather.clear()
        self.server.weather.gather(self.server.now(), self.rng.randint(0, self.plan.troubles))
        self.server.pace = self.rng.choice((0.0, self.plan.pace))
        self.server.world.story.append((self.server.now(), f"sync begins; {self.server.weather.troubles}"))

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        world = self.server.world
        return (
            kept
            | clock.ahead(self.library, world.ahead)
            | {
                "POSTHOG_HOST": f"http://127.0.0.1:{self.server.port}",
                "POSTHOG_PERSONAL_API_KEY": KEY,
                "POSTHOG_PROJECT_IDS": str(world.project),
                "TASKHOUSE_HOME": str(self.home),
                "TASKHOUSE_REQUESTS_PER_HOUR": "1000000",
                "TASKHOUSE_CAPTURE_SECONDS": str(self.plan.capture),
            }
        )

    def _evening(self) -> None:
        """Let every run come to its end, so that no capture waits for more."""
        server = self.server
        server.pace = 0.0
        for run in server.world.runs():
            if not run.terminal:
                server.life.finish(run, server.now())
            if run.sentinel is not None and run.sentinel[0] == "error":
                agent.drop_stream(run, server.now())

    def _one(self, number: int, *, kill: bool) -> Sync:
        server, output = self.server, self.folder / f"sync{number}.txt"
        begun, dies = time.monotonic(), self.rng.uniform(1.0, 14.0) if kill else 1e9
        sync = Sync(number, server.now(), 0.0, None, "")
        with output.open("wb") as out:
            process = subprocess.Popen(
                tied([COMMAND, "sync"]),
                env=self._environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            ended = False
            while process.poll() is None:
                lived = time.monotonic() - begun
                if lived > dies or lived > 400:
                    os.killpg(process.pid, signal.SIGKILL)
                    self.saga.killed += 1
                    kill = True
                    break
                if lived > self.plan.evening:
                    server.call(self._evening)
                    ended = True
                time.sleep(0.2 if not ended else 0.5)
            code = process.wait()
        sync.ended, sync.code = server.now(), code if code >= 0 else None
        sync.outage = any(trouble.struck >= OUTAGE for trouble in server.weather.troubles)
        sync.output = output.read_text(errors="replace")
        if code < 0 and not kill:
            self.saga.violations.append((number, Violation("died", "", f"signal {-code}: {sync.output[-600:]}")))
        self.saga.syncs.append(sync)
        if sync.code is not None:
            self._judge(sync)
        return sync

    def _judge(self, sync: Sync) -> None:
        found = held.read(self.home)
        if found is None:
            if sync.code == 0:
                self.saga.violations.append((sync.number, Violation("green-without-proof", "", "no warehouse")))
            return
        judge = Judge(self.server.world, found, sync)
        new = self.server.call(judge.judge)
        self.saga.violations += [(sync.number, one) for one in new]

    def _heal(self) -> None:
        def calm() -> None:
            server = self.server
            server.weather.clear()
            self._evening()
            for run in server.world.runs():
                run.refused.end(server.now())

        self.server.call(calm)
        code: int | None = None
        for extra, wait in enumerate(HEALING if self.library else HEALING[:1]):
            self._pass_time(wait)
            code = self._one(self.plan.syncs + extra, kill=False).code
            if code == 0:
                return
        if self.library:
            last = self.saga.syncs[-1].output[-900:]
            self.saga.violations.append((len(self.saga.syncs), Violation("never-heals", "", f"exit {code}: {last}")))


def draw(seed: int) -> Plan:
    """The plan of a world by its seed."""
    rng = Random(seed * 7919)
    bulk, evening = rng.choice((0, 0, 0, 330)), rng.choice((6.0, 999.0, 999.0))
    plan = Plan(seed, syncs=rng.randint(3, 6), tasks=rng.choice((3, 8, 15)), bulk=bulk, evening=evening)
    plan.troubles, plan.capture = rng.choice((0, 2, 5)), rng.choice((1, 5, 12))
    return plan


def main() -> None:
    """Live through the worlds of some seeds again."""
    import tempfile  # noqa: PLC0415

    for seed in sys.argv[1:]:
        folder = Path(tempfile.mkdtemp(prefix=f"world-{seed}-"))
        print(Teller(draw(int(seed)), folder).tell().report(), folder, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
