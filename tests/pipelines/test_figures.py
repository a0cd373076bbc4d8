"""The numbers that Dagster plots are those of the pass."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from taskhouse.assets import pass_metadata, sparkline
from taskhouse.assets.catalog import RESOURCE_ASSETS
from taskhouse.assets.queries import Queries, records
from taskhouse.assets.resource_asset import ResourceAsset
from taskhouse.passes.lifecycle import PassReport
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank
from tests.pipelines.rows import put

READINESS = RESOURCE_ASSETS["readiness"]
RUN_EVENTS = RESOURCE_ASSETS["run_events"]
RUNS = RESOURCE_ASSETS["runs"]
TASKS = RESOURCE_ASSETS["tasks"]

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(hours=1)
REPORT = PassReport("now", 1, "any", "complete", "why", 5, {"task_versions": 2}, 1, 0, 9, 1, 1234, 0.5, 2.5)


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    with Warehouse(blank(tmp_path / "w.duckdb"), host="http://localhost").transaction("a test") as opened:
        yield opened


def _figures(connection: Any, asset: ResourceAsset) -> dict[str, Any]:
    asked = Queries(partial(records, connection))
    return pass_metadata.of_pass(asked, asset, replace(REPORT, resource=asset.name), NOW - timedelta(minutes=1))


def _run(connection: Any, run: str, status: str, begins: datetime, pass_id: str) -> None:
    put(
        connection, "raw.run_versions", run_id=run, task_id="t", status=status, valid_from=begins, pass_id=pass_id,
        content_hash=status,
    )  # fmt: skip


def test_a_pass_tells_what_it_cost_and_what_it_brought(connection: Any) -> None:
    figures = _figures(connection, TASKS)
    assert figures["rows added"] == 2
    assert figures["requests"] == 9
    assert (figures["bytes received"], figures["seconds throttled"]) == (1234, 0.5)
    assert (figures["records absent"], figures["records quarantined"]) == (1, 0)
    assert figures["pass"] == "now"
    assert pass_metadata.SINCE_PROOF not in figures


def test_what_is_told_of_a_pass_says_how_to_look_at_it(connection: Any) -> None:
    put(connection, "ledger.passes", pass_id="now", resource="tasks", started_at=NOW, verdict="complete")
    question = _figures(connection, TASKS)["pass in the ledger"].split('"')[1]
    assert connection.execute(f"SELECT pass_id FROM ({question})").fetchall() == [("now",)]


@pytest.mark.parametrize(("code", "hint"), [("moved", "next pass continues."), ("viewer_changed", "until somebody")])
def test_an_incomplete_pass_says_what_to_do_and_what_goes_on_by_itself(connection: Any, code: Any, hint: str) -> None:
    report = replace(REPORT, verdict="incomplete", reason="set POSTHOG_HOST", reason_code=code)
    asked = Queries(partial(records, connection))
    figures = pass_metadata.of_pass(asked, TASKS, report, NOW, lambda text: text.replace("POSTHOG_HOST", "`host`"))
    assert hint in figures[pass_metadata.HINT]
    assert figures["reason"] == "set `host`"


def test_a_row_is_changed_that_says_something_else_than_the_one_before(connection: Any) -> None:
    _run(connection, "known", "in_progress", BEFORE, "earlier")
    _run(connection, "known", "completed", NOW, "now")
    _run(connection, "same", "completed", BEFORE, "earlier")
    _run(connection, "same", "completed", NOW, "now")
    _run(connection, "new", "queued", NOW, "now")
    figures = _figures(connection, RUNS)
    assert figures["rows changed"] == 1
    assert (figures[pass_metadata.ACTIVE], figures[pass_metadata.ENDED]) == (1, 1)
    assert figures["dagster/row_count"] == 5


def test_activity_that_makes_a_list_of_runs_due_is_told(connection: Any) -> None:
    cursors = ("1", "activity_seen", "now"), ("2", "activity_seen", "earlier"), ("1", "runs", "now")
    for key, resource, pass_id in cursors:
        put(connection, "ledger.cursors", resource=resource, key=key, updated_at=NOW, updated_by=pass_id)
    assert _figures(connection, TASKS)[pass_metadata.LISTS] == 1


def test_the_lag_is_the_age_of_the_last_proof_when_the_pass_began(connection: Any) -> None:
    for pass_id, verdict, ago in (("one", "complete", 9), ("two", "complete", 5), ("three", "incomplete", 3)):
        moment = NOW - timedelta(minutes=ago)
        put(
            connection, "ledger.passes", pass_id=pass_id, resource="runs", started_at=moment, finished_at=moment,
            verdict=verdict,
        )  # fmt: skip
    put(connection, "ledger.passes", pass_id="now", resource="runs", started_at=NOW, verdict="complete")
    assert _figures(connection, RUNS)[pass_metadata.SINCE_PROOF] == 300.0


def test_the_capture_lag_is_that_of_the_events_of_the_pass(connection: Any) -> None:
    put(connection, "ledger.segments", segment="old", loaded_at=BEFORE)
    put(connection, "ledger.segments", segment="new", loaded_at=NOW)
    put(connection, "raw.run_events", run_id="unwatched", segment="new", occurred_at=BEFORE, received_at=NOW)
    for segment, late in (("old", 900), ("new", 2), ("new", 4), ("new", 6)):
        happened = NOW - timedelta(seconds=late)
        put(connection, "raw.run_events", run_id="r", segment=segment, occurred_at=happened, received_at=NOW)
    figures = _figures(connection, RUN_EVENTS)
    assert figures["capture lag p50 seconds"] == 4.0
    assert 5.9 < figures["capture lag p99 seconds"] <= 6.0


def test_the_trend_of_readiness_is_a_picture_of_the_last_days(connection: Any) -> None:
    for ago, repository, overall in ((1, "a/b", "partial"), (0, "a/b", "ready"), (0, "c/d", "partial")):
        observed = NOW - timedelta(days=ago)
        put(
            connection, "raw.readiness_snapshots", repository=repository, window_days=7, overall=overall,
            evidence="scan", generated_at=observed, observed_at=observed,
        )  # fmt: skip
    figures = _figures(connection, READINESS)
    assert figures["repositories ready"] == 1
    assert unquote(figures["trend"].md_str).count("M") == 3
    assert f"1 of 2 repositories was ready on {NOW:%Y-%m-%d}" in figures["trend"].md_str


def test_a_day_without_an_answer_is_a_hole_in_the_picture(connection: Any) -> None:
    for ago in (3, 0):
        observed = NOW - timedelta(days=ago)
        put(
            connection, "raw.readiness_snapshots", repository="a/b", window_days=7, overall="partial",
            evidence="scan", generated_at=observed, observed_at=observed,
        )  # fmt: skip
    drawn = unquote(_figures(connection, READINESS)["trend"].md_str)
    assert "width='48'" in drawn
    assert re.findall(r"M\d+", drawn) == ["M5", "M41"]


def test_a_bar_is_as_tall_as_its_number() -> None:
    drawn = unquote(sparkline.bars([(4, 1), (0, 0)], "a test"))
    assert re.findall(r" d='(.*?)'", drawn) == ["M5,48V0", "M5,48V36"]
    assert "(data:image/svg+xml,<svg" in drawn


def test_a_month_is_short_enough_to_be_shown_in_place() -> None:
    days = [(100_000 - number, 1 + number) for number in range(31)]
    drawn = sparkline.bars(days, "repositories ready, of all, by day")
    assert len(drawn) + len("\n\n100,000 of 100,000 repositories were ready on 2026-01-01") < 1000
