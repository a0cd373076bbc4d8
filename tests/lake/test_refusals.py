"""What a shard or a reader refuses, and that no error shows the password of the catalogue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

import taskhouse
from taskhouse.errors import ConfigurationError, Incomplete, Locked, Retryable, TaskhouseError
from taskhouse.lake import upkeep
from taskhouse.lake.engine import Lake
from taskhouse.lake.leases import Leases
from taskhouse.lake.publish import Shard, opened
from taskhouse.lake.service import claimed, publish_once
from taskhouse.lake.upkeep import looking_after
from taskhouse.lake.verify import verify
from taskhouse.settings import Settings
from tests.lake.compared import differs
from tests.lake.conftest import PASSWORD
from tests.lake.homes import Home
from tests.lake.test_upkeep import write
from tests.lake.test_world import environment
from tests.tied import tied


def test_there_is_no_lake_yet(lake: Lake) -> None:
    said = "at this address yet" if lake.kind == "postgres" else "in /"
    with pytest.raises(ConfigurationError, match=rf"^There is no lake {said}"):
        taskhouse.open(lake=lake.address)


@pytest.mark.parametrize("look", [upkeep.compact, upkeep.rewrite, partial(upkeep.drop, shard="one")])
def test_a_lake_that_is_not_there_is_not_made_to_look_after_it(
    lake: Lake, make_home: Callable[..., Home], look: Callable[[Settings], object]
) -> None:
    home = make_home("one", lake, full=False)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"^There is no lake "):
            look(home.settings)


def test_a_publisher_that_is_stopped_gives_its_shard_back(lake: Lake, make_home: Callable[..., Home]) -> None:
    home = make_home("one", lake, full=False)
    home.change()
    command = tied([sys.executable, "-m", "taskhouse.pipelines.cli", "lake", "publish", "--every", "1"])
    with subprocess.Popen(command, env=environment(home.settings), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("commit ") for line in process.stderr)
        process.terminate()
        assert process.wait(20) == 0
    assert upkeep.drop(home.settings, "one") > 0


STOPPED = """
import sys, duckdb
from taskhouse.lake import service

def work(*_):
    print("begun", flush=True)
    try:
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SELECT count(*) FROM range(100000000) a, range(1000) b WHERE hash(a.range + b.range) = 1")
    finally:
        print("given back", flush=True)

