"""Errors that only a broken disk, a lost race or a mistake of ours brings about, each by its words in the table."""

import asyncio
import contextlib
import gzip
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from taskhouse import export
from taskhouse.advice import advised
from taskhouse.errors import ConfigurationError, Corrupt, Full, Locked, Retryable, TaskhouseError
from taskhouse.pipelines import home
from taskhouse.posthog import retry
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.retry import Policy
from taskhouse.reading import open_snapshot
from taskhouse.settings import Settings
from taskhouse.spool.folder import Spool
from taskhouse.warehouse import load, load_batch, maintenance, parquet, reading, verify
from taskhouse.warehouse.backup import Retention, backup
from taskhouse.warehouse.blocks import offset
from taskhouse.warehouse.clock import set_back
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank, started
from tests.posthog.raw import Script, answer, serving
from tests.warehouse.spooled import event, spooled
from tests.warehouse.test_identity import ROW, commit

RARE = {
    "Records from … on cannot be moved back: … has an observation of the same thing at …, which would then be the later"
    " one.": ("test_moments_to_come_are_not_moved_before_what_was_observed_since"),
    "… does not contain the … rows that were written.": ("test_an_export_that_the_disk_cut_is_refused"),
    "… was not sent: … does not respond.": ("test_a_host_that_let_others_wait_too_long_is_not_asked"),
    "… was answered with a damaged body.": ("test_bodies_that_cannot_be_read"),
    "… was answered with more than … bytes, the most that taskhouse reads.": ("test_bodies_that_cannot_be_read"),
    "… was answered with something other than an event stream.": ("test_a_page_in_place_of_a_stream"),
    "arrow() needs pyarrow, which is not installed.": ("test_arrow_without_pyarrow"),
    "… does not say which home it belongs to.": ("test_a_file_that_is_no_warehouse_is_not_backed_up"),
    "Another process has been writing a backup into … for … s.": ("test_two_processes_write_no_backup_at_once"),
    "Another process has been making a copy of … for … s.": ("test_two_processes_make_no_copy_at_once"),
    "The segments … do not add up: … of … rows were inserted.": ("test_a_load_that_does_not_add_up_is_undone"),
    "Segment … does not add up: ….": ("test_a_load_that_does_not_add_up_is_undone"),
    "Compacting kept … of … rows of …; the file was left unchanged.": (
        "test_a_compaction_that_lost_a_row_is_not_taken"
    ),
    "… is open for writing in another process.": ("test_a_file_that_another_process_writes"),
    "The statement returns no rows.": ("test_a_statement_without_rows_makes_no_parquet"),
    "There is no folder ….": ("test_a_backup_makes_its_folder_and_not_those_around_it"),
    "The disk of … has only … MB left, and Dagster writes its records there.": (
        "test_nothing_of_dagsters_is_started_on_a_disk_without_room"
    ),
    "Dagster's database … is damaged.": "test_a_damaged_database_of_dagster_is_named_with_what_to_move_away",
    "The warehouse … differs from what its copy … was made of, although nothing was written since.": (
        "test_a_warehouse_that_another_file_took_the_place_of_differs_from_its_copy"
    ),
}
"""The test that brings an error about, by its row in the table."""

HOLDING = "import fcntl, sys; f = open(sys.argv[1], 'rb+'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    home = tmp_path / "home"
    made = Warehouse(
        blank(home / "warehouse.duckdb"),
        host="http://localhost:1",
        lock_wait_s=0.05,
        copies=home / "published",
        spool=home / "spool",
    )
    commit(made)
    return made


