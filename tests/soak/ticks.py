"""``python -m tests.soak.ticks``: a day of ticks over a large project, over HTTP, with a clock that the test drives.

Only the ticks of tasks run, 288 of them by default. The world changes between them: new tasks come, and now and then
one task is hidden while another is shown again, which no count tells. Every verdict is held against what was so at the
moment that it claims.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.passes.sync_pass import PassReport
from taskhouse.resources.tasks.rotation import REQUEST
from tests.house import House
from tests.soak.test_figures import fill


@dataclass(slots=True)
class Outcome:
    """What the day came to.

    Attributes:
        ticks: Verdict and proof of each tick.
        exchanges: Exchanges that no count showed.
        unseen: Verdicts while an exchange stood, which they did not claim to know.
        false: Verdicts that claimed more than was so.
        oldest: The greatest age of the oldest page, once everything was read.
        requests: Requests in all.
        pages: Pages in rotation in all, and the most in one tick.
        cpu_s: Processor time of the median tick, the emulator's share included.
        stale: Tasks held otherwise than they are at the end.
    """

    ticks: Counter[tuple[str, str]] = field(default_factory=Counter)
    exchanges: int = 0
    unseen: int = 0
    false: int = 0
    oldest: timedelta = timedelta()
    requests: int = 0
    pages: tuple[int, int] = (0, 0)
    cpu_s: float = 0.0
    stale: int = 0


class Day:
    """Ticks at an even pace, with a world that changes between them."""

    def __init__(self, home: Path, *, tasks: int, ticks: int = 288, every: timedelta = timedelta(minutes=5)) -> None:
        self.home = home
        self.tasks = tasks
        self.ticks = ticks
        self.every = every
        self.dice = random.Random(1)
        self.hidden: list[str] = []
        self.exchanged: list[tuple[datetime, str, str]] = []

    def run(self, tell: Callable[[str], object] = lambda _: None) -> Outcome:
        """Live through it, and on until the last exchange must be known."""
        outcome, cpu = Outcome(), []
        world = EmulatorSettings(tasks=self.tasks, live_runs=0, speed=0, events=0.1, throttle=False)
        with Emulator(world) as emulator:
            house = House(emulator, self.home, accept=("viewer",), sweep_hours=1000)
            fill(house)
            house.sync("tasks")
            emulator.requests(reset=True)
            tasks = emulator.truth(runs=False)["tasks"]
            self.held = [task["id"] for task in sorted(tasks, key=lambda task: (task["created_at"], task["id"]))]
            for number in range(self.ticks):
                house.later += self.every
                self._change(house, number)
                began = time.process_time()
                report = house.sync("tasks")
                cpu.append(time.process_time() - began)
                self._judge(house, report, outcome)
                tell(f"{number}: {report.verdict}, {report.requests} requests, {cpu[-1]:.2f} s; {report.reason}")
            outcome.requests = emulator.requests()["total"]
            outcome.pages = self._pages(house)
            outcome.exchanges = len(self.exchanged)
            outcome.cpu_s = sorted(cpu)[len(cpu) // 2]
            outcome.stale = len(set(house.present()) ^ set(house.truth_tasks())) if self.tasks < 10_000 else 0
        return outcome

    def _change(self, house: House, number: int) -> None:
        """A new task now and then; hide a task, and later exchange it for one near to it, which no drawn row shows."""
        mutate = house.emulator.mutate
        if number % 6 == 0:
            mutate("new_task", title=f"new {number}", run=False)
        if number % 12 == 3:
            place = self.dice.randrange(len(self.held) - 20)
            self.hidden += [self.held.pop(place), self.held.pop(place + 10)]
            mutate("hide", task_id=self.hidden[0])
        if number % 12 == 9:
            shown, hidden = self.hidden
            self.hidden = []
            mutate("show", task_id=shown)
            mutate("hide", task_id=hidden)
            self.exchanged.append((house.now(), shown, hidden))

    def _judge(self, house: House, report: PassReport, outcome: Outcome) -> None:
        kind = report.proof.kind if report.proof else "none"
        outcome.ticks[report.verdict, kind] += 1
        if report.proof is None or report.proof.at is None:
            return
        outcome.oldest = max(outcome.oldest, house.now() - report.proof.at)
        present = {
            name
            for (name,) in house.rows(
                "SELECT task_id FROM raw.task_sightings WHERE absent_since IS NULL AND list_contains(?, task_id)",
                [name for _, *pair in self.exchanged for name in pair],
            )
        }
        for moment, shown, hidden in self.exchanged:
            known = shown in present and hidden not in present
            outcome.unseen += not known
            outcome.false += not known and moment < report.proof.at

    def _pages(self, house: House) -> tuple[int, int]:
        counts = [
            int(count)
            for (count,) in house.rows("SELECT count(*) FROM ledger.pages WHERE request = ? GROUP BY pass_id", REQUEST)
        ]
        return sum(counts), max(counts)


def main() -> int:
    """Run it and print what it came to; 0 if no verdict claimed more than was so."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.ticks", description=__doc__)
    parser.add_argument("--tasks", type=int, default=126_200, help="the key sees four of five")
    parser.add_argument("--ticks", type=int, default=312)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = Day(Path(folder), **vars(asked)).run(lambda line: sys.stderr.write(f"{line}\n"))
    for name in outcome.__slots__:
        sys.stdout.write(f"{name:12} {getattr(outcome, name)}\n")
    sys.stdout.write(f"seconds      {time.monotonic() - began:.0f}\n")
    return int(outcome.false > 0 or outcome.oldest > timedelta(hours=24))


if __name__ == "__main__":
    raise SystemExit(main())
