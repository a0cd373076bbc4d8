"""What a stream lost before it was read stands as a gap, and nothing else does: agents that number nothing."""

import json
import os
import signal
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.emulator.streams import StreamSettings
from taskhouse.posthog.retry import instant
from taskhouse.spool.folder import Spool
from tests.capture.test_run_events import tail, until

KEPT = 300
STREAMS = StreamSettings(max_entries=KEPT, node_entries=20)
WORLD: dict[str, Any] = {
    "emulator_tasks": 2,
    "emulator_event_ids": False,
    "emulator_streams": STREAMS,
    "stream_windows": (KEPT,),
    "capture_seconds": 1,
}


def begin(house: Any) -> str:
    """A run that has just begun."""
    run_id: str = house.emulator.mutate("new_task", run=True)["run_id"]
    house.sync("tasks")
    return run_id


def say(house: Any, run_id: str, count: int) -> list[str]:
    """The agent says a number of things; their stream ids."""
    text = json.dumps({"type": "notification", "notification": {"method": "_posthog/console"}})
    return [house.emulator.mutate("inject", run_id=run_id, live=text)["stream_ids"][0] for _ in range(count)]


def gaps(house: Any, run_id: str) -> Any:
    """After, before and certain of a run's gaps."""
    return house.rows(
        "SELECT after_stream_id, before_stream_id, certain FROM ledger.gaps WHERE run_id = ? ORDER BY ALL", run_id
    )


def held(house: Any, run_id: str) -> set[str]:
    """The ids of a run's events."""
    rows = house.rows("SELECT stream_id FROM raw.run_events WHERE run_id = ? AND stream_id IS NOT NULL", run_id)
    return {stream_id for (stream_id,) in rows}


def test_what_was_trimmed_while_nobody_read_is_a_possible_gap_even_if_the_reader_is_killed(make_house: Any) -> None:
    house = make_house(**WORLD)
    run_id = begin(house)
    first = say(house, run_id, 20)
    house.sync("run_events")
    assert held(house, run_id) >= {*first}
    more = say(house, run_id, 800)
    with tail(house) as process:
        spool = Spool(house.settings.spool / "1")
        until(lambda: (spool.cursors().get(run_id) or ("", ""))[1] == more[-1] or more[-1] in held(house, run_id), 90)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    house.sync("run_events")
    kept = held(house, run_id)
    lost = [name for name in more if name not in kept]
    assert 400 < len(lost) <= 500
    assert gaps(house, run_id) == [(first[-1], more[len(lost)], False)]


@pytest.mark.worlds
def test_a_steady_run_that_is_read_as_it_goes_has_no_gap_where_its_connections_meet(make_house: Any) -> None:
    """Each connection brings more than a window, and nearly nothing of it was waiting."""
    streams = StreamSettings(max_entries=150, node_entries=20)
    house = make_house(**WORLD | {"emulator_streams": streams, "stream_windows": (150,), "emulator_speed": 10})
    run_id = begin(house)
    house.emulator.faults({"kind": "eof", "endpoint": "runs.stream", "after_frames": 170, "times": 2})
    house.settings = house.settings.model_copy(update={"capture_seconds": 60.0})
    with instant():
        house.alone = False  # this thread asks the warehouse meanwhile
        reading = threading.Thread(target=house.sync, args=("run_events",))
        reading.start()
        until(lambda: house.emulator.requests()["by_endpoint"].get("runs.stream"))
        said: list[str] = []
        for _ in range(450):
            said += say(house, run_id, 1)
            time.sleep(0.015)
        house.emulator.mutate("finish", run_id=run_id)
        reading.join()
    assert held(house, run_id) >= {*said}
    began = "SELECT count(*) FROM ledger.stream_connections WHERE run_id = ? AND first_stream_id IS NOT NULL"
    assert house.rows(began, run_id) >= [(2,)]
    assert gaps(house, run_id) == []


def test_the_first_reading_of_a_long_stream_may_have_come_too_late(make_house: Any) -> None:
    house = make_house(**WORLD)
    early, late = begin(house), begin(house)
    said = say(house, late, 600)
    say(house, early, 250)
    house.sync("tasks")
    house.sync("run_events")
    first = min(held(house, late) & {*said}, key=said.index)
    assert gaps(house, late) == [(None, first, False)]
    assert gaps(house, early) == [], "it begins with the run's first state"