@pytest.fixture
def copy(warehouse: Warehouse) -> Path:
    return verify.copy(warehouse)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """The file, as another process that writes holds it."""
    with subprocess.Popen(
        [sys.executable, "-ISc", HOLDING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield


def test_a_file_that_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "some.duckdb"
    duckdb.connect(str(path)).close()
    with held(path), pytest.raises(Locked, match=r"is open for writing in another process\."):
        open_snapshot(path)


def test_a_statement_without_rows_makes_no_parquet(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"The statement returns no rows\."):
        reading.to_parquet(reading.Reader(copy), "SET threads = 1", tmp_path / "rows.parquet")


def test_a_warehouse_that_another_file_took_the_place_of_differs_from_its_copy(
    warehouse: Warehouse, copy: Path
) -> None:
    before = warehouse.path.stat()
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:  # of data: others are kept, and mended
        held_in = connection.execute("SELECT max(block_id) FROM pragma_storage_info('ledger.views')").fetchall()[0][0]
    content = bytearray(warehouse.path.read_bytes())
    content[offset(held_in) + 100] ^= 1
    warehouse.path.write_bytes(content)
    os.utime(warehouse.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Corrupt, match=r"differs from what its copy .* was made of, although nothing was written since"):
        verify.copy(warehouse)
    assert copy.exists()


def test_two_processes_make_no_copy_at_once(warehouse: Warehouse) -> None:
    with (
        FileLock(warehouse.path.with_suffix(".copy.lock"), thread_local=False),
        pytest.raises(Locked, match=r"Another process has been making a copy of .* for 0.05 s"),
    ):
        verify.copy(warehouse)


def test_two_processes_write_no_backup_at_once(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    with (
        FileLock(tmp_path / "backups" / ".lock", thread_local=False),
        pytest.raises(Locked, match=r"Another process has been writing a backup into .* for 0.05 s"),
    ):
        backup(warehouse, tmp_path / "backups", Retention())


def test_a_file_that_is_no_warehouse_is_not_backed_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    duckdb.connect(str(home / "warehouse.duckdb")).close()
    other = Warehouse(home / "warehouse.duckdb", host="http://localhost:1", copies=home / "published")
    with pytest.raises(ConfigurationError, match="does not say which home it belongs to"):
        backup(other, tmp_path / "backups", Retention())


def test_moments_to_come_are_not_moved_before_what_was_observed_since(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)
    with warehouse.transaction("a clock that was ahead") as connection:
        connection.execute(ROW.replace("now()", "now() + INTERVAL 40 DAY"))
        connection.execute(ROW.replace("now()", "now() + INTERVAL 50 DAY"))
    with (
        pytest.raises(
            ConfigurationError, match=r"cannot be moved back: raw\.task_usage has an observation of the same"
        ),
        warehouse.transaction("setting back") as connection,
    ):
        set_back(connection, now + timedelta(minutes=1))


def test_an_export_that_the_disk_cut_is_refused(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*given: Any, **options: Any) -> int:
        return 1 + int(real(*given, **options))  # as if a row had not reached the file

    real = parquet.write
    monkeypatch.setattr(parquet, "write", cut)
    with open_snapshot(copy) as house, pytest.raises(Corrupt, match=r"does not contain the .* rows that were written"):
        export.export(tmp_path / "out", house, tables=["tasks"])


def test_arrow_without_pyarrow(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with (
        open_snapshot(copy) as house,
        pytest.raises(ConfigurationError, match=r"arrow\(\) needs pyarrow, which is not installed\."),
    ):
        house.arrow("tasks")


@pytest.mark.parametrize(
    ("off", "said"),
    [(-1, r"The segments .* do not add up: 1 of"), (1, r"Segment .* does not add up: ")],
)
def test_a_load_that_does_not_add_up_is_undone(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: int, said: str
) -> None:
    def wrong(connection: Any, batch: Any, read: Any, inserted: int, aside: Counter[str], *more: Any) -> Any:
        if off > 0:
            aside.update(dict.fromkeys((segment.name for segment in segments), off))
        return real(connection, batch, read, inserted + min(off, 0), aside, *more)

    spool = Spool(tmp_path / "spool")
    segments = spooled(spool, "live", event("1-0", "{}"), event("2-0", "{}"))
    real = load_batch._enter
    monkeypatch.setattr(load_batch, "_enter", wrong)
    with pytest.raises(Corrupt, match=said):
        load.load_spool(warehouse, spool)
    assert spool.segments() == segments
    monkeypatch.undo()
    assert load.load_spool(warehouse, spool)["live"].inserted == 2


def test_a_compaction_that_lost_a_row_is_not_taken(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    class Losing:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def extract_statements(self, text: str) -> Any:
            return self._connection.extract_statements(text)

        def execute(self, text: Any, *given: Any) -> Any:
            loses = "INTO compacted.raw.task_usage" in str(text)
            return self._connection.execute(f"{text} LIMIT 0" if loses else text, *given)

    real = maintenance._rewrite
    monkeypatch.setattr(maintenance, "_rewrite", lambda old, *rest: real(Losing(old), *rest))  # type: ignore[arg-type]
    before = warehouse.path.read_bytes()
    with pytest.raises(Corrupt, match=r"Compacting kept 0 of 1 rows of raw.task_usage; the file was left unchanged"):
        maintenance.compact(warehouse, free_share=-1, small=0)
    assert warehouse.path.read_bytes() == before


@pytest.mark.parametrize(
    ("sent", "cap", "said"),
    [
        (answer(gzip.compress(b"{}" * 999)[:20], Content_Encoding="gzip"), 5000, "was answered with a damaged body."),
        (answer(b"{" + b" " * 99 + b"}"), 50, "was answered with more than 50 bytes, the most that taskhouse reads."),
    ],
)
def test_bodies_that_cannot_be_read(tmp_path: Path, sent: Script, cap: int, said: str) -> None:
    async def ask() -> None:
        async with serving([sent] * 3) as server, client(tmp_path, server.origin, cap=cap) as asking:
            await TasksApi(asking, 1).task("t")

    with retry.instant(), pytest.raises(TaskhouseError, match=re.escape(said)):
        asyncio.run(ask())


def test_a_page_in_place_of_a_stream(tmp_path: Path) -> None:
    async def ask() -> None:
        async with (
            serving([answer(b"<html>", kind="text/html")]) as server,
            client(tmp_path, server.origin) as asking,
            TasksApi(asking, 1).stream("t", "r") as connection,
        ):
            raise (await connection.refused())[0]

    with pytest.raises(Retryable, match=r"was answered with something other than an event stream\."):
        asyncio.run(ask())


def client(home: Path, host: str, **options: Any) -> PostHog:
    given: dict[str, Any] = {"host": host, "api_key": "phx_x", "home": home}
    return PostHog(Settings(_env_file=None, **given), policy=Policy(attempts=3), **options)


def test_a_host_that_let_others_wait_too_long_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        async with PostHog(Settings(_env_file=None, api_key="phx_x", home=tmp_path)) as client:
            monkeypatch.setattr(client._calls, "turn", asyncio.Event().wait)
            await client._turn("GET /api/x", 0.01)

    with pytest.raises(Retryable, match=r"GET /api/x was not sent: https://.* does not respond"):
        asyncio.run(ask())


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_nothing_of_dagsters_is_started_on_a_damaged_database(tmp_path: Path, name: str) -> None:
    folder = started(tmp_path / "home") / "dagster"
    (folder / name).write_bytes(b"no database" * 1000)
    with pytest.raises(Corrupt, match=re.escape(f"{folder / name} is damaged")), home.sound(folder):
        pytest.fail("it was opened")
    (folder / ".ready").unlink()
    with pytest.raises(Corrupt, match=re.escape(f"{folder / name} is damaged")):
        home.prepare(Settings(_env_file=None, home=tmp_path / "home"))


def test_a_folder_where_dagster_keeps_a_database_is_named(tmp_path: Path) -> None:
    path = started(tmp_path / "home") / "dagster" / "schedules" / "schedules.db"
    path.unlink()
    path.mkdir()
    made = Settings(_env_file=None, home=tmp_path / "home")
    with pytest.raises(IsADirectoryError) as problem, home.sound(home.prepare(made)) as dagster:
        dagster.all_instigator_state()
    assert str(advised(problem.value)).startswith(f"{path} is a folder")


def test_a_backup_makes_its_folder_and_not_those_around_it(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"There is no folder {tmp_path / 'none'}"):
        backup(warehouse, tmp_path / "none" / "backups", Retention())
    assert not (tmp_path / "none").exists()


def test_nothing_of_dagsters_is_started_on_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=64_000))
    with pytest.raises(Full, match=r"has only 0\.1 MB left"), home.sound(tmp_path):
        pytest.fail("it was opened")


@pytest.mark.parametrize("content", [b"no database" * 1000, None])
def test_a_damaged_database_of_dagster_is_named_with_what_to_move_away(tmp_path: Path, content: bytes | None) -> None:
    folder = started(tmp_path / "home") / "dagster"
    runs = folder / "history" / "runs.db"
    runs.write_bytes(content or runs.read_bytes()[:8192])
    with (
        pytest.raises(Corrupt, match=re.escape(f"{runs} is damaged")) as problem,
        home.sound(home.prepare(Settings(_env_file=None, home=tmp_path / "home"))) as opened,
    ):
        opened.get_runs(limit=1)
    assert f"Move the folder {folder} away" in problem.value.hint
    folder.rename(tmp_path / "away")
    with home.sound(home.prepare(Settings(_env_file=None, home=tmp_path / "home"))) as opened:
        assert opened.get_runs(limit=1) == []
