"""The agent proxy announces that it trimmed a cursor: that is recorded, wherever the reader is killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.emulator.streams import StreamSettings
from taskhouse.posthog.retry import instant
from tests.capture.test_run_events import VICTIM, environment
from tests.capture.test_stream_gaps import held


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with instant():
        yield


KEPT = 60
WORLD: dict[str, Any] = {
    "emulator_tasks": 2,
    "emulator_event_ids": False,
    "emulator_proxy": 1.0,
    "emulator_streams": StreamSettings(max_entries=KEPT, node_entries=10),
    "stream_leg": "auto",
    "stream_windows": (KEPT,),
    "capture_seconds": 1,
}


def begin(house: Any) -> str:
    """A run that has just begun, on the agent proxy."""
    run_id: str = house.emulator.mutate("new_task", run=True)["run_id"]
    house.sync("tasks")
    return run_id


def say(house: Any, run_id: str, numbers: range, *, boot: str = "", logged: bool = False) -> list[str]:
    """The agent says a number of things, numbered if it has a boot; their stream ids."""
    said = []
    for number in numbers:
        event: dict[str, Any] = {"type": "notification", "notification": {"method": "_posthog/console", "n": number}}
        text = json.dumps(event | ({"event_id": f"{boot}-{number}"} if boot else {}))
        injected = house.emulator.mutate("inject", run_id=run_id, live=text, **({"log": text} if logged else {}))
        said.append(injected["stream_ids"][0])
    return said


def gaps(house: Any, run_id: str) -> Any:
    """After, before, certain and repaired of a run's gaps."""
    return house.rows(
        "SELECT after_stream_id, before_stream_id, certain, repaired_from_log FROM ledger.gaps WHERE run_id = ?"
        " ORDER BY ALL",
        run_id,
    )


def killed(house: Any, step: str) -> None:
    """A tail that kills itself at a step of the resync leg."""
    given = environment(house) | {"TASKHOUSE_STREAM_LEG": "auto"}
    command = [sys.executable, str(VICTIM), step, "1"]
    process = subprocess.run(command, env=given, capture_output=True, timeout=120, check=False)
    assert process.returncode == -9, process.stdout


def trimmed(house: Any, **said: Any) -> tuple[str, str, list[str]]:
    """A run of which the middle was trimmed while nobody read: its id, the last event read, and what came then."""
    run_id = begin(house)
    last = say(house, run_id, range(1, 11), **said)[-1]
    house.sync("run_events")
    assert held(house, run_id) >= {last}
    return run_id, last, say(house, run_id, range(11, 161), **said)


def survivor(house: Any, run_id: str, more: list[str]) -> str:
    """The oldest event of these that was received."""
    kept = held(house, run_id)
    lost = [name for name in more if name not in kept]
    assert 60 <= len(lost) <= 90
    assert more[len(lost) :] == [name for name in more if name in kept], "the whole window was replayed"
    return more[len(lost)]


def test_an_announced_trim_is_certain_wherever_the_reader_is_killed(make_house: Any) -> None:
    """Each kill is of another process, which begins where the one before was killed."""
    house = make_house(**WORLD)
    run_id, last, more = trimmed(house)
    for step in ("frame", "log", "reopen", "reopened"):
        killed(house, step)
    house.sync("run_events")
    assert gaps(house, run_id) == [(last, survivor(house, run_id, more), True, False)]
    asked = house.emulator.requests()["by_endpoint"]
    assert asked["runs.session_logs"] >= 2, "the log was read"
    house.sync("run_events")
    assert len(gaps(house, run_id)) == 1


def test_an_announced_trim_of_numbered_events_is_repaired_where_the_log_has_them(make_house: Any) -> None:
    house = make_house(**WORLD)
    run_id, last, more = trimmed(house, boot="k9d2x", logged=True)
    house.emulator.clock(advance_s=10)
    house.sync("run_events")
    assert gaps(house, run_id) == [(last, survivor(house, run_id, more), True, True)]


@pytest.mark.worlds
def test_a_trim_after_which_nothing_came_is_certain_too(make_house: Any) -> None:
    """The reader is killed before it opens the stream anew, and the stream is gone when it comes back."""
    house = make_house(**WORLD)
    run_id, last, _ = trimmed(house)
    house.emulator.mutate("finish", run_id=run_id)
    killed(house, "reopen")
    house.emulator.clock(advance_s=2400)
    for resource in ("tasks", "runs", "run_events"):
        house.sync(resource)
    assert gaps(house, run_id) == [(last, None, True, False)]


def test_a_stream_that_was_read_to_its_end_and_begins_anew_lacks_nothing(make_house: Any) -> None:
    """The cursor of the stream before is older than anything in the new one, and the proxy calls that trimmed."""
    house = make_house(**WORLD)
    run_id = begin(house)
    say(house, run_id, range(5))
    house.emulator.mutate("finish", run_id=run_id)
    house.sync("run_events")
    house.emulator.clock(advance_s=300)
    house.emulator.mutate("reopen", run_id=run_id)
    more = say(house, run_id, range(5, 10))
    house.later = timedelta(seconds=305)
    house.sync("tasks")
    house.sync("run_events")
    assert held(house, run_id) >= {*more}
    assert gaps(house, run_id) == []


@pytest.mark.worlds
def test_a_proxy_that_announces_nothing_leaves_the_ordinary_judgement(make_house: Any) -> None:
    house = make_house(**WORLD | {"emulator_resync": False})
    run_id, last, more = trimmed(house)
    assert house.sync("run_events").verdict == "complete"
    assert gaps(house, run_id) == [(last, survivor(house, run_id, more), False, False)]
