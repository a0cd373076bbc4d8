"""An emulator and a warehouse that syncs from it, with a clock that the test moves."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from taskhouse.capture import capture
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.operations import sync
from taskhouse.passes.context import Context
from taskhouse.passes.sync_pass import PassReport
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.resources import registry
from taskhouse.resources.registry import RESOURCES, TABLES
from taskhouse.settings import Settings
from taskhouse.warehouse import clock, verify
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.opening import open_warehouse
from tests import opened
from tests.asked import ask
from tests.blank import blank
from tests.clocks import GivenClock

T = TypeVar("T")

RAW = tuple(table.name for table in TABLES)


class House:
    """One emulator and one warehouse of its project 1; ``moment`` is what taskhouse takes for now."""

    def __init__(self, emulator: Emulator, home: Path, **settings: Any) -> None:
        self.emulator = emulator
        environment = emulator.environment()
        self.settings = Settings(
            host=environment["POSTHOG_HOST"],
            api_key=environment["POSTHOG_PERSONAL_API_KEY"],
            project_ids=(1,),
            home=home,
            **{
                "requests_per_hour": 0,
                "log_final_s": 0.2,
                "capture_seconds": 60,
                **settings,
            },
        ).with_clock(GivenClock(lambda: self.now()))  # noqa: PLW0108 - tests replace it
        self.later = timedelta()
        self.alone = True
        """Whether nobody else wants the warehouse while a pass lives."""
        self._asked = open_warehouse(self.settings)
        blank(self.settings.warehouse)

    def now(self) -> datetime:
        """The moment that taskhouse sees."""
        return datetime.now(UTC) + self.later

    def sync(self, resource: str) -> PassReport:
        """One pass."""
        with opened.once() if self.alone else contextlib.nullcontext():
            return asyncio.run(sync(self.settings, 1, resource))

    def sync_all(self) -> list[PassReport]:
        """One pass over everything that the settings want."""
        return [self.sync(resource) for resource in filter(self.settings.wants, RESOURCES)]

    def attempt(self, resource: str) -> tuple[str, str]:
        """What ``taskhouse check`` says of an optional resource."""

        async def ask() -> tuple[str, str]:
            async with PostHog(self.settings) as client:
                found: tuple[str, str] = await registry.code(resource).attempt(TasksApi(client, 1), None)
                return found

        return asyncio.run(ask())

    def wrong(self) -> dict[str, Any]:
        """What ``taskhouse verify`` finds wrong."""
        with self.warehouse().reading("a test") as connection:
            made = verify.checks(connection, hashes=registry.content_hashes, now=self.now()).items()
            return {name: found for name, check in made if (found := check()).wrong}

    def set_back(self) -> None:
        """What ``taskhouse restore --clock`` does, after a clock that was ahead."""
        with self.warehouse().transaction("setting back") as connection:
            clock.set_back(connection, self.now())

    def warehouse(self) -> Warehouse:
        """The warehouse, through a door of its own."""
        return open_warehouse(self.settings)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        return asyncio.run(work)

    @contextlib.contextmanager
    def context(self) -> Iterator[Context]:
        """What a pass works with, for tests that look inside."""
        client = PostHog(self.settings)
        yield Context(self.settings, 1, client, self.warehouse())
        asyncio.run(client.__aexit__(None, None, None))

    def rows(self, text: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        return ask(self._asked, text, parameters or None)

    def counts(self) -> dict[str, int]:
        """Rows of every raw table."""
        return {table: int(self.rows(f"SELECT count(*) FROM raw.{table}")[0][0]) for table in RAW}

    def present(self) -> list[tuple[Any, ...]]:
        """Id, title, repository, flags and latest run of every task that is there."""
        return self.rows(
            "SELECT task_id, title, repository, archived, internal, latest_run_id, latest_run_status"
            " FROM main.tasks WHERE absent_since IS NULL ORDER BY task_id"
        )

    def truth_tasks(self) -> list[tuple[Any, ...]]:
        """The same from the emulator's truth."""
        names = ("id", "title", "repository", "archived", "internal", "latest_run_id", "latest_run_status")
        return sorted(tuple(task[name] for name in names) for task in self.emulator.truth(runs=False)["tasks"])

    def hashes(self) -> dict[str, tuple[tuple[int, str], tuple[int, str]]]:
        """Number and SHA-256 of the live events and the log entries of every run."""
        live = self._texts(
            "SELECT run_id, payload FROM raw.run_events WHERE stream_id IS NOT NULL"
            " ORDER BY run_id, incarnation, stream_ms, stream_seq"
        )
        log = self._texts("SELECT run_id, payload FROM raw.run_log_entries ORDER BY run_id, position")
        runs = self.rows("SELECT DISTINCT run_id FROM raw.run_versions")
        return {run_id: (_digest(live.get(run_id, ())), _digest(log.get(run_id, ()))) for (run_id,) in runs}

    def _texts(self, text: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for run_id, payload in self.rows(text):
            found.setdefault(run_id, []).append(payload)
        return found

    def truth_hashes(self) -> dict[str, tuple[tuple[int, str], tuple[int, str]]]:
        """The same from the emulator's truth."""
        return {
            run["id"]: (
                (run["live"]["count"], run["live"]["sha256"]),
                (run["log"]["count"], run["log"]["sha256"]),
            )
            for run in self.emulator.truth()["runs"]
        }


def _digest(texts: Sequence[str]) -> tuple[int, str]:
    return len(texts), hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a run at rest takes a minute of an emulator that lives 60 times as fast, and not five."""
    monkeypatch.setattr(capture, "LOOK_S", 1.0)


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Start emulators that end with the test; keywords beginning with ``emulator_`` shape the emulator."""
    running: list[Emulator] = []

    def make(**keywords: Any) -> House:
        world: dict[str, Any] = {"tasks": 60, "repositories": 6, "live_runs": 0, "speed": 0, "events": 0.3}
        world |= {name.removeprefix("emulator_"): value for name, value in keywords.items() if "emulator_" in name}
        emulator = Emulator(EmulatorSettings(**world))
        emulator.__enter__()
        running.append(emulator)
        return House(
            emulator,
            tmp_path / f"home-{len(running)}",
            **{name: value for name, value in keywords.items() if "emulator_" not in name},
        )

    yield make
    for emulator in running:
        emulator.__exit__(None, None, None)
