"""Who works on the lake keeps it to itself for as long as it works, and loses it when it is stopped for too long."""

import copy
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taskhouse.errors import Locked
from taskhouse.lake import leases, upkeep
from taskhouse.lake.engine import Lake
from taskhouse.lake.service import claimed, publish_once
from taskhouse.lake.upkeep import Upkeep, looking_after
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse
from tests.lake.compared import differs
from tests.lake.homes import HOST, Home
from tests.lake.test_kills import working

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
        with pytest.raises(Locked, match=r"^The lake is being rewritten by a process on .*/one\."):
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
    home, dice = make_home("one", lake), random.Random(5)
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
