"""An index that follows its copies equals one that is built at once, regardless of what happened to it meanwhile."""

import contextlib
import json
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from taskhouse.clock import REAL
from taskhouse.errors import Corrupt, Locked
from taskhouse.search import database, index, terms
from taskhouse.search.index import Progress, follow, update
from taskhouse.search.query import Question, search
from taskhouse.spool.folder import Spool
from taskhouse.warehouse import derive
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import publish
from tests.blank import blank
from tests.opened import once
from tests.report.world import World
from tests.warehouse.spooled import event, load_live

START = datetime(2026, 11, 1, tzinfo=UTC)
WORDS = "export invoice session retry TimeoutError src/app.py 数据".split()
RUNS = ("run-1", "run-2", "run-3")


class House:
    """A warehouse whose runs say, do and suffer something, and its published copies."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.warehouse = Warehouse(blank(home / "warehouse.duckdb"), host="http://localhost:1", lock_wait_s=5)
        self.spool = Spool(home / "spool" / "1")
        self.steps = 0

    @property
    def published(self) -> Path:
        return self.home / "published"

    def says(self, run: str, text: str, *, said: str = "agent_message", hidden: bool = False, **fields: Any) -> None:
        self.steps += 1
        at = (START + timedelta(seconds=self.steps)).isoformat()
        update = {"sessionUpdate": said, "content": {"text": text}, **fields}
        notification = {"jsonrpc": "2.0", "method": "session/update", "params": {"update": update}}
        told = {"type": "notification", "timestamp": at, "notification": notification}
        load_live(self.warehouse, self.spool, event(f"{self.steps}-0", json.dumps(told), redacted=hidden), run=run)

    def is_seen(self, number: int, title: str, repository: str | None, error: str | None = None) -> None:
        self.steps += 1
        at, world = START + timedelta(seconds=self.steps), World()
        row = {"project_id": 1, "task_id": f"task-{number}", "valid_from": at, "created_at": START, "updated_at": at}
        payload = json.dumps({"description": f"please {title}"})
        world.add("raw.task_versions", **row, title=title, repository=repository, payload=payload)
        status = {"status": "failed" if error else "in_progress", "completed_at": at if error else None}
        world.add("raw.run_versions", **row, run_id=f"run-{number}", **status, error_message=error)
        world.publish(self.home)

    def publish(self) -> None:
        publish(self.warehouse, self.published, force=True)

    def at_once(self, folder: Path) -> Path:
        """Another folder with the same copy, and an index that is built at once."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "current.duckdb").symlink_to((self.published / "current.duckdb").resolve())
        update(folder, REAL, create=True)
        return folder


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "home").mkdir()
    with once():
        yield House(tmp_path / "home")


def held(folder: Path) -> list[tuple[Any, ...]]:
    """Every text of an index, newest first, with what it belongs to."""
    with database.reading(folder) as connection:
        labels = {terms.label(row["id"]): row["name"] for row in connection.execute("SELECT * FROM labels")}
        rows = connection.execute(
            "SELECT text, parts, facets, kind, place, at, project_id, task_id, run_id, repository, title"
            " FROM documents JOIN subjects ON subjects.id = documents.subject ORDER BY documents.rowid DESC"
        ).fetchall()
    facets = [sorted(labels[each] for each in row["facets"].split()[:-1]) for row in rows]
    times = [row["at"] for row in rows]
    assert times == sorted(times, reverse=True)
    return sorted(
        (*[row[name] for name in ("text", "parts", "kind", "place", "at", "run_id", "repository", "title")], *facet)
        for row, facet in zip(rows, facets, strict=True)
    )


