"""What a shard publishes is in the lake exactly once, regardless of what happens meanwhile."""

from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import duckdb
import pytest

from taskhouse.lake.engine import Lake
from taskhouse.lake.publish import Shard, opened
from taskhouse.lake.service import claimed, publish_once
from tests.lake.buckets import PLACES
from tests.lake.compared import differs
from tests.lake.homes import Home


def shard_of(home: Home, lake: Lake) -> Shard:
    return Shard(lake, home.shard, home.settings.published)


@PLACES
def test_every_kind_of_change_arrives_once(lake: Lake, make_home: Callable[..., Home]) -> None:
    home, other = make_home("one", lake, project=1), make_home("two", lake, project=2, full=False)
    with opened(shard_of(home, lake)) as one, opened(shard_of(other, lake)) as two:
        assert one.tick().rows > 10_000
        for number in range(5):
            home.change(rows=300 if number % 3 else 5)
            other.change()
            one.tick()
            two.tick()
            if number == 2:
                assert differs(lake, home) == {}
                one.close()  # it forgets what it knows of the lake, and reads it again
            assert differs(lake, other) == {}
        assert differs(lake, home) == {}
    tick = publish_once(home.settings)
    assert (tick.rows, tick.gone) == (0, 0)


def test_a_mark_that_is_replayed_adds_nothing(
    sqlite: Lake, make_home: Callable[..., Home], ask: Callable[[Lake, str], list[Any]]
) -> None:
    home = make_home("one", sqlite, full=False)
    for number in range(3):
        home.change()
        before = home.settings.published / "current.duckdb"
        with opened(shard_of(home, sqlite)) as shard:
            assert shard.tick().rows
        snapshots = ask(sqlite, "SELECT count(*) FROM ducklake_snapshots('lake')")
        for _ in range(2):
            with opened(shard_of(home, sqlite)) as shard:
                assert shard.tick().rows == 0
        assert ask(sqlite, "SELECT count(*) FROM ducklake_snapshots('lake')") == snapshots, (number, before)
    assert differs(sqlite, home) == {}


def test_of_two_ticks_at_once_one_fails(postgres: Any, tmp_path: Path, make_home: Callable[..., Home]) -> None:
    """No lease is asked here: the mark alone decides."""
    lake = Lake(postgres.make(), tmp_path / "data")
    home = make_home("one", lake, full=False)
    with opened(shard_of(home, lake)) as one, opened(shard_of(home, lake)) as two:
        one.tick()
        two.tick()
        failed = 0
        for number in range(8):
            home.change()
            barrier, problems = Barrier(2), list[duckdb.Error]()

            def tick(shard: Shard, barrier: Barrier = barrier, problems: list[duckdb.Error] = problems) -> None:
                barrier.wait()
                try:
                    shard.tick()
                except duckdb.Error as problem:
                    problems.append(problem)

            threads = [Thread(target=tick, args=(shard,)) for shard in (one, two)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(problems) < 2
            failed += len(problems)
            if number % 2:
                assert differs(lake, home) == {}
    assert failed


def test_a_shard_has_one_home_and_one_process(lake: Lake, make_home: Callable[..., Home]) -> None:
    home, other = make_home("one", lake, full=False), make_home("other", lake, full=False, project=2)
    twin = home.settings.model_copy(update={"home": home.settings.home.with_name("twin")})
    thief = other.settings.model_copy(update={"shard": "one"})
    home.settings.home.with_name("twin").symlink_to(home.settings.home)
    with claimed(home.settings) as publisher:
        publisher.publish()
        with pytest.raises(Exception, match=r"^Another process publishes shard one from "):
            publish_once(home.settings)
        with pytest.raises(Exception, match=r"^Shard one belongs to another home, on "):
            publish_once(thief)
        (home.settings.home / "lake.lock").unlink()  # a copy of the home on another machine does not see the lock
        with pytest.raises(Exception, match=r"^Shard one is in use by a process on .*/one\."):
            publish_once(twin)
    assert publish_once(twin).rows == 0
