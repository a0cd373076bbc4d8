"""A daemon that another command started on the same home is refused, and one that ended is not."""

import json
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from taskhouse.errors import Locked
from taskhouse.pipelines import daemon
from taskhouse.pipelines.daemon import SILENT_S, close_runs, refuse_another


class Another:
    """A daemon that told at some moments that it runs, and the clock."""

    def __init__(self, *beats: float) -> None:
        self.beats = beats
        self.now = 1000.0
        self.told: list[float] = []

    def get_daemon_heartbeats(self) -> dict[str, Any]:
        heard = [beat for beat in self.beats if beat <= self.now]
        return {kind: SimpleNamespace(timestamp=max(heard)) for kind in ("SENSOR", "SCHEDULER") if heard}

    def rest(self, seconds: float) -> None:
        self.now += seconds

    def looked_for(self, ended: float = 0.0) -> float:
        """How long it took to find none, if one of ours ended then."""
        before = self.now
        instance: Any = self
        refuse_another(
            instance,
            "/home/x/dagster",  # type: ignore[arg-type]
            waiting=lambda: self.told.append(self.now),
            ended=ended,
            now=lambda: self.now,
            rest=self.rest,
        )
        return self.now - before


@pytest.mark.parametrize("beats", [(), (1.0,), (1000.0 - SILENT_S - 1,)])
def test_where_none_was_heard_of_for_long_nothing_is_waited_for(beats: tuple[float, ...]) -> None:
    another = Another(*beats)
    assert (another.looked_for(), another.told) == (0.0, [])


def test_it_is_refused() -> None:
    another = Another(980.0, 1010.0, 1040.0)
    with pytest.raises(Locked, match="the Dagster daemon on /home/x/dagster") as problem:
        another.looked_for()
    assert "dagster-daemon run" in problem.value.hint
    assert another.now == 1010.0


def test_one_that_was_killed_a_moment_ago_is_waited_for_until_it_is_silent() -> None:
    another = Another(960.0, 990.0)
    assert another.looked_for() == pytest.approx(SILENT_S - 10, abs=1)
    assert another.told == [1000.0]


def test_one_of_ours_that_ended_is_not_waited_for() -> None:
    another = Another(980.0, 990.0)
    assert (another.looked_for(ended=991.0), another.told) == (0.0, [])


@pytest.mark.parametrize("ended", [980.0, 2000.0])
def test_what_was_reported_after_the_end_of_ours_or_by_another_clock_is_waited_for(ended: float) -> None:
    with pytest.raises(Locked):
        Another(980.0, 990.0, 1020.0).looked_for(ended)


def test_the_end_of_a_daemon_is_noted_once_and_only_of_one_that_began(tmp_path: Path) -> None:
    daemon.ended(tmp_path)
    assert daemon.ended_at(tmp_path) == 0
    daemon.began(tmp_path)
    assert daemon.ended_at(tmp_path) == 0  # if all of it is killed, nothing is known
    daemon.ended(tmp_path)
    noted = daemon.ended_at(tmp_path)
    assert 0 <= time.time() - noted < 60
    daemon.ended(tmp_path)
    assert daemon.ended_at(tmp_path) == noted


def test_runs_whose_server_is_gone_are_closed_and_no_others(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "alive"))
        server.listen()
        runs = {
            name: create_run_for_test(
                instance,
                status=dg.DagsterRunStatus.STARTED,
                tags={GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(tmp_path / name)})},
            )
            for name in ("alive", "gone")
        }
        runs["elsewhere"] = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
        runs["former"] = create_run_for_test(
            instance, status=dg.DagsterRunStatus.STARTED, tags={"taskhouse/command": "sync"}
        )
        close_runs(instance)
        found = {name: instance.get_run_by_id(run.run_id) for name, run in runs.items()}
    assert {name: run.status.value for name, run in found.items() if run} == {
        "alive": "STARTED",
        "gone": "FAILURE",
        "elsewhere": "STARTED",
        "former": "FAILURE",
    }