def live(house: House, dice: random.Random) -> None:
    """Something happens."""
    number = dice.randrange(len(RUNS))
    text = " ".join(dice.choices(WORDS, k=3))
    for _ in range(dice.randrange(1, 4)):
        match dice.randrange(5):
            case 0 | 1:
                house.says(RUNS[number], text, said=dice.choice(["agent_message", "user_message", "agent_thought"]))
            case 2:
                call: dict[str, Any] = {
                    "toolCallId": f"call-{dice.randrange(3)}",
                    "title": f"cat {text}",
                    "kind": "read",
                }
                house.says(RUNS[number], text, said="tool_call", **call, status="failed", error=f"no {text}")
            case 3:
                house.is_seen(number + 1, text, dice.choice(["acme/web", "acme/api", None]), dice.choice([None, text]))
            case 4:
                derive.derive(house.warehouse, everything=dice.random() < 0.5)


@pytest.mark.parametrize(
    ("seed", "steps"), [(11, 2), *(pytest.param(seed, 6, marks=pytest.mark.worlds) for seed in range(20, 50))]
)
def test_an_index_that_follows_is_the_one_that_is_built_at_once(
    house: House, tmp_path: Path, seed: int, steps: int
) -> None:
    dice = random.Random(seed)
    house.is_seen(1, "first export", "acme/web")
    assert update(house.published, REAL) is None, "there is none until somebody builds one"
    update(house.published, REAL, create=True)
    copies = set()
    for _ in range(steps):
        live(house, dice)
        house.publish()
        progress = follow(house.published, REAL)
        assert progress is not None
        assert progress.waiting == 0
        copies.add(progress.copy)
        assert held(house.published) == held(house.at_once(tmp_path / "other")) != []
    assert follow(house.published, REAL) == Progress(max(copies), 0, 0), "nothing changed"


def test_an_update_is_bounded_newest_runs_first_and_says_what_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in RUNS:
        house.says(run, f"export of {run}")
    house.publish()
    monkeypatch.setattr(index, "BATCH_LINES", 1)
    waiting = []
    for _ in RUNS:
        progress = update(house.published, REAL, within_s=0, create=True)
        assert progress is not None
        waiting.append((progress.waiting, [hit.run_id for hit in search(house.published, Question("export")).hits]))
    assert waiting == [(2, ["run-3"]), (1, ["run-3", "run-2"]), (0, ["run-3", "run-2", "run-1"])]


def test_what_a_killed_update_leaves_is_the_index_before_it(house: House, tmp_path: Path) -> None:
    for run in RUNS:
        house.says(run, "export " * 300)
    house.publish()
    update(house.published, REAL, create=True)
    before, copies = held(house.published), []
    with database.writing(house.published) as connection, contextlib.suppress(InterruptedError):
        connection.execute("PRAGMA cache_size = 4")  # pages: the rest of a transaction is in the file before its end
        with database.atomic(connection):
            connection.execute("UPDATE subjects SET mark = 'read again'")
            for number in range(4):
                for (row_id,) in connection.execute("SELECT rowid FROM documents").fetchall()[:2]:
                    connection.execute("UPDATE documents SET text = ? WHERE rowid = ?", ["invoice " * 2000, row_id])
                copies.append(tmp_path / f"copy-{number}")
                copies[-1].mkdir()
                for path in house.published.glob(f"{database.NAME}*"):  # what a kill at this moment would leave
                    shutil.copyfile(path, copies[-1] / path.name)
            raise InterruptedError
    assert any((copy / database.NAME).read_bytes() != (house.published / database.NAME).read_bytes() for copy in copies)
    for copy in copies:
        assert (copy / f"{database.NAME}-journal").exists()
        assert search(copy, Question("invoice")).hits == []
        assert len(search(copy, Question("export")).hits) == 3
        assert held(copy) == before
        with database.writing(copy) as connection:
            connection.execute("INSERT INTO documents (documents) VALUES ('integrity-check')")


