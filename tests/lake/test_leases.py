"""Who works on the lake keeps it to itself for as long as it works, and loses it when it is stopped for too long."""

import copy
import itertools
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskhouse.errors import Locked
from taskhouse.lake import leases, publish, upkeep
from taskhouse.lake.engine import Lake
from taskhouse.lake.leases import EVERYTHING
from taskhouse.lake.service import claimed, publish_once
from taskhouse.lake.upkeep import Upkeep, looking_after
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse
from tests.lake.compared import differs
from tests.lake.homes import HOST, Home
from tests.lake.parquet import copy_of_one, files_in
from tests.lake.test_kills import working
from tests.lake.test_world import environment
from tests.tied import tied

LEASE_S = 1.5


def test_a_rewrite_keeps_the_lake_longer_than_a_lease_lasts(
    lake: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = make_home("one", lake, full=False), make_home("two", lake, project=2, full=False)
    home.change()
    for each in (home, other):
        publish_once(each.settings)
    monkeypatch.setattr(upkeep, "HELD_S", LEASE_S)
    began, forget = threading.Event(), Upkeep.forget

    def slow(self: Upkeep, *, erase: bool) -> int:
        with sql.atomic(self.connection):
            self.connection.execute("SELECT count(*) FROM lake.raw.run_events")
            began.set()
            time.sleep(3 * LEASE_S)
        return forget(self, erase=erase)

    monkeypatch.setattr(Upkeep, "forget", slow)
    thread = threading.Thread(target=upkeep.rewrite, args=(home.settings,))
    thread.start()
    assert began.wait(60)
    until = time.monotonic() + 2.5 * LEASE_S
    while time.monotonic() < until:
        with pytest.raises(Locked, match=r"^The lake is being compacted or rewritten by a process on .*/one\."):
            publish_once(other.settings)
        with pytest.raises(Locked, match=r"^The lake is in use by a process on .*/one\."):
            upkeep.compact(other.settings)
    thread.join(60)
    publish_once(other.settings)
    assert (differs(lake, home), differs(lake, other)) == ({}, {})


def test_who_was_stopped_while_another_one_looked_after_the_lake_does_not_go_on(
    lake: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = make_home("one", lake, full=False), make_home("two", lake, project=2, full=False)
    publish_once(home.settings)
    monkeypatch.setattr(upkeep, "HELD_S", LEASE_S)
    monkeypatch.setattr(leases, "RENEWALS", 0.01)  # as if it was stopped
    with looking_after(home.settings) as stopped:
        stopped.alone()
        time.sleep(1.2 * LEASE_S)
        monkeypatch.setattr(upkeep, "HELD_S", 600.0)
        with looking_after(other.settings) as second:
            second.alone()
            for go_on in (stopped.alone, stopped.rewrite, lambda: stopped.forget(erase=False)):
                with pytest.raises(Locked, match=r"^The lake is in use by a process on .*/two\."):
                    go_on()


def test_whoever_writes_to_sqlite_meanwhile_does_not_stop_a_rewrite(
    sqlite: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In SQLite, a commit fails if somebody wrote since its transaction began."""
    home, other = make_home("one", sqlite, full=False), make_home("two", sqlite, project=2, full=False)
    for _ in range(2):
        for each in (home, other):
            each.change(rows=150)
            publish_once(each.settings)
    changed, times = Upkeep._changed, itertools.count(1)
    with claimed(other.settings) as publisher:

        def disturbed(self: Upkeep, address: str, **names: str) -> int:
            if next(times) == 30:
                publisher.claim()
            return changed(self, address, **names)

        monkeypatch.setattr(Upkeep, "_changed", disturbed)
        upkeep.rewrite(home.settings)
    assert next(times) > 60, "all of it was done again"
    assert (differs(sqlite, home), differs(sqlite, other)) == ({}, {})


def test_who_was_stopped_before_it_removes_files_leaves_those_that_another_one_commits(
    lake: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = make_home("one", lake, full=False), make_home("two", lake, project=2, full=False)
    for each in (home, other):
        publish_once(each.settings)
    copy_of_one(lake, "left-by-a-kill.parquet")
    other.change(rows=500)
    written, go_on, alone, times = threading.Event(), threading.Event(), Upkeep.alone, itertools.count(1)

    def stopped(self: Upkeep) -> None:
        alone(self)
        if next(times) == 2:
            self.leases.release(EVERYTHING)  # its lease ends
            thread.start()
            assert written.wait(60)

    def mark(self: Any) -> None:
        written.set()
        assert go_on.wait(60)
        real_mark(self)

    real_mark = publish._Work.mark
    thread = threading.Thread(target=publish_once, args=(other.settings,))
    with monkeypatch.context() as patch:
        patch.setattr(publish._Work, "mark", mark)
        patch.setattr(Upkeep, "alone", stopped)
        upkeep.rewrite(home.settings)
        go_on.set()
        thread.join(60)
    assert not any(path.name == "left-by-a-kill.parquet" for path in files_in(lake))
    for each in (home, other):
        publish_once(each.settings)
        assert differs(lake, each) == {}


def test_a_killed_process_that_had_the_lake_alone_stops_nobody_once_its_home_publishes(
    sqlite: Lake, make_home: Callable[..., Home]
) -> None:
    home, other = make_home("one", sqlite, full=False), make_home("two", sqlite, project=2, full=False)
    for each in (home, other):
        publish_once(each.settings)
        each.change()
    with working(home, "alone"):
        for each in (home, other):
            with pytest.raises(Locked, match=r"^The lake is being compacted or rewritten by a process on .*/one\."):
                publish_once(each.settings)
    with pytest.raises(Locked, match=r"when that process ends, or within \d+ s if it died\. .* waits by itself\.$"):
        publish_once(other.settings)
    assert publish_once(home.settings).rows
    assert publish_once(other.settings).rows
    upkeep.compact(other.settings)
    assert (differs(sqlite, home), differs(sqlite, other)) == ({}, {})


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_publisher_waits_for_its_shard_and_says_so_once(
    sqlite: Lake, make_home: Callable[..., Home], tmp_path: Path, *, is_moved: bool
) -> None:
    home = make_home("one", sqlite, full=False)
    command = [sys.executable, "-m", "taskhouse.pipelines.cli", "lake", "publish", "--every", "1"]
    with working(home, "publish", "4") as holder:
        later = moved(home, tmp_path / "moved") if is_moved else home
        with subprocess.Popen(tied(command), env=environment(later.settings), stderr=-1, text=True) as process:
            assert process.stderr is not None
            said = [next(line for line in process.stderr if line.startswith(("Waiting", "Error")))]
            time.sleep(3)
            holder.kill()
            later.change()
            said += itertools.takewhile(lambda line: not line.startswith("commit "), process.stderr)
            process.terminate()
            assert process.wait(20) == 0
    who = "Shard one is in use by a process on .*/one. It is free when that process ends, or within [1-4] s if it died."
    if not is_moved:
        who = "Another process publishes shard one from .*/one, .* stop that process first."
    assert len(said) == 1
    assert re.fullmatch(rf"Waiting\. {who}\n", said[0])
    assert differs(sqlite, later) == {}


def moved(home: Home, folder: Path) -> Home:
    """The same home on another machine, or rather in another folder."""
    shutil.copytree(home.settings.home, folder, symlinks=True)
    other = copy.copy(home)
    other.settings = home.settings.model_copy(update={"home": folder})
    other.warehouse = Warehouse(other.settings.warehouse, host=HOST, copies=other.settings.published)
    return other


def test_a_publisher_that_was_stopped_beyond_its_lease_publishes_nothing(
    lake: Lake, make_home: Callable[..., Home], tmp_path: Path
) -> None:
    home, dice = make_home("one", lake, full=False), random.Random(5)
    publish_once(home.settings)
    for number in range(3):
        with working(home, "publish", str(LEASE_S)) as process:
            home.change(rows=500)  # so it is probably publishing when it is stopped
            time.sleep(dice.random() * 0.4)
            process.send_signal(signal.SIGSTOP)
            time.sleep(1.2 * LEASE_S)
            home = moved(home, tmp_path / f"moved {number}")
            with claimed(home.settings) as successor:
                home.change()
                successor.publish()
                process.send_signal(signal.SIGCONT)
                assert process.wait(60) == 1
        assert differs(lake, home) == {}
