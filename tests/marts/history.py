"""The history that ``docs/questions.md`` is answered from: 24 days of the demo's PostHog, lived in virtual time.

``python -m tests.marts.history`` lives it anew and packs it into ``history.duckdb.xz``. A test opens the packed one, so
its answers depend on nothing but the views. Equal settings make an equal history.
"""

import lzma
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.world.facts import Sighting
from tests.surprise.house import House

PACKED = Path(__file__).with_name("history.duckdb.xz")
START = datetime(2026, 11, 2, 7, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)
"""What ``now()`` means on the page."""

WORLD = EmulatorSettings(
    seed=3, start=START, tasks=44, repositories=5, live_runs=4, speed=0, pace=4, events=0.3, throttle=False
)
SYNCS = (0, 1, 4, 8, 9, 11, 14, 15, 18, 21, 22, 23)
"""Days on which everything is read; readiness is read on the other days too."""

READY, NONE = (dict.fromkeys(("init", "capture", "errors"), there) for there in (True, False))
OUTAGE = (12, 13)
ALL = ("tasks", "repositories", "runs", "readiness", "run_events", "task_usage")


class Demo:
    """The world and the home, day by day."""

    def __init__(self) -> None:
        self.dice = random.Random(11)
        self.house = House(WORLD)
        self.house.settings = self.house.settings.model_copy(update={"task_usage": True})
        tasks = self.house.service.world.of_project[1]
        self.names = sorted({task.repository for task in tasks if task.repository})
        self.started: list[str] = []

    def live(self) -> Path:
        """Live through the days; the warehouse."""
        self._begin()
        for day in range(24):
            self._readiness(day)
            self._work(day)
            for resource in ALL if day in SYNCS else () if day in OUTAGE else ("repositories", "readiness"):
                done = self.house.sync(resource)
                assert done == "done", (day, resource, done)
            if day in SYNCS:  # the runs of the day have ended, and their streams are still there
                self.house.passes(600)
                for resource in ("tasks", "runs", "run_events", "task_usage"):
                    self.house.sync(resource)
            self.house.passes((START + timedelta(days=day + 1) - self.house.service.clock.now()).total_seconds())
        self.house.run(self.house._end())
        return self.house.settings.warehouse

    def _begin(self) -> None:
        """Every repository is a service whose events and errors arrive; two are set up, and one half."""
        service = self.house.service
        service.world.projects[1].error_issues = [START + timedelta(days=day) for day in range(-30, 24)]
        for name in self.names:
            facts = service.readiness.facts_of(1, name)
            facts.events = [Sighting(START - timedelta(days=40), 6)]
            self.house.change(
                "repository", repository=name, reachable=True, frontend_markers=0, backend_markers=9, **NONE
            )
        self._set(0, **READY)
        self._set(2, init=True, capture=True)
        self._set(4, **READY)

    def _set(self, number: int, **facts: bool) -> None:
        self.house.change("repository", repository=self.names[number], **facts)

    def _readiness(self, day: int) -> None:
        """Repositories get ready, and slip for their own reasons or for that of the project."""
        if day in {5, 7, 9, 10, 20, 22}:
            changes: dict[int, tuple[int, dict[str, bool]]] = {
                5: (1, READY),
                7: (0, {"capture": False}),
                9: (2, READY),
                10: (0, READY),
                20: (1, {"init": False}),
                22: (3, {"init": True, "errors": True}),
            }
            number, facts = changes[day]
            self._set(number, **facts)
        if day == 22:
            for task in self.house.service.world.of_project[1]:
                if task.repository == self.names[4]:
                    self.house.change("move", task_id=task.id, repository=self.names[3])
        if day in {16, 19}:
            self.house.change("project", exception_autocapture=day == 19)

    def _work(self, day: int) -> None:
        """Tasks are created and run, runs fail and are reopened, pull requests are merged."""
        house = self.house
        if day not in SYNCS:
            return
        runs = house.service.world.runs
        house.passes(3600 * self.dice.randrange(10))
        for run_id in self.started:
            fate = self.dice.random()
            if runs[run_id].status == "completed" and fate < 0.6:
                house.change("pull_request", run_id=run_id, state="merged" if fate < 0.4 else "open")
            elif runs[run_id].status == "failed" and fate < 0.7:
                house.change("reopen", run_id=run_id)
        for number in range(3):
            repository = self.names[0 if number else self.dice.randrange(len(self.names))]
            made = house.change("new_task", run=True, thin_tail=False, repository=repository)
            assert made is not None
            self.started.append(made["run_id"])
        house.passes(45)
        for run_id in self.started[-3:]:
            if self.dice.random() < 0.3:
                house.change("finish", run_id=run_id, status="failed")
        house.passes(45)


def main() -> None:
    """Write the packed history."""
    demo = Demo()
    try:
        warehouse = demo.live()
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("CHECKPOINT")
        PACKED.write_bytes(lzma.compress(warehouse.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
    finally:
        demo.house.close()


if __name__ == "__main__":
    main()
