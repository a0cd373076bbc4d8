"""What is stored in ``mart`` is what the views compute, regardless of which part of it is stored."""

import itertools
import json
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.clock import REAL
from taskhouse.marts import derivation
from taskhouse.warehouse import derive, sql, views
from tests.marts.lives import BEGIN, lives
from tests.marts.made_up import Dice, made_up

RESTING = ("run_states", "run_attempts", "runs", "failures", "run_usage", "activity_hourly")
"""Views that rest on the stored ones."""


def shown(tables: Any) -> dict[str, Any]:
    """Rows and fingerprint of every view that is stored, or rests on one."""
    text = "SELECT count(*), sum(CAST(hash(shown) AS HUGEINT)) FROM (FROM main.{}) AS shown"
    tables.note_runs()
    return {name: tables.connection.execute(text.format(name)).fetchall()[0] for name in (*derivation.STORED, *RESTING)}


def stored(tables: Any) -> list[tuple[bool, int]]:
    found: list[tuple[bool, int]] = tables.connection.execute(
        "SELECT is_stored, count(*) FROM mart.runs GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return found


def compute(tables: Any, *, most: int = 10**9) -> int:
    """One batch; how many runs it had."""
    return derive.batch(tables.connection, REAL, everything=True, most=most)[0]


def forget(tables: Any) -> None:
    for name in derivation.STORED:
        tables.connection.execute(f"DELETE FROM mart.{name}")
    tables.connection.execute("DELETE FROM mart.runs")


@pytest.fixture
def clean(scratch: Any) -> Iterator[Any]:
    """Nothing is stored before, and nothing stays."""
    forget(scratch)
    yield scratch
    forget(scratch)
    for table in ("raw.task_versions", "raw.task_sightings", *(f"raw.{name}" for name in derivation.PER_RUN)):
        scratch.fill(table, [])


@pytest.mark.parametrize(
    "draw",
    [pytest.param(made_up(Dice(7)), marks=pytest.mark.worlds), lives(random.Random(7), projects=2, tasks=3, runs=6)],
)
def test_views_show_the_same_whatever_is_stored(clean: Any, draw: dict[str, Any]) -> None:
    """Nothing, a part, everything, and everything computed again: each time the same rows, each once."""
    for table, rows in draw.items():
        clean.fill(table, rows)
    computed = shown(clean)
    assert computed["run_attempts"][0]
    runs = sum(count for _, count in stored(clean))
    part = compute(clean, most=1)
    assert 0 < part < runs
    assert shown(clean) == computed
    assert part + compute(clean) == runs
    assert shown(clean) == computed
    sql.run(clean.connection, "derive/begin_again")
    for name in derivation.STORED:
        clean.connection.execute(f"DELETE FROM mart.{name}")
    assert compute(clean) == runs
    assert shown(clean) == computed
    assert compute(clean) == 0


def test_views_of_a_copy_look_only_where_the_events_of_waiting_runs_are(clean: Any) -> None:
    for table, rows in lives(random.Random(8), projects=1, tasks=2, runs=3).items():
        clean.fill(table, rows)
    clean.note_runs()
    asked = "SELECT count(*), sum(CAST(hash(shown) AS HUGEINT)) FROM (FROM main.run_signals) AS shown"
    computed = clean.connection.execute(asked).fetchall()
    compute(clean, most=1)
    try:
        views.settle(clean.connection)
        assert clean.connection.execute(asked).fetchall() == computed
        clean.connection.execute(derivation.within([]))
        assert clean.connection.execute(asked).fetchall() != computed
    finally:
        clean.connection.execute(derivation.within(None))


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 40)), max_size=60))
def test_periods_are_few_and_leave_nothing_out(drawn: list[tuple[int, int]]) -> None:
    spans = [(BEGIN + timedelta(hours=first), BEGIN + timedelta(hours=first + long)) for first, long in drawn]
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA waiting")
        text = derivation.within(spans)
        connection.execute(text)
        asked = "SELECT count(*) FROM (SELECT unnest($1) AS moment) WHERE NOT waiting.is_within(moment)"
        assert connection.execute(asked, [[None, *itertools.chain(*spans)]]).fetchall() == [(0,)]
        assert text.count("BETWEEN") <= min(derivation.MOST_SPANS, len(spans))
        if 0 < len({*spans}) <= derivation.MOST_SPANS:
            outside = max(last for _, last in spans) + timedelta(seconds=1)
            assert connection.execute(asked, [[outside]]).fetchall() == [(1,)]


