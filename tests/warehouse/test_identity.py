"""A home knows what it is: a warehouse that is gone, older or of another home is refused before anything is written."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from taskhouse.errors import ConfigurationError, Corrupt, Locked
from taskhouse.spool.folder import Spool
from taskhouse.warehouse import identity, ledger
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.identity import Identity
from taskhouse.warehouse.publish import publish
from taskhouse.warehouse.restore import find, restore
from tests.warehouse.spooled import event, spooled

HOST, OTHER = "http://localhost:1", "http://localhost:2"
ROW = (
    "INSERT INTO raw.task_usage BY NAME SELECT 1 AS project_id, 't' AS task_id, now() AS valid_from,"
    " 'usage' AS observed_in, '' AS content_hash, 'p' AS pass_id, 1 AS page"
)
NOW = datetime.now(UTC)


def opened(folder: Path, host: str = HOST) -> Warehouse:
    return Warehouse(
        folder / "warehouse.duckdb", host=host, lock_wait_s=5, copies=folder / "published", spool=folder / "spool"
    )


def commit(warehouse: Warehouse, times: int = 1) -> None:
    for _ in range(times):
        with warehouse.transaction("a test") as connection:
            connection.execute(ROW)


def count(warehouse: Warehouse) -> int:
    with warehouse.reading("counting") as connection:
        return int(connection.execute("SELECT count(*) FROM raw.task_usage").fetchall()[0][0])


def published(warehouse: Warehouse) -> Path:
    assert warehouse.copies is not None
    made = publish(warehouse, warehouse.copies, force=True)
    assert made is not None
    return made.path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of three commits, with a copy of the first and a copy of the second."""
    folder = tmp_path_factory.mktemp("template")
    for _ in range(2):
        commit(opened(folder))
        published(opened(folder))
    commit(opened(folder))
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    """What a refusal must not change."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "lock" not in path.name and not path.name.endswith(".gate")
    }


def refused(warehouse: Warehouse) -> str:
    """What is said by whoever wants to write; nothing was."""
    before = everything(warehouse.path.parent)
    with pytest.raises((Corrupt, ConfigurationError)) as said:
        commit(warehouse)
    assert everything(warehouse.path.parent) == before
    return str(said.value)


def test_each_commit_moves_the_generation_inside_and_beside_and_nothing_else_does(home: Warehouse) -> None:
    first = Identity.beside(home.path)
    assert first is not None
    assert (first.host, first.generation) == (HOST, 3)
    count(home)
    with pytest.raises(ZeroDivisionError), home.transaction("failing"):
        _ = 1 / 0
    assert Identity.beside(home.path) == first
    commit(home)
    now = Identity.beside(home.path)
    assert now is not None
    assert (now.id, now.created_at, now.generation) == (first.id, first.created_at, 4)
    assert Identity.beside(published(home)) == now
    with home.reading("looking") as connection:
        assert connection.execute("SELECT id, generation FROM ledger.origin").fetchall() == [(now.id, 4)]


def test_a_reading_can_write_nothing(home: Warehouse) -> None:
    with pytest.raises(duckdb.Error, match="read-only"), home.reading("a test") as connection:
        connection.execute(ROW)


def test_a_home_is_bound_to_its_host_by_what_it_holds(tmp_path: Path) -> None:
    with opened(tmp_path, OTHER).transaction("a pass that fails") as connection:
        ledger.begin(connection, pass_id="p", project_id=1, resource="tasks", viewer=None, started_at=NOW)
    assert not (tmp_path / "warehouse.json").exists()
    commit(opened(tmp_path))
    known = Identity.beside(tmp_path / "warehouse.duckdb")
    assert known is not None
    assert known.host == HOST
    with opened(tmp_path).reading("looking") as connection:
        assert connection.execute("FROM ledger.passes").fetchall() == []
    with pytest.raises(ConfigurationError, match=f"belongs to {HOST}, but .* {OTHER}.*Set POSTHOG_HOST to {HOST},"):
        count(opened(tmp_path, OTHER))


def test_a_warehouse_that_is_gone_is_no_new_one(home: Warehouse) -> None:
    home.path.unlink()
    said = refused(home)
    assert "is gone, but this home has 2 published copies of it" in said
    assert "`taskhouse restore` restores the newest copy" in said
    assert not home.path.exists()
    with pytest.raises(Corrupt, match="is gone"):
        publish(home, home.path.parent / "published", force=True)


def test_captured_events_alone_are_evidence_of_a_warehouse(home: Warehouse) -> None:
    folder = home.path.parent
    for path in (*folder.glob("warehouse*"), *folder.glob("published/*")):
        path.unlink()
    spooled(Spool(folder / "spool" / "1"), "live", event("1-0", "{}"))
    assert "is gone, but this home has captured events in the spool" in refused(home)
    restore(home, None)
    commit(home)


def test_an_older_warehouse_is_noticed_and_accepted_knowingly(home: Warehouse) -> None:
    copy = identity.copies_in(home.copies)[1]
    shutil.copy(copy, home.path)
    assert "ends with commit 1, but 3 was seen here" in refused(home)
    done = restore(home, home.path)
    assert done.taken is not None
    assert done.taken.generation == 1
    commit(home)
    assert count(home) == 2
    now = Identity.beside(home.path)
    assert now is not None
    assert now.generation == 5


def test_the_warehouse_of_another_home_is_refused(home: Warehouse, tmp_path: Path) -> None:
    commit(opened(tmp_path / "other"))
    shutil.copy(tmp_path / "other" / "warehouse.duckdb", home.path)
    assert "belongs to home" in refused(home)
    assert restore(home, find(None, home.path.parent / "published")).taken is not None
    assert count(home) == 2


def test_what_is_restored_destroys_nothing(home: Warehouse) -> None:
    folder = home.path.parent / "published"
    newest, oldest = identity.copies_in(folder)
    with pytest.raises(ConfigurationError, match="is sound, up to commit 3"):
        restore(home, oldest)
    done = restore(home, oldest, over=True)
    assert done.aside is not None
    assert done.kept == (folder / f"kept-{newest.name}",)
    assert count(home) == 1
    for _ in range(3):
        commit(home)
        published(home)
    assert len(identity.copies_in(folder)) in {2, 4}, "of 5; clones stay for a while"
    assert done.kept[0].exists()
    assert restore(home, done.aside, over=True).taken is not None
    assert count(home) == 3


def test_a_damaged_warehouse_is_set_aside(home: Warehouse) -> None:
    home.path.write_bytes(b"no database" * 1000)
    with pytest.raises(Corrupt) as said:
        commit(home)
    assert "`taskhouse restore` restores the newest copy" in str(said.value)
    done = restore(home, find(None, home.path.parent / "published"))
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(b"no database")
    assert count(home) == 2


def test_an_empty_history_is_another_one_and_leaves_the_copies(home: Warehouse) -> None:
    home.path.unlink()
    before = {path.name for path in identity.copies_in(home.copies)}
    done = restore(home, None)
    assert {path.name.removeprefix("kept-") for path in done.kept} == before
    other = opened(home.path.parent, OTHER)
    for _ in range(3):
        commit(other)
        published(other)
    assert all(path.exists() for path in done.kept)


def test_copies_of_another_history_are_never_removed(home: Warehouse) -> None:
    folder = home.path.parent / "published"
    for path in identity.copies_in(folder):
        path.chmod(0o600)
        facts = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps(facts | {"id": "another"}))
    before = identity.copies_in(folder)
    for _ in range(3):
        commit(home)
        published(home)
    assert set(before) < set(identity.copies_in(folder))


def test_a_pass_does_not_go_on_in_a_warehouse_that_took_the_place_of_its_own(home: Warehouse) -> None:
    with pytest.raises(Locked, match="which was replaced meanwhile"), home.transaction("a pass") as connection:
        ledger.still_open(connection, "20261127T000000-tasks-0000")
