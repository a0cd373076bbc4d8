"""A warehouse that was synced once from an emulator, and an empty one whose raw tables a test fills itself."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from filelock import FileLock

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings
from taskhouse.operations import sync
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings
from taskhouse.warehouse import sql
from taskhouse.warehouse.staging import stage
from tests import opened
from tests.blank import show, shown, writing
from tests.clocks import GivenClock

Row = dict[str, Any]

FILLING = {"BIGINT": 0, "INTEGER": 0, "DOUBLE": 0.0, "BOOLEAN": False, "VARCHAR": "", "TIMESTAMP WITH TIME ZONE": None}
"""What a column that may not be NULL gets where a test does not care."""


class Tables:
    """Raw rows in, rows of views out, inside one transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, text: str, *parameters: object) -> list[Row]:
        """The rows of a statement, each by column name."""
        self.note_runs()
        result = self.connection.execute(text, list(parameters) or None)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def frame(self, text: str) -> pd.DataFrame:
        """The rows of a statement as a frame."""
        self.note_runs()
        return self.connection.execute(text).df()

    def note_runs(self) -> None:
        """Note the runs that a test put into ``raw``, as a load does; they are not stored, but computed."""
        self.connection.execute("DELETE FROM mart.runs WHERE derivation IS NULL AND NOT is_stored")
        self.connection.execute(sql.engine("warehouse/schema/mart_runs_known"))

    def fill(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put rows in place of what the table holds; what they leave out is NULL, or nothing of its type."""
        self.connection.execute(f"DELETE FROM {table}")
        described = self.connection.execute(f"DESCRIBE {table}").fetchall()
        kinds = {column: kind for column, kind, *_ in described}
        epoch = datetime(2026, 1, 1, tzinfo=UTC)
        nothing = {
            column: None if nullable == "YES" else (epoch if kind.startswith("TIMESTAMP") else FILLING[kind])
            for column, kind, nullable, *_ in described
        }
        assert all(row.keys() <= kinds.keys() for row in rows)
        if rows:
            stage(self.connection, "filling", [nothing | dict(row) for row in rows], kinds)
            self.connection.execute(f"INSERT INTO {table} BY NAME FROM filling")

    def load(
        self, layer: str, texts: Sequence[tuple[str | int | None, str]], run: str = "r", *, redacted: bool = False
    ) -> None:
        """Put events with their stream id, or entries with their position, through the load's own typing."""
        if not texts:
            return
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE batch AS"
            " SELECT unnest(range($count)) AS line, unnest($keys::VARCHAR[]) AS key, unnest($payloads) AS payload",
            {
                "count": len(texts),
                "keys": [None if key is None else str(key) for key, _ in texts],
                "payloads": [text for _, text in texts],
            },
        )
        live = layer == "live"
        identity = (
            "key AS stream_id, TRY_CAST(split_part(key, '-', 1) AS UBIGINT) AS stream_ms,"
            " TRY_CAST(split_part(key, '-', 2) AS UBIGINT) AS stream_seq, CAST(NULL AS BIGINT) AS position"
            if live
            else "CAST(NULL AS VARCHAR) AS stream_id, CAST(NULL AS UBIGINT) AS stream_ms,"
            " CAST(NULL AS UBIGINT) AS stream_seq, CAST(key AS BIGINT) AS position"
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP VIEW lines AS SELECT 's' AS segment, line, 'event' AS line_kind, 1 AS project_id,"
            f" 't' AS task_id, '{run}' AS run_id, 'django' AS source, {identity},"
            " TIMESTAMPTZ '2026-09-01 00:00:00+00' + to_milliseconds(line) AS received_at,"
            f" {redacted} AS redacted, payload"
            " FROM batch"
        )
        for step in ("load/fields", "load/typed_events"):
            self.connection.execute(sql.query(step))
        if live:
            self.connection.execute(
                "INSERT INTO raw.run_events BY NAME"
                " SELECT * EXCLUDE (position, first_event_id, line), 0 AS incarnation FROM typed_events"
            )
        else:
            self.connection.execute(
                "INSERT INTO raw.run_log_entries BY NAME"
                " SELECT * EXCLUDE (source, stream_id, stream_ms, stream_seq, line), 'p' AS pass_id FROM typed_events"
            )


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Tables]:
    """A new warehouse without rows."""
    with shown(tmp_path / "warehouse.duckdb") as connection:
        yield Tables(connection)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """A warehouse that the tests of a module share; each fills what it reads."""
    with shown(tmp_path_factory.mktemp("scratch") / "warehouse.duckdb") as connection:
        yield Tables(connection)