def test_a_run_that_its_task_shows_to_be_over_later_has_no_stored_attempt_too_many(clean: Any) -> None:
    """The last state in its stream says that it goes on; later its task is seen again, and the run does not change."""
    run = {"project_id": 1, "task_id": "t", "run_id": "r"}
    ended = BEGIN + timedelta(hours=1)
    state = {**run, "kind": "task_run_state", "stream_seq": 0, "received_at": ended + timedelta(minutes=2)}
    completed, going_on = {"status": "completed", "completed_at": ended.isoformat()}, {"status": "queued"}
    clean.fill(
        "raw.run_events",
        [
            {**state, "stream_ms": int(ended.timestamp() * 1000) + ms, "payload": json.dumps(text)}
            for ms, text in ((100, completed), (300, going_on))
        ],
    )
    seen = ended + timedelta(minutes=1)
    version = {"status": "completed", "created_at": BEGIN, "completed_at": ended, "valid_from": seen}
    clean.fill("raw.run_versions", [{**run, **version}])
    task = {"project_id": 1, "task_id": "t"}
    of_task = [{**task, "valid_from": seen, "latest_run_id": "r", "latest_run_status": "completed"}]
    counts = "SELECT (SELECT count(*) FROM main.run_attempts), (SELECT count(*) FROM main.run_activity)"
    found = []
    for minutes, newer in ((1, None), (3, None), (4, "another")):
        if newer:
            of_task.append({**task, "valid_from": ended + timedelta(minutes=minutes), "latest_run_id": newer})
        clean.fill("raw.task_versions", of_task)
        last = ended + timedelta(minutes=minutes)
        clean.fill("raw.task_sightings", [{**task, "first_seen_at": seen, "last_seen_at": last}])
        clean.note_runs()
        compute(clean)
        found.append(clean.connection.execute(counts).fetchone())
    assert found == [(2, 2), (1, 1), (1, 1)]


@pytest.mark.worlds
def test_a_captured_history_is_stored_whole(kept: Any) -> None:
    """Ten days of an emulator, whose passes marked the runs."""
    assert stored(kept)[0][0] is False
    before = shown(kept)
    while compute(kept, most=2000):
        pass
    assert [is_stored for is_stored, _ in stored(kept)] == [True]
    assert shown(kept) == before
    assert before["messages"][0] > 10
    assert before["tool_calls"][0] > 10
    forget(kept)


def test_events_without_an_id_of_the_stream_are_never_stored_but_always_shown(clean: Any) -> None:
    """``run_timeline`` could not find them again by their id; the other runs are stored."""
    clean.load("live", [("1-0", '{"type":"a"}'), ("odd", '{"type":"b"}'), ("odd", '{"type":"b"}')], run="odd")
    clean.load("live", [("1-0", '{"type":"a"}')], run="even")
    before = shown(clean)
    assert before["run_timeline"][0] == 4
    assert compute(clean) == 2
    assert clean.rows("SELECT run_id, is_stored FROM mart.runs ORDER BY run_id") == [
        {"run_id": "even", "is_stored": True},
        {"run_id": "odd", "is_stored": False},
    ]
    assert compute(clean) == 0
    assert shown(clean) == before


def test_what_is_stored_is_forgotten_when_it_is_computed_otherwise(empty: Any, tmp_path: Path) -> None:
    empty.load("live", [("1-0", '{"type":"a"}')])
    empty.note_runs()
    assert compute(empty) == 1
    empty.connection.execute("COMMIT")
    empty.connection.execute("UPDATE ledger.views SET sha256 = 'another' WHERE name = 'mart'")
    views.prepare(empty.connection, tmp_path)
    empty.connection.execute("DROP MACRO main.day_zone")
    views.make(empty.connection)
    empty.connection.execute("BEGIN")
    assert stored(empty) == [(False, 1)]
    assert empty.rows("SELECT count(*) AS count FROM mart.run_timeline") == [{"count": 0}]
    assert empty.rows("SELECT count(*) AS count FROM main.run_timeline") == [{"count": 1}]
    assert compute(empty) == 1


def test_another_time_zone_of_the_days_forgets_nothing(empty: Any, tmp_path: Path) -> None:
    empty.load("live", [("1-0", '{"type":"a"}')])
    empty.note_runs()
    assert compute(empty) == 1
    empty.connection.execute("COMMIT")
    views.prepare(empty.connection, tmp_path, zone="Asia/Kolkata")
    empty.connection.execute("BEGIN")
    assert stored(empty) == [(True, 1)]


def test_a_run_that_goes_on_is_read_without_what_was_read_before_it(clean: Any) -> None:
    """However much is stored, DuckDB passes over it; an event without a time is not lost."""
    clean.connection.execute(
        "INSERT INTO raw.run_events BY NAME SELECT 1 AS project_id, 't' AS task_id, 0 AS incarnation,"
        " CASE WHEN n IN (0, 299_999) THEN 'live' ELSE 'over' END AS run_id, 'django' AS source,"
        " CASE WHEN n > 0 THEN $1 + to_seconds(n) END AS received_at, '' AS payload, false AS json_ok,"
        " false AS redacted, 's' AS segment FROM range(300_000) AS events (n)",
        [BEGIN],
    )
    clean.note_runs()
    for over, text, found in (
        ("over", "SELECT count(received_at), count(*) FROM waiting.run_events", (1, 2)),
        ("live", "SELECT count(received_at), count(*) FROM waiting.run_events WHERE length(payload) = 7", (0, 0)),
    ):
        clean.connection.execute("UPDATE mart.runs SET is_stored = true WHERE run_id = $1", [over])
        assert clean.connection.execute(text).fetchall() == [found]
        ((_, profile),) = clean.connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {text}").fetchall()
        read = re.findall(r'"(?:intermediate_rows|operator_cardinality)": (\d+)', profile)
        assert max(map(int, read)) < 150_000
