"""A process whose disk fills at writes of its choice, and then has room again; it holds what is left against the truth.

``python -m tests.disk.child FOLDER [--whole] ROOMS…`` lives once for each of ROOMS, such as ``12,50``: a disk that
fills after 12 writes of a sync, and after 50 of the next one. It prints a line of JSON for each life, and ends with the
first life in which everything found room. ``--whole`` adds a backup and the daily housekeeping. The library that
``tests.disk.disk`` builds must be loaded.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.advice import advised
from taskhouse.capture import capture
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.errors import Full, TaskhouseError
from taskhouse.posthog import retry
from taskhouse.resources.registry import RESOURCES
from taskhouse.warehouse import maintenance, publish
from taskhouse.warehouse.backup import Retention, backup
from tests.asked import copied
from tests.disk import disk
from tests.house import House
from tests.operations.test_verify import checked, wrong

WORLD: dict[str, Any] = {"tasks": 3, "repositories": 2, "live_runs": 0, "speed": 0, "events": 0.1, "throttle": False}


@dataclass
class Life:
    """What became of syncs whose disk filled.

    Attributes:
        first: Of each the file of the first write that found no room; "" if all found some.
        said: What was said then.
        wrong: What must not be.
    """

    first: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Home(House):
    """A home on a disk of its own."""

    def __init__(self, emulator: Emulator, folder: Path, *, whole: bool) -> None:
        super().__init__(emulator, folder / "home", spool_free_gb=0, log_final_s=0)
        self.alone = False  # each block attaches the warehouse anew and closes it, as a real pass does
        self.backups = folder / "backups"
        self.whole = whole

    def steps(self) -> dict[str, Callable[[], Any]]:
        """What a sync does, and, if it was asked for, a backup and the daily housekeeping."""
        warehouse = self.warehouse()

        def synced(resource: str) -> Callable[[], Any]:
            return lambda: self.sync(resource)

        also: dict[str, Callable[[], Any]] = {
            "forget": lambda: maintenance.forget(warehouse, days=1),
            "compact": lambda: maintenance.compact(warehouse, free_share=0, small=0),
            "backup": lambda: backup(warehouse, self.backups, Retention()),
        }
        return {
            **{resource: synced(resource) for resource in filter(self.settings.wants, RESOURCES)},
            "publish": lambda: publish.publish(warehouse, self.settings.published, force=True),
            **(also if self.whole else {}),
        }

    def live(self) -> tuple[list[str], list[str]]:
        """Every step, whatever becomes of those before: what was said of those that failed, and what says no advice."""
        failed, bad = [], []
        for name, step in self.steps().items():
            try:
                done = step()
            except (TaskhouseError, OSError, duckdb.Error) as problem:
                said = problem if isinstance(problem, TaskhouseError) else advised(problem)
                failed.append(f"{name}: {said or repr(problem)}")
                if not isinstance(said, Full) or "A file" in said.message:
                    bad.append(f"no advice: {failed[-1]}")
            else:
                if getattr(done, "verdict", "complete") != "complete":
                    failed.append(f"{name}: {done.reason}")
        return failed, bad

    def doubts(self) -> Iterator[str]:
        """What differs from the truth."""
        if self.present() != self.truth_tasks():
            yield f"tasks: {self.present()}"
        if self.hashes() != self.truth_hashes():
            yield f"texts: {self.hashes()} {self.truth_hashes()}"
        for table in ("gaps", "quarantine"):
            if found := self.rows(f"FROM ledger.{table}"):
                yield f"{table}: {found}"
        with duckdb.connect(str(copied(self.warehouse())), read_only=True) as connection:
            yield from (f"{about}: {examples}" for about, examples in wrong(checked(connection)).items())
        with duckdb.connect(str(publish.readable(self.settings.published)), read_only=True) as connection:
            found = connection.execute("SELECT task_id FROM tasks WHERE absent_since IS NULL ORDER BY 1").fetchall()
            if [task_id for (task_id,) in found] != [task[0] for task in self.truth_tasks()]:
                yield f"the published copy: {found}"
        left = [path.name for path in self.settings.home.rglob(".*") if path.name.startswith((".draft", ".warehouse"))]
        if left or any(self.settings.spool.glob("*/damaged/*")):
            yield f"left behind: {left}"


def live(emulator: Emulator, folder: Path, rooms: list[int], *, whole: bool) -> Life:
    """Fill the disk of one home again and again, and give room back."""
    shutil.rmtree(folder, ignore_errors=True)
    home, life = Home(emulator, folder, whole=whole), Life()
    for room in rooms:
        disk.room(folder, room)
        said, bad = home.live()
        life.first.append(disk.first().removeprefix(str(folder)))
        life.said += said
        life.wrong += bad
    disk.room(folder, disk.ENDLESS)
    life.wrong += [*home.live()[0], *home.doubts()]
    return life


def main() -> None:
    """Live through all that was asked for."""
    capture.LOOK_S = 0.2
    folder, *lives = sys.argv[1:]
    whole = lives[0] == "--whole"
    for rooms in lives[whole:]:
        with Emulator(EmulatorSettings(**WORLD)) as emulator, retry.instant():
            life = live(emulator, Path(folder), [int(room) for room in rooms.split(",")], whole=whole)
        sys.stdout.write(json.dumps({"rooms": rooms, **asdict(life)}) + "\n")
        sys.stdout.flush()
        if not any(life.first):
            return


if __name__ == "__main__":
    main()