service._work = work
sys.exit(service.publish_for_ever(None, 1, print, print))
"""


def test_a_publisher_that_is_stopped_within_a_statement_ends_in_silence() -> None:
    """As systemd does it: all its processes get the signal, and one of them also that of its parent."""
    command = [sys.executable, "-c", STOPPED]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGTERM)
        said, problems = process.communicate(timeout=30)
    assert (process.returncode, said, problems) == (0, "given back\n", "")


def test_verify_says_that_a_shard_is_not_published_yet(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    home, other = make_home("one", sqlite, full=False), make_home("two", sqlite, full=False, project=2)
    with opened(Shard(sqlite, "one", home.settings.published)) as shard:
        shard.catalogue.prepare()  # as if it was killed then
    for _ in range(2):
        with pytest.raises(Incomplete, match=r"^The lake has nothing of shard one yet\."):
            verify(home.settings)
        publish_once(other.settings)


def test_a_catalogue_that_does_not_answer_is_named_without_its_password(postgres: Any) -> None:
    address = postgres.make().replace("host=127.0.0.1 port=", "host=127.0.0.1 port=1")
    with pytest.raises(TaskhouseError) as problem:
        taskhouse.open(lake=address)
    assert isinstance(problem.value, Retryable)
    assert PASSWORD not in str(problem.value)


def test_a_shard_refuses_what_would_spoil_the_lake(
    sqlite: Lake, make_home: Callable[..., Home], tmp_path: Path
) -> None:
    home, other = make_home("one", sqlite, full=False), make_home("two", sqlite, full=False, project=2)
    for _ in range(3):
        home.change()
    publish_once(home.settings)
    with pytest.raises(ConfigurationError, match=r"^The lake cannot be opened: "):
        publish_once(home.settings.model_copy(update={"lake_data": tmp_path / "elsewhere"}))
    with (
        opened(Shard(sqlite, "one", other.settings.published)) as shard,
        pytest.raises(ConfigurationError, match=r"^Shard one of the lake belongs to another home\."),
    ):
        shard.tick()
    with looking_after(home.settings) as upkeep:
        upkeep.alone()
        with pytest.raises(TaskhouseError, match=r"^The lake is being compacted or rewritten by a process on "):
            publish_once(home.settings)
        with (
            pytest.raises(TaskhouseError, match=r"^The lake is in use by a process on "),
            looking_after(other.settings),
        ):
            pass
    write(sqlite, "UPDATE lake.shards.mark_one SET generation = generation + 100")
    with pytest.raises(
        ConfigurationError, match=r"^The lake has commit \d+ of shard one, but the published copy ends "
    ):
        publish_once(home.settings)
    with opened(Shard(sqlite, "one", home.settings.published)) as shard:
        held = Leases(shard.catalogue, "", "").held("one")
        assert held is not None
        assert held.left_s <= 0, "who takes the place of this home need not wait"


def test_a_copy_of_an_older_version_is_refused(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    home = make_home("one", sqlite, full=False)
    copy = home.publish()
    copy.chmod(0o600)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("DROP VIEW main.messages; DROP TABLE mart.messages")
    with pytest.raises(ConfigurationError, match=r"^The published copy has no table mart\.messages\."):
        publish_once(home.settings)


def test_a_reader_that_is_newer_than_the_lake_says_so(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    publish_once(make_home("one", sqlite, full=False).settings)
    write(sqlite, "ALTER TABLE lake.raw.run_versions DROP COLUMN pr_state")
    with pytest.raises(ConfigurationError, match=r"^The lake lacks tables or columns that this taskhouse shows\."):
        taskhouse.open(lake=sqlite.address)


def test_a_project_belongs_to_one_shard(
    lake: Lake, make_home: Callable[..., Home], ask: Callable[[Lake, str], list[Any]]
) -> None:
    one, two = make_home("one", lake), make_home("two", lake, full=False, project=2)
    publish_once(one.settings)
    both = two.settings.model_copy(update={"project_ids": (1, 2)})
    with pytest.raises(ConfigurationError, match=r"^Shard two cannot publish project 1: shard one does\.") as refused:
        publish_once(both)
    assert str(refused.value.hint).startswith("Remove 1 from POSTHOG_PROJECT_IDS of shard two; or, if shard one is no ")
    marks = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND starts_with(table_name, 'mark_')"
    assert ask(lake, marks) == [("mark_one",)]
    publish_once(two.settings)
    one.change()
    with pytest.raises(ConfigurationError, match=r"^Shard one cannot publish project 2: shard two does\."):
        publish_once(one.settings.model_copy(update={"project_ids": (2,)}))

    with claimed(one.settings) as publisher:
        publisher.publish()
        with pytest.raises(Locked, match=r"^A process on .*/one publishes shard one\."):
            upkeep.drop(two.settings, "one")
    with pytest.raises(ConfigurationError, match=r"^The lake has no shard three\."):
        upkeep.drop(two.settings, "three")
    assert upkeep.drop(two.settings, "one") > 1000
    two.change()
    publish_once(both)
    with pytest.raises(ConfigurationError, match=r"^Shard one cannot publish project 1: shard two does\.") as refused:
        publish_once(one.settings)
    assert str(refused.value.hint).startswith("This home has rows of 1. Start shard one without 1 in a new TASKHOUSE_H")
    assert ask(lake, "SELECT DISTINCT shard FROM lake.shards.published") == [("two",)]
    assert differs(lake, two) == {}
