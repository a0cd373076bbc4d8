"""A refusal is a state with a time: asked again while the server may have the data, a gap after that, never silence."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.errors import AccessDenied
from taskhouse.passes import refusal_policy, refusals
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.load import load_spool
from tests.warehouse.gap_kinds import agree

pytestmark = pytest.mark.usefixtures("attached")

START = datetime(2026, 9, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def move(house: Any, **later: float) -> None:
    """Let time pass for both sides."""
    house.later += timedelta(**later)
    house.emulator.clock(advance_s=timedelta(**later).total_seconds())


def capture(house: Any) -> Any:
    report = house.sync("run_events")
    assert house.rows("SELECT reason FROM ledger.passes WHERE pass_id = ?", report.pass_id) == [(report.reason,)]
    return report


def finished(house: Any) -> tuple[str, str]:
    """A run that ends now, with its task: its stream can be read for half an hour, its log for 30 days."""
    task_id = house.emulator.truth(runs=False)["tasks"][0]["id"]
    run_id = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    house.emulator.clock(advance_s=1)
    move(house, seconds=60)
    house.emulator.mutate("finish", run_id=run_id)
    move(house, seconds=30)
    for resource in ("tasks", "runs"):
        house.sync(resource)
    return task_id, run_id


def held(house: Any, run_id: str) -> Any:
    return house.hashes()[run_id]


def true(house: Any, run_id: str) -> Any:
    return house.truth_hashes()[run_id]


def gaps(house: Any, run_id: str) -> list[tuple[Any, ...]]:
    assert all(agree(*row) for row in house.rows("SELECT kind, how FROM ledger.gaps"))
    found: list[tuple[Any, ...]] = house.rows(
        "SELECT how, certain, repaired_from_log FROM ledger.gaps WHERE run_id = ? ORDER BY ALL", run_id
    )
    return found


@pytest.fixture
def house(make_house: Any) -> Any:
    return make_house(emulator_tasks=10, emulator_events=0.2, log_final_s=0)


def test_a_refused_run_is_told_of_once_as_fresh_as_out_of_view_or_as_lasting() -> None:
    def row(key: str, *, hours: int, gone: bool = False) -> refusals.Row:
        return {"key": key, "gone": gone, "since": START, "asked_at": START + hours * HOUR}

    def summed_up(*rows: refusals.Row) -> tuple[str, str]:
        return refusals.named(rows, "refused", "run"), refusals.doubted(rows, "refused", "run")

    fresh, lasting, gone = row("a", hours=1), row("b", hours=24), row("c", hours=1, gone=True)
    since = "2026-09-01 00:00 UTC"
    doubt = f"1 run was refused (403) less than a day ago, at {since}; taskhouse asks again"
    assert summed_up(fresh, row("a", hours=24)) == ("", doubt), "its log was confirmed, and its stream was not"
    assert summed_up(fresh, lasting) == ("1 run is refused (403)", doubt)
    assert summed_up(gone) == ("1 run is refused (403), with its task", "")
    assert summed_up(lasting, gone) == ("2 runs are refused (403), 1 of them with its task", "")
    assert summed_up(fresh, row("d", hours=2))[1] == (
        f"2 runs were refused (403) less than a day ago, the first at {since}; taskhouse asks again"
    )


def test_a_task_that_was_hidden_during_one_pass_loses_nothing(house: Any) -> None:
    task_id, run_id = finished(house)
    house.emulator.mutate("hide", task_id=task_id)
    hidden = capture(house)
    assert hidden.verdict == "incomplete"
    summed_up = r"\d+ runs were not found \(404\) less than a day ago, the first at [-0-9: ]+ UTC; taskhouse asks again"
    assert re.fullmatch(summed_up, hidden.reason), hidden.reason
    house.emulator.mutate("show", task_id=task_id)
    move(house, minutes=2)
    assert capture(house).verdict == "complete"
    assert held(house, run_id) == true(house, run_id)
    assert held(house, run_id)[0][0] > 5
    assert gaps(house, run_id) == []


def test_a_task_that_comes_back_is_asked_for_at_once(house: Any) -> None:
    task_id, run_id = finished(house)
    house.emulator.mutate("hide", task_id=task_id)
    house.sync("tasks")
    report = capture(house)
    assert report.verdict == "complete"
    assert re.search(r"; \d+ runs are not found \(404\), with their task$", report.reason), report.reason
    house.emulator.mutate("show", task_id=task_id)
    house.sync("tasks")
    capture(house)
    assert held(house, run_id) == true(house, run_id)


def test_a_run_whose_task_was_seen_since_it_was_refused_is_asked_for_at_once(house: Any) -> None:
    task_id, run_id = finished(house)
    for hours in (0, 30):
        house.emulator.mutate("hide", task_id=task_id)
        move(house, hours=hours)
        refused = capture(house)
        house.emulator.mutate("show", task_id=task_id)
    assert "runs are not found (404)" in refused.reason
    assert refused.verdict == "complete", "a day later it is met again"
    move(house, minutes=5)
    house.sync("tasks")
    assert capture(house).verdict == "complete"
    assert held(house, run_id)[1] == true(house, run_id)[1]


@pytest.mark.worlds
def test_a_stream_that_stays_out_of_reach_is_a_gap_and_its_log_is_still_read(house: Any) -> None:
    task_id, run_id = finished(house)
    house.emulator.mutate("hide", task_id=task_id)
    capture(house)
    house.emulator.mutate("show", task_id=task_id)
    move(house, minutes=40)
    capture(house)
    said = "the stream was not found (404) for as long as the server may have had it"
    assert gaps(house, run_id) == [(said, False, True)]
    assert held(house, run_id)[1] == true(house, run_id)[1]
    detected = house.rows("SELECT detected_at FROM ledger.gaps WHERE run_id = ?", run_id)
    move(house, minutes=5)
    house.emulator.mutate("reopen", run_id=run_id)
    house.sync("tasks")
    house.sync("runs")
    house.emulator.mutate("finish", run_id=run_id)
    capture(house)
    assert gaps(house, run_id) == [(said, False, True)], "a later stream brings nothing back of the lost one"
    assert house.rows("SELECT detected_at FROM ledger.gaps WHERE run_id = ?", run_id) == detected


@pytest.mark.worlds
def test_a_log_that_stays_out_of_reach_is_a_gap_and_asked_for_in_growing_pauses(house: Any) -> None:
    task_id, run_id = finished(house)
    house.emulator.mutate("hide", task_id=task_id)
    house.sync("tasks")
    looks = []
    for hours in (0, 0.05, 0.1, 0.05, 24, 31 * 24):
        move(house, hours=hours)
        capture(house)
        looks += house.rows(
            "SELECT state, updated_at - state_since FROM ledger.cursors WHERE resource = 'run_log' AND key = ?", run_id
        )
    assert [state for state, _ in looks] == ["not_found"] * 5 + ["lost"]
    ages = [age.total_seconds() / 60 for _, age in looks[:5]]
    assert ages == pytest.approx([0, 3, 9, 9, 24 * 60 + 12], abs=1), "at the fourth pass it is not asked for"
    house.emulator.mutate("show", task_id=task_id)
    house.sync("tasks")
    capture(house)
    said = "the {} was not found (404) for as long as the server may have had it"
    assert [how for how, *_ in gaps(house, run_id)] == [f"{said.format('stream')}; {said.format('log')}"]


def test_a_protected_run_concerns_itself_alone(make_house: Any) -> None:
    house = make_house(emulator_tasks=10, emulator_events=0.2, emulator_speed=60, log_final_s=0)
    _, run_id = finished(house)
    others = house.emulator.mutate("new_run", task_id=house.emulator.truth(runs=False)["tasks"][1]["id"])["run_id"]
    house.emulator.mutate("finish", run_id=others)
    house.sync("tasks")
    house.emulator.mutate("protected", run_id=run_id)
    report = capture(house)
    assert report.verdict == "incomplete"
    assert "1 run was refused (403) less than a day ago" in report.reason
    whole = house.hashes()
    assert {run: whole[run] for run in whole if run != run_id} == {
        run: one for run, one in house.truth_hashes().items() if run in whole and run != run_id
    }
    move(house, days=1, minutes=1)
    agreed = capture(house)
    assert agreed.verdict == "complete", agreed.reason
    assert "1 run is refused (403)" in agreed.reason
    house.emulator.mutate("protected", run_id=run_id, protected=False)
    move(house, days=1, minutes=1)
    assert "refused" not in capture(house).reason
    assert held(house, run_id)[1] == true(house, run_id)[1]


def test_a_key_that_is_refused_ends_the_pass(house: Any) -> None:
    finished(house)
    house.emulator.faults({"kind": "status", "status": 403, "endpoint": "*"})
    with pytest.raises(AccessDenied):
        capture(house)


@given(
    ages=st.lists(st.floats(0, 40 * 24 * 60), min_size=1, max_size=60).map(sorted),
    window=st.floats(1, 30 * 24 * 60),
)
def test_a_refusal_is_asked_about_seldom_and_once_more_a_day_later(ages: list[float], window: float) -> None:
    """Whenever passes come: never after the end, never within a minute, and each look a day later if there is one."""
    until = START + timedelta(minutes=window)
    asked = [START]
    for moment in (START + timedelta(minutes=age) for age in ages):
        if refusal_policy.due(since=START, asked_at=asked[-1], now=moment, until=until):
            asked.append(moment)
    assert all(moment < until for moment in asked[1:])
    assert all(
        late - early >= timedelta(minutes=1)
        for early, late in pairwise(asked)
        if late < START + refusal_policy.CONFIRMED
    )
    days = window / 24 / 60
    assert len(asked) <= 25 + days
    later = [
        START + timedelta(minutes=age)
        for age in ages
        if refusal_policy.CONFIRMED <= timedelta(minutes=age) < until - START
    ]
    assert not later or refusal_policy.confirmed(since=START, asked_at=asked[-1])


def several(house: Any) -> tuple[str, str, str]:
    """A task with an older run that goes on and a newer one that has ended, with output."""
    task_id, older = started(house)
    latest = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    move(house, seconds=60)
    house.emulator.mutate("finish", run_id=latest)
    for resource in ("tasks", "runs"):
        assert house.sync(resource).verdict == "complete"
    return task_id, older, latest


def started(house: Any) -> tuple[str, str]:
    made = house.emulator.mutate("new_task", run=True)
    move(house, seconds=1)
    return made["task_id"], made["run_id"]


def state_of(house: Any, run_id: str) -> Any:
    return house.rows("SELECT status FROM main.runs WHERE run_id = ?", run_id)


def test_where_a_list_of_runs_is_refused_the_known_runs_are_read_by_id(house: Any) -> None:
    _, older, latest = several(house)
    house.emulator.mutate("protected", run_id=latest)
    house.emulator.mutate("finish", run_id=older, status="failed")
    move(house, minutes=20)
    house.sync("tasks")
    report = house.sync("runs")
    assert report.verdict == "incomplete"
    assert "1 list of runs was refused (403) less than a day ago" in report.reason
    assert state_of(house, older) == [("failed",)]
    move(house, days=1, minutes=1)
    agreed = house.sync("runs")
    assert agreed.verdict == "complete", agreed.reason
    assert "1 list of runs is refused (403)" in agreed.reason
    house.emulator.requests(reset=True)
    assert "1 list of runs is refused (403)" in house.sync("runs").reason
    assert "runs.list" not in house.emulator.requests()["by_endpoint"], "it is not asked for at every pass"
    house.emulator.mutate("protected", run_id=latest, protected=False)
    move(house, days=1, minutes=1)
    assert "refused" not in house.sync("runs").reason


@pytest.mark.worlds
def test_a_list_of_runs_that_is_not_found_is_a_state_with_a_time(house: Any) -> None:
    task_id, _, _ = several(house)
    house.emulator.mutate("new_run", task_id=task_id)
    house.sync("tasks")
    house.emulator.mutate("hide", task_id=task_id)
    report = house.sync("runs")
    assert "1 list of runs was not found (404) less than a day ago" in report.reason
    house.sync("tasks")
    assert house.sync("runs").verdict == "complete"
    house.emulator.mutate("show", task_id=task_id)
    house.sync("tasks")
    assert house.sync("runs").verdict == "complete"
    truth = {run["id"] for run in house.emulator.truth()["runs"] if run["task_id"] == task_id}
    assert {row[0] for row in house.rows("SELECT run_id FROM main.runs WHERE task_id = ?", task_id)} == truth


def test_what_the_server_hides_of_a_protected_run_makes_no_version_that_says_empty(house: Any) -> None:
    house.sync("tasks")
    task_id, latest = house.rows(
        "SELECT task_id, run_id FROM main.runs INNER JOIN main.tasks USING (task_id) WHERE run_id = latest_run_id"
        " AND json_type(runs.payload, '$.output') = 'OBJECT' AND status = 'completed' ORDER BY run_id LIMIT 1"
    )[0]
    shown = (
        "SELECT status, json_extract(payload, '$.output'), json_array_length(payload, '$.artifacts'), error_message"
        " FROM main.run_history WHERE run_id = ? ORDER BY valid_from"
    )
    before = house.rows(shown, latest)
    house.emulator.mutate("protected", run_id=latest)
    house.emulator.mutate("rename", task_id=task_id, title="Another one")
    house.sync("tasks")
    assert house.rows("SELECT title FROM main.tasks WHERE task_id = ?", task_id) == [("Another one",)]
    assert house.rows(shown, latest) == before
    house.emulator.mutate("reopen", run_id=latest)
    house.sync("tasks")
    assert house.rows(shown, latest)[-1][:3] == ("queued", *before[-1][1:3])


@pytest.mark.worlds
def test_a_refused_run_that_only_the_tail_has_seen_is_a_doubt_for_a_day(house: Any) -> None:
    for resource in ("tasks", "runs", "run_events"):
        house.sync(resource)
    spool = Spool(house.settings.spool / "1")
    with SpoolWriter(spool) as writer:
        writer.mark("live", RunKey(1, "t", "ghost"), resource="run_stream", position=None, state="not_found")
    report = capture(house)
    assert report.verdict == "incomplete"
    assert "1 run was not found (404) less than a day ago" in report.reason
    move(house, days=1, minutes=1)
    later = capture(house)
    assert later.verdict == "complete", later.reason
    assert "1 run is not found (404)" in later.reason


def test_the_time_of_a_state_is_kept_while_it_holds(house: Any) -> None:
    """The same state keeps its time, and another one begins anew, within a batch as well."""
    assert house.rows("SELECT count(*) FROM ledger.cursors") == [(0,)]
    spool = Spool(house.settings.spool / "1")
    run_key = RunKey(1, "t", "r")
    moments = [datetime(2040, 1, day, tzinfo=UTC) for day in range(1, 7)]
    states = ("not_found", "not_found", "refused", "live", "live", "not_found")
    seen = []
    for state, moment in zip(states, moments, strict=True):
        with SpoolWriter(spool) as writer:
            writer.mark("live", run_key, resource="run_stream", position=None, state=state, as_of=moment)
        load_spool(house.warehouse(), spool)
        seen += house.rows("SELECT state, state_since FROM ledger.cursors WHERE resource = 'run_stream'")
    began = [moments[0], moments[0], moments[2], moments[3], moments[3], moments[5]]
    assert seen == list(zip(states, began, strict=True))
    with SpoolWriter(spool) as writer:
        for state, moment in zip(states[:3], moments[:3], strict=True):
            writer.mark("live", RunKey(1, "t", "s"), resource="run_stream", position=None, state=state, as_of=moment)
    load_spool(house.warehouse(), spool)
    one = house.rows("SELECT state, state_since, updated_at FROM ledger.cursors WHERE key = 's'")
    assert one == [("refused", moments[2], moments[2])]


@pytest.mark.worlds
def test_the_log_of_a_run_that_goes_on_is_asked_for_again_too(make_house: Any) -> None:
    house = make_house(emulator_tasks=10, emulator_events=0.2, capture_seconds=0.5, log_final_s=0)
    _, run_id = finished(house)
    house.emulator.faults({"kind": "status", "status": 404, "endpoint": "runs.session_logs", "path": run_id})
    assert "1 run was not found (404)" in capture(house).reason
    house.emulator.faults()
    house.emulator.mutate("reopen", run_id=run_id)
    move(house, minutes=5)
    for resource in ("tasks", "runs"):
        house.sync(resource)
    assert "not found" not in capture(house).reason