def test_the_index_of_another_home_of_another_format_and_a_damaged_one_are_built_anew(house: House) -> None:
    house.says("run-1", "export")
    house.publish()
    wrong = {
        "another home": "UPDATE state SET home = 'another', copy = 'another'",
        "another format": "PRAGMA user_version = 99",
        "damaged": "",
    }
    for change in wrong.values():
        update(house.published, REAL, create=True)
        with database.writing(house.published) as connection:
            connection.execute("UPDATE documents SET text = 'from elsewhere'")
            connection.execute(change)
        if not change:
            (house.published / database.NAME).write_bytes(b"no database" * 999)
        update(house.published, REAL)
        assert [hit.snippet for hit in search(house.published, Question("export")).hits] == ["export"]
        assert search(house.published, Question("elsewhere")).hits == []


def test_an_index_that_is_damaged_in_a_part_is_built_anew_when_it_is_checked_or_met(house: House) -> None:
    for run in RUNS:
        house.says(run, " ".join(f"export{each}" for each in range(4_000)))
    house.publish()
    update(house.published, REAL, create=True)
    path, sound = house.published / database.NAME, held(house.published)
    half = path.stat().st_size // 2
    for meet in (False, True):
        with path.open("r+b") as file:
            file.seek(half - half % 4096)
            file.write(b"\xa5" * 40_960)
        if meet:
            house.says("run-1", "export after the damage")
            house.publish()
            update(house.published, REAL, within_s=99)
            assert len(search(house.published, Question("damage")).hits) == 1
        else:
            with pytest.raises(Corrupt, match="cannot be read"):
                held(house.published)
            update(house.published, REAL, check=True)
            assert held(house.published) == sound


def test_after_a_restore_the_index_is_that_of_the_restored_state_and_what_follows_it(
    house: House, tmp_path: Path
) -> None:
    house.is_seen(1, "export", "acme/web")
    house.says("run-1", "export")
    house.publish()
    link = house.published / "current.duckdb"
    earlier = link.readlink()
    update(house.published, REAL, create=True)
    house.says("run-1", "invoice")
    house.says("run-2", "invoice")
    house.is_seen(2, "session", "acme/web")
    update(house.published, REAL)
    assert len(search(house.published, Question("invoice")).hits) == 2
    link.unlink()
    link.symlink_to(earlier)
    update(house.published, REAL)
    assert held(house.published) == held(house.at_once(tmp_path / "other"))
    assert search(house.published, Question("invoice")).hits == search(house.published, Question("session")).hits == []


def test_texts_that_the_capture_hides_are_not_indexed(house: House) -> None:
    hidden = "[text 6 0123456789abcdef]"
    house.says("run-1", hidden, hidden=True)
    house.says("run-1", hidden, said="tool_call", hidden=True, toolCallId="a", title=hidden, error=hidden)
    house.is_seen(1, hidden, None, hidden)
    house.publish()
    update(house.published, REAL, create=True)
    assert [row[0] for row in held(house.published)] == ["please"], "the word that the world puts before a title"
    assert search(house.published, Question("text")).hits == []


def test_one_process_updates_the_index_and_others_leave_it_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.says("run-1", "export")
    house.publish()
    update(house.published, REAL, create=True)
    house.says("run-1", "export")
    house.publish()
    with FileLock(house.published / "search.lock", thread_local=False):
        with pytest.raises(Locked, match=r"Another process is updating .*search\.sqlite"):
            update(house.published, REAL)
        assert follow(house.published, REAL) is None
    monkeypatch.setattr(index, "_read", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    progress = follow(house.published, REAL)
    assert progress is not None
    assert "No space left" in progress.trouble
    assert "The search index was not updated" in caplog.text
    assert len(search(house.published, Question("export")).hits) == 1


def test_an_index_that_is_being_written_says_so_to_a_process_that_may_only_read_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.says("run-1", "export")
    house.publish()
    update(house.published, REAL, create=True)
    monkeypatch.setattr(database, "WAIT_S", 0.0)
    with database.writing(house.published) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Locked, match="is being updated, or an update of it was interrupted"):
            search(house.published, Question("export"))
        connection.execute("ROLLBACK")