@pytest.mark.worlds
def test_a_stream_that_was_gone_before_its_end_was_read_is_a_possible_gap(make_house: Any) -> None:
    house = make_house(**WORLD)
    unread, whole = begin(house), begin(house)
    last = {run_id: say(house, run_id, 20)[-1] for run_id in (unread, whole)}
    house.sync("run_events")
    house.emulator.mutate("finish", run_id=whole)
    for resource in ("tasks", "runs", "run_events"):
        house.sync(resource)
    say(house, unread, 5)
    house.emulator.mutate("finish", run_id=unread)
    house.emulator.clock(advance_s=40 * 60)
    house.later = timedelta(minutes=40)
    for resource in ("tasks", "runs", "run_events"):
        house.sync(resource)
    assert gaps(house, unread) == [(last[unread], None, False)]
    assert gaps(house, whole) == []


def test_a_stream_that_began_anew_before_its_end_was_read_is_a_possible_gap(make_house: Any) -> None:
    house = make_house(**WORLD)
    run_id = begin(house)
    last = say(house, run_id, 20)[-1]
    house.sync("run_events")
    say(house, run_id, 5)
    house.emulator.mutate("finish", run_id=run_id)
    house.emulator.mutate("reopen", run_id=run_id)
    house.emulator.clock(advance_s=1)
    first = say(house, run_id, 5)
    house.later = timedelta(seconds=5)
    house.sync("tasks")
    house.sync("run_events")
    [(after, before, certain)] = gaps(house, run_id)
    assert (after, certain) == (last, False)
    assert before <= first[0]
    assert held(house, run_id) >= {*first}


def test_another_event_under_the_id_of_the_last_one_is_kept_and_is_a_possible_gap(make_house: Any) -> None:
    """A Redis that was set back gives the ids once more; what the second event under one says tells."""
    house = make_house(**WORLD)
    run_id = begin(house)
    house.sync("run_events")
    first, *more = sorted(held(house, run_id), key=lambda name: [*map(int, name.split("-"))])
    assert more == [], "the run's first state alone"
    house.emulator.mutate("restart_stream", run_id=run_id)
    assert say(house, run_id, 2)[0] == first
    for _ in range(2):
        house.sync("run_events")
        assert gaps(house, run_id) == [(first, first, False)]
    texts = "SELECT count(*), max(incarnation) FROM raw.run_events WHERE run_id = ? AND stream_id = ?"
    assert house.rows(texts, run_id, first) == [(2, 1)]


def test_a_run_is_searched_for_gaps_again_when_its_stream_is_gone(make_house: Any) -> None:
    house = make_house(**WORLD)
    run_id = begin(house)
    last = say(house, run_id, 20)[-1]
    house.sync("run_events")
    house.emulator.mutate("finish", run_id=run_id)
    house.emulator.faults({"kind": "502", "endpoint": "runs.stream", "times": 1000})
    with instant():
        for resource in ("tasks", "runs", "run_events"):
            house.sync(resource)
    assert gaps(house, run_id) == []
    house.later = timedelta(minutes=40)
    house.emulator.clock(advance_s=40 * 60)
    house.sync("run_events")
    assert gaps(house, run_id) == [(last, None, False)]


@pytest.mark.worlds
def test_a_log_that_grew_while_the_stream_shows_nothing_is_a_possible_gap(make_house: Any) -> None:
    """An attempt came and went between two looks at a run that rests, and an end that was read before tells nothing."""
    house = make_house(**WORLD | {"emulator_pace": 1e-6, "emulator_speed": 60})
    lost, still = begin(house), begin(house)
    last = {run_id: said(house, run_id, 3)[-1] for run_id in (lost, still)}
    for hours in (0, 3.2, 3.2):
        later(house, hours)
        house.sync("run_events")
    later(house, 1)
    said(house, lost, 3)
    house.emulator.mutate("restart_stream", run_id=lost)
    later(house, 2.2)
    assert house.sync("run_events").verdict == "complete"
    assert gaps(house, lost) == [(last[lost], None, False)]
    assert gaps(house, still) == []
    later(house, 1)
    [following] = said(house, lost, 1)
    later(house, 1)
    house.sync("run_events")
    assert following in held(house, lost)
    assert [after for after, _, _ in gaps(house, lost)] == [last[lost]], "it stays when something follows"


def said(house: Any, run_id: str, count: int) -> list[str]:
    """The agent says a number of things, in both layers; their stream ids."""
    text = json.dumps({"type": "notification", "notification": {"method": "_posthog/console"}})
    ids = [house.emulator.mutate("inject", run_id=run_id, live=text, log=text)["stream_ids"][0] for _ in range(count)]
    return [str(stream_id) for stream_id in ids]


def later(house: Any, hours: float) -> None:
    """Time goes by, here and there."""
    house.emulator.clock(advance_s=hours * 3600)
    house.later += timedelta(hours=hours)
