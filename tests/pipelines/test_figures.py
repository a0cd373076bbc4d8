"""The numbers that Dagster plots are those of the pass."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assets import figures, picture
from assets.family import Family
from assets.questions import Questions, records
from assets.readiness import READINESS
from assets.run_events import RUN_EVENTS
from assets.runs import RUNS
from assets.tasks import TASKS
from taskhouse.sync.passes import Report
from taskhouse.warehouse.connection import Warehouse
from tests.pipelines.rows import put

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(hours=1)
REPORT = Report("now", 1, "any", "complete", "why", 5, {"task_versions": 2}, 1, 0, 9, 1, 1234, 0.5, 2.5)


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    with Warehouse(tmp_path / "w.duckdb", host="http://localhost").transaction("a test") as opened:
        yield opened


def _figures(connection: Any, family: Family) -> dict[str, Any]:
    asked = Questions(partial(records, connection))
    return figures.of_pass(asked, family, replace(REPORT, resource=family.name), NOW - timedelta(minutes=1))


def _run(connection: Any, run: str, status: str, begins: datetime, pass_id: str) -> None:
    put(
        connection, "raw.run_versions", run_id=run, task_id="t", status=status, valid_from=begins, pass_id=pass_id,
        content_hash=status,
    )  # fmt: skip


def test_a_pass_tells_what_it_cost_and_what_it_brought(connection: Any) -> None:
    told = _figures(connection, TASKS)
    assert told["rows added"] == 2
    assert told["requests"] == 9
    assert (told["bytes"], told["seconds throttled"], told["absent"], told["quarantined"]) == (1234, 0.5, 1, 0)
    assert told["pass"] == "now"
    assert "lag seconds" not in told


def test_a_row_is_changed_that_says_something_else_than_the_one_before(connection: Any) -> None:
    _run(connection, "known", "in_progress", BEFORE, "earlier")
    _run(connection, "known", "completed", NOW, "now")
    _run(connection, "same", "completed", BEFORE, "earlier")
    _run(connection, "same", "completed", NOW, "now")
    _run(connection, "new", "queued", NOW, "now")
    told = _figures(connection, RUNS)
    assert told["rows changed"] == 1
    assert (told[figures.ACTIVE], told[figures.ENDED]) == (1, 1)
    assert told["dagster/row_count"] == 5


def test_the_lag_is_the_age_of_the_last_proof_when_the_pass_began(connection: Any) -> None:
    for pass_id, verdict, ago in (("one", "complete", 9), ("two", "complete", 5), ("three", "incomplete", 3)):
        moment = NOW - timedelta(minutes=ago)
        put(
            connection, "ledger.passes", pass_id=pass_id, resource="runs", started_at=moment, finished_at=moment,
            verdict=verdict,
        )  # fmt: skip
    put(connection, "ledger.passes", pass_id="now", resource="runs", started_at=NOW, verdict="complete")
    assert _figures(connection, RUNS)["lag seconds"] == 300.0


def test_the_capture_lag_is_that_of_the_events_of_the_pass(connection: Any) -> None:
    put(connection, "ledger.segments", segment="old", loaded_at=BEFORE)
    put(connection, "ledger.segments", segment="new", loaded_at=NOW)
    put(connection, "raw.run_events", run_id="unwatched", segment="new", occurred_at=BEFORE, received_at=NOW)
    for segment, late in (("old", 900), ("new", 2), ("new", 4), ("new", 6)):
        happened = NOW - timedelta(seconds=late)
        put(connection, "raw.run_events", run_id="r", segment=segment, occurred_at=happened, received_at=NOW)
    told = _figures(connection, RUN_EVENTS)
    assert told["capture lag p50 seconds"] == 4.0
    assert 5.9 < told["capture lag p99 seconds"] <= 6.0


def test_the_trend_of_readiness_is_a_picture_of_the_last_days(connection: Any) -> None:
    for ago, repository, overall in ((1, "a/b", "partial"), (0, "a/b", "ready"), (0, "c/d", "partial")):
        observed = NOW - timedelta(days=ago)
        put(
            connection, "raw.readiness_snapshots", repository=repository, window_days=7, overall=overall,
            evidence="scan", generated_at=observed, observed_at=observed,
        )  # fmt: skip
    told = _figures(connection, READINESS)
    assert told["ready"] == 1
    drawn = base64.b64decode(told["trend"].md_str.split("base64,")[1].split(")")[0]).decode()
    assert drawn.count("<rect") == 4
    assert f"1 of 2 repositories were ready on {NOW:%Y-%m-%d}" in told["trend"].md_str


def test_a_bar_is_as_tall_as_its_number() -> None:
    drawn = picture.bars([(4, 1), (0, 0)], "a test")
    text = base64.b64decode(drawn.split("base64,")[1][:-1]).decode()
    assert [part.split('"')[1] for part in text.split(" height=")[2:]] == ["48", "12", "0", "0"]
