"""A run at rest may go on at any time, and nothing but its stream may show it: so it is looked at now and then."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskhouse.capture import capture
from taskhouse.capture.capture_schedule import LOOKS, LOOKS_AN_HOUR, CapturePlan, plan_capture
from taskhouse.capture.streams import StreamProgress
from taskhouse.posthog.follow import StreamBatch
from taskhouse.posthog.opening import Opening
from taskhouse.posthog.sse import Frame
from tests.capture.test_failed_streams import row
from tests.capture.test_stream_gaps import begin, held, say
from tests.clocks import GivenClock

pytestmark = pytest.mark.usefixtures("attached")

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rested(hours: float, *, looked: float | None = None, **given: Any) -> dict[str, Any]:
    """A run in progress that has shown no sign of life for so long, last looked at so long ago."""
    stirred = NOW - hours * HOUR
    seen = {"task_seen_at": stirred, "stream_state": None if looked is None else "live", "stream_since": None}
    read = {"stream_read_at": None if looked is None else NOW - looked * HOUR}
    return row(created_at=stirred, server_changed_at=stirred, changed_at=stirred, **{**seen, **read, **given})


def planned(*rows: dict[str, Any], days: int | None = None) -> CapturePlan:
    return plan_capture(rows, NOW, parents={}, most=1000, days=days)


def chosen(*rows: dict[str, Any]) -> str:
    found = planned(*rows)
    return "follow" if found.streams else "look" if found.looks else "leave"


def test_which_runs_are_looked_at() -> None:
    assert chosen(rested(5)) == "follow"
    assert chosen(rested(7)) == "look"
    event = f"{int((NOW - 5 * HOUR).timestamp() * 1000)}-0"
    assert chosen(rested(7, looked=5, stream_position=event)) == "follow", "its last event is younger than its row"
    assert chosen(rested(7, looked=1)) == "leave"
    assert chosen(rested(7, looked=3)) == "look", "no stream comes and goes between two looks"
    assert chosen(rested(300, looked=2.9)) == "leave"
    assert chosen(rested(300, looked=3)) == "look", "however long it rests"
    assert chosen(rested(2, status="queued")) == "look"
    assert chosen(rested(7, status="completed", completed_at=NOW - 7 * HOUR)) == "leave", "it has ended"
    assert chosen(rested(7, task_seen_at=None)) == "leave", "its task is absent"
    assert chosen(rested(1, looked=0, stream_state="stream_end")) == "leave"
    assert chosen(rested(7, looked=6, stream_state="stream_end")) == "look", "another attempt may write anew"
    assert chosen(rested(30, looked=24, stream_state="lost")) == "look", "what was refused may be there again"


def test_the_log_of_a_run_whose_events_came_live_is_no_first_load() -> None:
    ended: dict[str, Any] = {
        "status": "completed",
        "completed_at": NOW - 2 * HOUR,
        "log_read_at": None,
        "log_state": None,
    }
    event = f"{int((NOW - 3 * HOUR).timestamp() * 1000)}-0"
    found = planned(
        rested(2, looked=3, run_id="followed", stream_position=event, **ended), rested(2, run_id="never seen", **ended)
    )
    assert [run.run_id for run in found.logs] == ["followed"]
    assert [run.run_id for run in found.first] == ["never seen"]


def test_a_pass_looks_at_a_bounded_number_and_knows_the_age_of_every_look() -> None:
    many = [rested(30, looked=25 + number, run_id=str(number)) for number in range(LOOKS + 5)]
    found = planned(*many)
    assert [run.run_id for run in found.looks] == [str(number) for number in reversed(range(5, LOOKS + 5))]
    assert found.rested == {one["run_id"]: one["stream_read_at"] for one in many}
    assert planned(rested(80), days=3).rested == {}, "a first load leaves it out"


def test_looks_that_come_again_take_a_share_of_the_hour() -> None:
    lately = [rested(30, looked=0.5, run_id=f"lately {number}") for number in range(LOOKS_AN_HOUR - 10)]
    due = [rested(30, looked=4 + number, run_id=f"due {number}") for number in range(20)]
    new = [rested(30 + number, run_id=f"new {number}") for number in range(2)]
    found = [run.run_id for run in planned(*lately, *due, *new).looks]
    assert found == ["new 1", "new 0", *(f"due {number}" for number in reversed(range(10, 20)))]


def later(house: Any, hours: float) -> None:
    """Time goes by, here and there."""
    house.emulator.clock(advance_s=hours * 3600)
    house.later += hours * HOUR


def proof(house: Any) -> Any:
    """What one more pass over the events rests on, which is complete."""
    report = house.sync("run_events")
    assert report.verdict == "complete", report.reason
    return report.proof


def test_a_run_that_goes_on_after_a_long_rest_is_captured_and_verdicts_say_how_old_the_looks_are(
    make_house: Any,
) -> None:
    house = make_house(emulator_tasks=2, emulator_pace=1e-6, emulator_speed=60, capture_seconds=0.5)
    run_id = begin(house)
    [first] = say(house, run_id, 1)
    proof(house)
    later(house, 7)
    [second] = say(house, run_id, 1)
    began = house.now()
    assert proof(house).at >= began
    assert {first, second} <= held(house, run_id)
    later(house, 8)
    looked = house.now()
    proof(house)
    later(house, 1)
    assert looked <= proof(house).at < house.now() - 0.9 * HOUR, "it rests on the look before"


def test_a_stream_that_was_not_read_up_to_the_present_is_a_doubt(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(emulator_tasks=2, capture_seconds=0)
    run_id = begin(house)
    said = say(house, run_id, 5)
    house.emulator.faults({"kind": "delay", "endpoint": "runs.stream", "seconds": 4, "times": 1})
    with monkeypatch.context() as patch:
        patch.setattr(capture, "CATCH_UP_S", 1.0)
        report = house.sync("run_events")
    assert report.verdict == "incomplete"
    assert "1 stream was not read up to the present" in report.reason
    house.emulator.faults()
    proof(house)  # however short the time for live streams is
    assert {*said} <= held(house, run_id)


def test_a_server_that_pauses_before_what_it_already_has_is_not_taken_for_silent_after_such_a_pause() -> None:
    moment = [NOW]
    clock = GivenClock(lambda: moment[0])
    opening = Opening(None, NOW, clock, signs=itertools.count().__next__)
    progress = StreamProgress(look=False, now=clock.now)
    progress.opened(opening)
    for number in range(5):
        moment[0] += timedelta(seconds=0.7)
        opening.heard(0.7 * number)
        old = int(NOW.timestamp() * 1000) - 60_000 + number
        progress.add(StreamBatch([Frame("", f"{old}-0", b"{}")], f"{old}-0", opening=opening))
    assert opening.quiet_since is not None
    assert progress.quiet_since(opening.quiet_since + 1.3) is None, "the next one may be 0.7 s away"
    assert progress.quiet_since(opening.quiet_since + 1.5) is not None


def test_a_state_that_stands_for_a_stream_that_is_gone_is_nothing_of_that_stream() -> None:
    """It comes without an id, so the stream does not count as read to its end."""
    progress = StreamProgress(look=False, now=lambda: NOW)
    for stream_id, begun in ((None, False), ("1795801504564-0", True), (None, True)):
        progress.add(StreamBatch([Frame("", stream_id, b"{}")], stream_id))
        assert progress.has_begun is begun


@pytest.mark.parametrize(
    ("written", "heard", "gone"),
    [(31, None, True), (31, 7, True), (31, 5, False), (5, None, True), (5, 4, True)],
)
def test_a_stream_that_nobody_read_for_as_long_as_it_lives_may_have_held_more(
    written: float, heard: float | None, *, gone: bool
) -> None:
    """Of a younger event the silence alone tells that its stream is gone: hours since it was written and heard."""
    opening = Opening(
        f"{int((NOW - written * HOUR).timestamp() * 1000)}-0", NOW, GivenClock(lambda: NOW), overlaps=True
    )
    progress = StreamProgress(look=True, now=lambda: NOW, heard_at=None if heard is None else NOW - heard * HOUR)
    progress.opened(opening)
    progress.silent()
    assert (progress.gone is opening) is gone
    opening.joined = True
    progress.silent()
    assert progress.gone is None, "it still holds the last event"
