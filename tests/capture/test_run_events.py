"""Run events: both layers of every run, exactly, even if something is killed, locked or cut."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.errors import Full
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import state
from taskhouse.warehouse.load import load_spool
from tests.tied import tied

UNFINISHED = "SELECT count(*) FROM main.runs WHERE status IN ('queued', 'in_progress')"
VICTIM = Path(__file__).with_name("victim.py")


def environment(house: Any) -> dict[str, str]:
    """The environment of a process that works for the house."""
    settings, world = house.settings, house.emulator
    given: dict[str, str] = world.environment()
    return (
        os.environ
        | given
        | {
            "TASKHOUSE_HOME": str(settings.home),
            "TASKHOUSE_REQUESTS_PER_HOUR": "0",
            "TASKHOUSE_LOG_FINAL_S": "0.2",
            "TASKHOUSE_TAIL_POLL_S": "0.2",
        }
    )


@contextlib.contextmanager
def tail(house: Any) -> Iterator["subprocess.Popen[str]"]:
    """A tail in a process of its own, ended at the end."""
    house.alone = False
    process = subprocess.Popen(
        tied([sys.executable, str(VICTIM)]),
        env=environment(house),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        house.alone = True
        assert process.stdout is not None
        process.stdout.close()


def until(condition: Any, seconds: float = 30) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def finish(house: Any) -> None:
    """Let every live run end, and read what is left."""
    until(lambda: house.emulator.settled() == {"live_runs": 0, "pending_log_entries": 0}, 60)
    for resource in ("tasks", "runs", "run_events"):
        house.sync(resource)


@pytest.mark.worlds
def test_a_run_that_is_still_live_is_resumed_by_the_next_pass(make_house: Any) -> None:
    house = make_house(emulator_live_runs=4, emulator_speed=20, emulator_pace=4, capture_seconds=0.5)
    house.sync("tasks")
    report = house.sync("run_events")
    assert report.verdict == "complete", report.reason
    told = r"\d+ streams? w.* read to .* end, \d+ not yet; \d+ runs? w.* their log, \d+ logs? w.* not due"
    assert re.fullmatch(told, report.reason), report.reason
    house.settings = house.settings.model_copy(update={"capture_seconds": 60.0})
    finish(house)
    assert house.hashes() == house.truth_hashes()
    assert house.rows("SELECT count(*) FROM ledger.gaps") == [(0,)]


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_and_doubles_nothing(make_house: Any) -> None:
    house = make_house(emulator_live_runs=30, emulator_speed=20, emulator_pace=2, emulator_events=0.6)
    house.sync("tasks")
    chance = random.Random(7)
    kills = 0
    while house.emulator.settled()["live_runs"] and kills < 8:
        with tail(house) as process:
            time.sleep(chance.uniform(0.4, 1.6))
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
    assert kills >= 5
    finish(house)
    assert house.hashes() == house.truth_hashes()
    assert house.rows("SELECT count(*) FROM ledger.gaps") == [(0,)]
    doubled = house.rows(
        "SELECT count(*) FROM (SELECT 1 FROM raw.run_events GROUP BY run_id, source, stream_id, incarnation"
        " HAVING count(*) > 1)"
    )
    assert doubled == [(0,)]
    again = "SELECT sum(duplicates) FROM ledger.segments WHERE layer = 'live'"
    assert house.rows(again) == [(0,)], "a tail goes on where the last one was, though no pass has listed its runs"


def test_tail_finds_new_runs_within_seconds_and_ends_cleanly_on_sigterm(make_house: Any) -> None:
    house = make_house(emulator_speed=20, emulator_pace=2)
    house.sync("tasks")
    task_id = house.emulator.truth(runs=False)["tasks"][0]["id"]
    with tail(house) as process:
        run_id = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
        until(lambda: house.rows("SELECT count(*) FROM raw.run_events WHERE run_id = ?", run_id) > [(5,)])
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0, output
        assert "stopped; " in output
    assert list((house.settings.spool / "1" / "open").iterdir()) == []
    assert house.rows("SELECT verdict FROM ledger.passes WHERE resource = 'tail'") == [("complete",)]
    finish(house)
    assert house.hashes() == house.truth_hashes()


@pytest.mark.worlds
def test_while_tail_follows_a_pass_leaves_its_streams_alone(make_house: Any) -> None:
    house = make_house(emulator_live_runs=2, emulator_speed=5)
    house.sync("tasks")
    with tail(house):
        until(lambda: house.rows("SELECT count(*) FROM raw.run_events") > [(0,)])
        until(lambda: house.rows(f"{UNFINISHED} AND stream_state IS NULL") == [(0,)])  # runs that rest are looked at
        report = house.sync("run_events")
        assert report.verdict == "complete", report.reason
        assert "taskhouse tail" in report.reason


@pytest.mark.worlds
def test_a_reader_that_holds_the_warehouse_delays_the_load_alone(make_house: Any) -> None:
    house = make_house(emulator_live_runs=5, emulator_speed=30, emulator_pace=3)
    house.sync("tasks")
    with tail(house) as process:
        until(lambda: house.rows("SELECT count(*) FROM raw.run_events") > [(0,)])
        holder = None
        while holder is None:
            with contextlib.suppress(duckdb.IOException):
                holder = duckdb.connect(str(house.settings.warehouse), read_only=True)
        sealed = house.settings.spool / "1" / "sealed"
        until(lambda: len(list(sealed.iterdir())) >= 2)
        until(lambda: house.emulator.settled()["live_runs"] == 0, 60)
        holder.close()
        until(lambda: not list(sealed.iterdir()))
        asked = house.emulator.requests()["by_endpoint"]["runs.stream"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    [(rested,)] = house.rows(UNFINISHED)
    assert asked <= 7 + 5 + 2 * rested  # six streams, at most one more look at each that was live, and those that rest
    finish(house)
    assert house.hashes() == house.truth_hashes()


@pytest.mark.worlds
def test_a_reopened_run_is_followed_again(make_house: Any) -> None:
    house = make_house(emulator_live_runs=1, emulator_speed=60, emulator_pace=5)
    house.sync_all()
    [(run_id,)] = house.rows("SELECT key FROM ledger.cursors WHERE resource = 'run_stream' ORDER BY updated_at LIMIT 1")
    house.emulator.mutate("reopen", run_id=run_id)
    house.later = timedelta(minutes=1)
    finish(house)
    assert house.hashes()[run_id] == house.truth_hashes()[run_id]


@pytest.mark.worlds
def test_a_resumed_run_has_its_own_log_entries_alone(make_house: Any) -> None:
    house = make_house(emulator_tasks=120)
    house.sync_all()
    parents = house.rows("SELECT count(*) FROM main.runs WHERE resume_from_run_id IS NOT NULL")
    assert parents > [(3,)]
    assert house.hashes() == house.truth_hashes()


@pytest.mark.worlds
@pytest.mark.parametrize("resumes", [11, 23])
def test_a_run_after_many_resumes_has_its_own_log_entries_alone(make_house: Any, resumes: int) -> None:
    house = make_house(emulator_tasks=4, emulator_live_runs=1, emulator_speed=60, emulator_pace=5)
    task_id = house.emulator.truth()["tasks"][0]["id"]
    last = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    for _ in range(resumes):
        last = house.emulator.mutate("new_run", task_id=task_id, resume_from=last)["run_id"]
    house.sync_all()
    house.later = timedelta(minutes=1)
    finish(house)
    assert house.rows(f"SELECT count(*) FROM raw.run_log_entries WHERE run_id = '{last}'") > [(0,)]
    assert house.hashes() == house.truth_hashes()


def test_without_text_no_word_of_a_run_reaches_the_disk(make_house: Any) -> None:
    house = make_house(emulator_live_runs=2, emulator_speed=60, emulator_pace=5, capture_text="none")
    house.sync_all()
    assert house.rows(
        "SELECT count(*) FROM raw.run_events WHERE session_update = 'agent_message_chunk'"
        " AND NOT json_extract_string(payload, '$.notification.params.update.content.text') LIKE '[text %'"
    ) == [(0,)]
    assert house.rows("SELECT count(*) FROM raw.run_events WHERE redacted") > [(10,)]
    counts = {run_id: (live[0], log[0]) for run_id, (live, log) in house.hashes().items()}
    assert counts == {run_id: (live[0], log[0]) for run_id, (live, log) in house.truth_hashes().items()}


def test_capture_refuses_before_the_disk_is_full(make_house: Any) -> None:
    house = make_house(spool_free_gb=10**9)
    house.sync("tasks")
    with pytest.raises(Full, match="GB left"):
        house.sync("run_events")
    assert house.rows("SELECT verdict FROM ledger.passes WHERE resource = 'run_events'") == [("incomplete",)]


@pytest.mark.worlds
def test_streams_that_find_no_room_wait_for_those_before_them(make_house: Any) -> None:
    house = make_house(emulator_live_runs=6, emulator_speed=60, emulator_pace=5, max_streams=2)
    house.sync("tasks")
    house.sync("runs")
    assert house.sync("run_events").verdict == "complete"
    finish(house)
    assert house.hashes() == house.truth_hashes()


def test_a_stream_that_never_found_room_leaves_the_pass_incomplete(make_house: Any) -> None:
    house = make_house(emulator_live_runs=3, max_streams=1, capture_seconds=1)
    house.sync("tasks")
    report = house.sync("run_events")
    assert report.verdict == "incomplete"
    assert "raise TASKHOUSE_MAX_STREAMS" in report.reason


@pytest.mark.worlds
def test_what_was_loaded_and_not_searched_for_gaps_is_searched_by_the_next_pass(make_house: Any) -> None:
    house = make_house()
    house.sync_all()
    spool = Spool(house.settings.spool / "1")
    now_ms = int(house.now().timestamp() * 1000)
    told = [
        Entry(f"{now_ms}-{number}", None, json.dumps({"event_id": f"1-{number}"}).encode(), redacted=False)
        for number in (1, 3)
    ]
    with SpoolWriter(spool) as writer:
        writer.append("live", RunKey(1, "t", "killed"), told, leg="django")
    load_spool(house.warehouse(), spool)
    assert house.rows("SELECT count(*) FROM ledger.gaps") == [(0,)]
    house.sync("run_events")
    assert house.rows("SELECT run_id, certain FROM ledger.gaps") == [("killed", True)]
    with house.warehouse().transaction("reading") as connection:
        unsearched = state.records(
            connection, "run_events/unsearched", project_id=1, since=house.now() - timedelta(days=1), now=house.now()
        )
    assert unsearched == []
