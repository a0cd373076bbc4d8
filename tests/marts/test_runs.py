"""The views of runs, pull requests, activity and health against pandas."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

ENDED = {"completed", "failed", "cancelled"}
DIMENSIONS = ["day", "repository", "model", "runtime_adapter", "origin_product", "environment"]


def current(tables: Any) -> pd.DataFrame:
    """The newest version of every run, with the newest of its task."""
    runs: pd.DataFrame = (
        tables.frame("SELECT * FROM raw.run_versions").sort_values("valid_from").groupby("run_id").tail(1)
    )
    tasks = tables.frame("SELECT * FROM raw.task_versions").sort_values("valid_from").groupby("task_id").tail(1)
    return runs.merge(tasks[["task_id", "repository", "origin_product"]], on="task_id", how="left")


def test_a_run_is_its_newest_version(kept: Any) -> None:
    frame = current(kept).sort_values("run_id").reset_index(drop=True)
    got = kept.frame("SELECT * FROM main.runs ORDER BY run_id")
    names = ["run_id", "task_id", "status", "model", "branch", "pr_url", "completed_at", "repository", "origin_product"]
    pd.testing.assert_frame_equal(got[names], frame[names])
    seconds = (frame["completed_at"] - frame["created_at"]).dt.total_seconds().where(got["attempts"] == 1)
    pd.testing.assert_series_equal(got["duration_s"], seconds, check_names=False, atol=0.002, rtol=0)


def test_counts_of_both_layers_are_those_of_the_raw_rows(kept: Any) -> None:
    for column, table in (("live_events", "raw.run_events"), ("log_entries", "raw.run_log_entries")):
        expected = Counter(row["run_id"] for row in kept.rows(f"SELECT run_id FROM {table}"))
        got = {row["run_id"]: row[column] for row in kept.rows("SELECT * FROM main.runs") if row[column]}
        assert got == expected


def test_a_run_waits_until_its_agent_says_that_it_runs(kept: Any) -> None:
    started: dict[str, datetime] = {}
    for row in kept.rows(
        "SELECT run_id, occurred_at, payload FROM raw.run_events"
        " UNION ALL SELECT run_id, occurred_at, payload FROM raw.run_log_entries"
    ):
        event = json.loads(row["payload"])
        method = event.get("notification", {}).get("method", "")
        if method.endswith("_posthog/run_started") or event["type"] == "pi_run_started":
            started[row["run_id"]] = min(started.get(row["run_id"], row["occurred_at"]), row["occurred_at"])
    rows = kept.rows("SELECT * FROM main.runs")
    assert {row["run_id"]: row["started_at"] for row in rows if row["started_at"]} == started
    for row in rows:
        if row["started_at"] and row["attempts"] == 1:
            waited = max((row["started_at"] - row["created_at"]) / timedelta(seconds=1), 0)
            assert abs(row["queue_s"] - waited) < 0.002


def test_captured_runs_are_complete_and_old_ones_are_not(kept: Any) -> None:
    rows = kept.rows("SELECT * FROM main.runs")
    states = Counter(row["capture_state"] for row in rows)
    assert states["complete"] >= 4
    assert states["log_only"] >= 5
    for row in rows:
        if row["capture_state"] == "complete":
            assert (row["stream_state"], row["log_state"], row["gaps"]) == ("stream_end", "settled", 0)
        if row["capture_state"] == "expired" and row["log_state"] == "settled":
            assert row["live_events"] + row["log_entries"] <= 1


NOW = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "stream", "log", "events", "entries", "gap", "expected"),
    [
        ("completed", None, None, 0, 0, None, None),
        ("in_progress", "live", None, 5, 0, None, "live"),
        ("queued", None, "drained", 0, 0, None, "live"),
        ("completed", "stream_end", "drained", 5, 5, None, "live"),
        ("completed", "stream_end", "settled", 5, 5, None, "complete"),
        ("completed", "stream_end", "settled", 5, 5, False, "complete_with_gaps"),
        ("completed", "stream_end", "settled", 5, 5, True, "complete"),
        ("completed", "error_budget", "settled", 5, 5, None, "complete_with_gaps"),
        ("completed", "live", "settled", 5, 5, None, "complete_with_gaps"),
        ("completed", "terminal_without_stream", "settled", 0, 5, None, "log_only"),
        ("failed", None, "settled", 0, 5, None, "log_only"),
        ("failed", None, "settled", 0, 0, None, "expired"),
        ("failed", "stream_end", "expired", 5, 2, None, "expired"),
        ("failed", None, "not_found", 0, 0, None, "refused"),
        ("failed", None, "lost", 0, 0, None, "expired"),
    ],
)
def test_the_state_of_the_capture(
    scratch: Any,
    status: str,
    stream: str | None,
    log: str | None,
    events: int,
    entries: int,
    gap: bool | None,  # noqa: FBT001 - repaired or not
    expected: str | None,
) -> None:
    run_key = {"project_id": 1, "task_id": "t", "run_id": "r"}
    scratch.fill("raw.run_versions", [{**run_key, "status": status, "valid_from": NOW}])
    scratch.fill("raw.run_events", [{**run_key, "stream_ms": n, "stream_seq": 0} for n in range(events)])
    scratch.fill("raw.run_log_entries", [{**run_key, "position": n} for n in range(entries)])
    scratch.fill(
        "ledger.cursors",
        [
            {"project_id": 1, "resource": resource, "key": "r", "state": state}
            for resource, state in (("run_stream", stream), ("run_log", log))
            if state
        ],
    )
    hole = {"project_id": 1, "run_id": "r", "certain": True, "repaired_from_log": gap}
    scratch.fill("ledger.gaps", [] if gap is None else [hole])
    assert scratch.rows("SELECT capture_state FROM main.runs") == [{"capture_state": expected}]


def test_pull_requests_are_those_that_runs_name(kept: Any) -> None:
    named: dict[str, set[str]] = {}
    for row in kept.rows("SELECT run_id, payload FROM raw.run_versions WHERE observed_in <> 'task'"):
        output = json.loads(row["payload"]).get("output") or {}
        for url in [output.get("pr_url"), *output.get("pr_urls", [])]:
            if url:
                named.setdefault(url, set()).add(row["run_id"])
    rows = kept.rows("SELECT * FROM main.pull_requests")
    assert {row["pr_url"]: row["runs"] for row in rows} == {url: len(runs) for url, runs in named.items()}
    assert len(rows) == len(named) > 20
    for row in rows:
        assert row["pr_url"] == f"https://github.com/{row['repository']}/pull/{row['number']}"
        assert row["run_id"] in named[row["pr_url"]]


@pytest.mark.parametrize(
    ("run", "hours", "last", "reason"),
    [
        ({"status": "in_progress", "environment": "cloud"}, 0.5, None, None),
        ({"status": "completed", "environment": "cloud"}, 100, None, None),
        ({"status": "queued", "environment": "local"}, 5, None, "local"),
        ({"status": "queued", "environment": "cloud"}, 5, None, "not_picked_up"),
        ({"status": "not_started", "environment": "cloud"}, 5, None, "not_picked_up"),
        (
            {"status": "not_started", "environment": "cloud", "scheduled_at": NOW + timedelta(days=9)},
            500,
            None,
            None,
        ),
        ({"status": "in_progress", "environment": "cloud"}, 5, None, "silent"),
        ({"status": "in_progress", "environment": "cloud"}, 50, None, "orphaned"),
        ({"status": "in_progress", "environment": "cloud"}, 5, "_posthog/turn_complete", "waiting_for_user"),
        ({"status": "in_progress", "environment": "cloud"}, 50, "_posthog/turn_complete", "orphaned"),
    ],
)
def test_what_a_run_may_wait_for(scratch: Any, run: Any, hours: float, last: str | None, reason: str | None) -> None:
    moved = NOW - timedelta(hours=hours)
    run_key = {"project_id": 1, "task_id": "t", "run_id": "r"}
    created = moved - timedelta(minutes=10)
    scratch.fill("raw.task_versions", [{"project_id": 1, "task_id": "t"}])
    scratch.fill("raw.task_sightings", [{"project_id": 1, "task_id": "t"}])
    scratch.fill("raw.run_versions", [{**run_key, **run, "created_at": created, "updated_at": moved}])
    scratch.fill(
        "raw.run_events",
        [{**run_key, "method": method, "occurred_at": at} for method, at in (("x", created), (last, moved)) if method],
    )
    scratch.fill("raw.run_log_entries", [])
    scratch.fill("ledger.passes", [{"project_id": 1, "resource": "runs", "started_at": NOW}])
    rows = scratch.rows("SELECT stuck_reason, stuck_since, stuck_s FROM main.runs_stuck")
    assert rows == ([{"stuck_reason": reason, "stuck_since": moved, "stuck_s": hours * 3600}] if reason else [])


def test_how_long_a_run_had_stood_still_stays_so_when_it_moves_later(scratch: Any) -> None:
    run_key = {"project_id": 1, "task_id": "t", "run_id": "r"}
    created, last, moment = NOW - timedelta(hours=40), NOW - timedelta(hours=30), NOW - timedelta(hours=2)
    scratch.fill("raw.task_versions", [{"project_id": 1, "task_id": "t", "valid_from": created}])
    scratch.fill("raw.task_sightings", [{"project_id": 1, "task_id": "t", "first_seen_at": created}])
    version = {**run_key, "status": "in_progress", "created_at": created, "valid_from": created}
    scratch.fill("raw.run_versions", [version])
    scratch.fill("raw.run_log_entries", [])
    scratch.fill("ledger.passes", [{"project_id": 1, "resource": "runs", "started_at": at} for at in (moment, NOW)])
    events = [{**run_key, "method": "x", "occurred_at": last}]
    question = "SELECT stuck_reason, stuck_since FROM main.runs_stuck_as_of(?)"
    wanted = [{"stuck_reason": "orphaned", "stuck_since": last}]
    for later in ([], [{**run_key, "method": "y", "occurred_at": NOW}]):
        scratch.fill("raw.run_events", events + later)
        assert scratch.rows(question, moment) == wanted
        assert scratch.rows(question, NOW) == ([] if later else wanted)


def test_what_stands_still_is_found_without_reading_events_that_are_stored(scratch: Any) -> None:
    scratch.fill("ledger.passes", [{"project_id": 1, "resource": "runs", "started_at": NOW}])
    scratch.connection.execute(
        "INSERT INTO raw.run_events BY NAME SELECT 1 AS project_id, 't' AS task_id, 'r' AS run_id, 0 AS incarnation,"
        " 'django' AS source, $1 - to_days(9) + to_seconds(n) AS occurred_at, $1 AS received_at, '' AS payload,"
        " false AS json_ok, false AS redacted, 's' AS segment FROM range(300_000) AS events (n)",
        [NOW],
    )
    scratch.note_runs()
    scratch.connection.execute("UPDATE mart.runs SET is_stored = true")
    plan = scratch.rows("EXPLAIN ANALYZE SELECT * FROM main.runs_stuck")[0]["explain_value"]
    scratch.fill("raw.run_events", [])
    scratch.connection.execute("DELETE FROM mart.runs")
    assert "run_hours" in plan
    assert "300,000" not in plan.replace("300000", "300,000")


def test_the_hours_equal_pandas(kept: Any) -> None:
    series = {
        "live_events": kept.frame("SELECT occurred_at AS at FROM raw.run_events"),
        "log_entries": kept.frame("SELECT occurred_at AS at FROM raw.run_log_entries"),
        "runs_created": kept.frame("SELECT created_at AS at FROM main.runs"),
        "tasks_created": kept.frame("SELECT created_at AS at FROM main.tasks"),
        "runs_ended": kept.frame("SELECT ended_at AS at FROM main.run_attempts WHERE ended_at IS NOT NULL"),
    }
    rows = kept.rows("SELECT * FROM main.activity_hourly")
    for name, frame in series.items():
        hours = frame["at"].dropna().dt.floor("h").value_counts()
        assert {row["hour"]: row[name] for row in rows if row[name]} == hours.to_dict()


def test_health_equals_pandas_and_shows_the_days_without_a_pass(kept: Any) -> None:
    passes = kept.frame("SELECT * FROM ledger.passes")
    passes["day"] = passes["started_at"].dt.tz_convert("UTC").dt.date
    rows = {(row["resource"], row["day"]): row for row in kept.rows("SELECT * FROM main.data_health")}
    counts = passes.groupby(["resource", "day", "verdict"]).size()
    for (resource, day), row in rows.items():
        expected = {verdict: int(counts.get((resource, day, verdict), 0)) for verdict in ("complete", "incomplete")}
        assert {name: row[name] for name in expected} == expected
        assert row["is_covered"] == (expected["complete"] > 0)
    assert set(passes.groupby(["resource", "day"]).groups) <= set(rows)
    days = sorted(day for resource, day in rows if resource == "readiness")
    assert len(days) == (days[-1] - days[0]).days + 1 == 10
    assert [rows["readiness", day]["passes"] for day in days].count(0) == 1
    assert (
        sum(row["live_events"] or 0 for row in rows.values())
        == kept.rows("SELECT count(*) AS n FROM raw.run_events")[0]["n"]
    )


def test_a_task_and_a_run_as_they_looked_at_a_moment(kept: Any) -> None:
    for macro, table, key in (("task_as_of", "task_versions", "task_id"), ("run_as_of", "run_versions", "run_id")):
        versions = kept.frame(f"SELECT * FROM raw.{table}").sort_values("valid_from")
        moments = [
            versions["valid_from"].min() - timedelta(seconds=1),
            *versions["valid_from"].iloc[:: len(versions) // 4],
        ]
        for moment in moments:
            held = versions[versions["valid_from"] <= moment].groupby(key).tail(1)
            got = kept.rows(f"SELECT * FROM {macro}(?)", moment.to_pydatetime())
            assert {(row[key], row["valid_from"]) for row in got} == {
                (row[key], row["valid_from"]) for _, row in held.iterrows()
            }


def test_presence_at_a_moment_follows_the_sightings(scratch: Any) -> None:
    hour = timedelta(hours=1)
    scratch.fill("raw.task_versions", [{"project_id": 1, "task_id": "t", "valid_from": NOW}])
    scratch.fill(
        "raw.task_sightings",
        [
            {"project_id": 1, "task_id": "t", "first_seen_at": NOW, "last_seen_at": NOW, "absent_since": NOW + hour},
            {"project_id": 1, "task_id": "t", "first_seen_at": NOW + 3 * hour, "last_seen_at": NOW + 4 * hour},
        ],
    )
    got = [
        [row["is_present"] for row in scratch.rows("FROM main.task_as_of(?)", NOW + n * hour / 2)] for n in range(-1, 8)
    ]
    assert got == [[], [True], [True], [False], [False], [False], [False], [True], [True]]