class Story:
    """A warehouse that follows an emulator's life."""

    def __init__(self, home: Path, emulator: Emulator, **settings: Any) -> None:
        self.emulator = emulator
        environment = emulator.environment()
        self.settings = Settings(
            host=environment["POSTHOG_HOST"],
            api_key=environment["POSTHOG_PERSONAL_API_KEY"],
            project_ids=(1,),
            home=home,
            requests_per_hour=0,
            log_final_s=0.1,
            capture_seconds=30,
            **settings,
        ).with_clock(GivenClock(self.now))
        self.later = timedelta()

    def now(self) -> datetime:
        """The moment that taskhouse sees."""
        return datetime.now(UTC) + self.later

    def sync(self, *resources: str) -> None:
        """One pass over each resource, over all of them by default."""
        for resource in resources or filter(self.settings.wants, RESOURCES):
            with opened.once():
                asyncio.run(sync(self.settings, 1, resource))

    def pass_time(self, **amount: float) -> None:
        """Let time go by, for both sides."""
        span = timedelta(**amount)
        self.later += span
        self.emulator.clock(advance_s=span.total_seconds())


def _live(story: Story) -> None:
    """Runs that were live are captured to their end; one is reopened, and captured again."""
    story.pass_time(minutes=5)
    story.sync()
    done = next(run for run in story.emulator.truth()["runs"] if run["live"]["count"] and run["status"] == "completed")
    story.emulator.mutate("reopen", run_id=done["id"])
    story.emulator.mutate("finish", run_id=done["id"], status="failed")
    story.later += timedelta(minutes=1)
    story.sync("tasks", "runs", "run_events")


def _days(story: Story) -> None:
    """Repositories get ready, slip, are reclassified; one day there is no token, on another nobody asks."""
    truth = story.emulator.truth(runs=False)
    kinds = {row["repository"]: row["classification"] for row in truth["readiness"]}
    names = [name for name in truth["repositories"] if kinds[name] not in {"sdk_or_library", "test_or_sandbox"}]
    one, two, three = names[0], next(name for name in names[1:] if kinds[name] == "frontend_js"), names[-1]
    story.emulator.mutate("repository", repository=one, init=True, capture=True, errors=True)
    changes: dict[int, Callable[[], Any]] = {
        2: lambda: story.emulator.mutate("project", github_token=False),
        3: lambda: story.emulator.mutate("project", github_token=True),
        5: lambda: story.emulator.mutate("repository", repository=one, init=False, capture=False, errors=False),
        6: lambda: story.emulator.mutate(
            "repository", repository=two, frontend_markers=0, frontend_files=0, backend_markers=9
        ),
        7: lambda: story.emulator.mutate("repository", repository=three, reachable=False),
        8: lambda: story.emulator.mutate("project", exception_autocapture=False),
    }
    for day in range(1, 10):
        story.pass_time(days=1)
        changes.get(day, lambda: None)()
        if day != 4:
            story.sync("repositories", "readiness")


@pytest.fixture(scope="session")
def make_story() -> type[Story]:
    """Makes other stories."""
    return Story


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a warehouse with ten days of history: one worker lives them, and each has a copy."""
    own = tmp_path_factory.mktemp("story")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _lived(own)
    shared = tmp_path_factory.getbasetemp().parent / "story"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            _lived(own).rename(shared)
    return Path(shutil.copytree(shared, own, dirs_exist_ok=True))


def _lived(folder: Path) -> Path:
    settings = EmulatorSettings(
        seed=5,
        tasks=70,
        repositories=6,
        live_runs=5,
        speed=0,
        pace=8,
        events=0.4,
        throttle=False,
        streams=StreamSettings(),
    )
    with Emulator(settings) as emulator:
        story = Story(folder, emulator)
        _live(story)
        _days(story)
    return folder


@pytest.fixture(scope="session")
def kept(home: Path) -> Iterator[Tables]:
    """The warehouse with ten days of history, open for reading."""
    with writing(show(Path(shutil.copyfile(home / "warehouse.duckdb", home / "shown.duckdb")))) as connection:
        yield Tables(connection)
