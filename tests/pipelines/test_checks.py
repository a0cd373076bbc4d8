"""Each check fails on the flaw it is for, and on nothing else."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from taskhouse.assets import checks, markdown
from taskhouse.assets.catalog import RESOURCE_ASSETS
from taskhouse.assets.queries import Queries, records
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank
from tests.pipelines.rows import put

RUN_EVENTS = RESOURCE_ASSETS["run_events"]
RUNS = RESOURCE_ASSETS["runs"]
TASKS = RESOURCE_ASSETS["tasks"]

NOW = datetime.now(UTC)
EARLY, LATE, BEGAN = NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW - timedelta(minutes=1)


def _version(connection: Any, begins: datetime) -> None:
    put(connection, "raw.task_versions", task_id="t", valid_from=begins)


def _sighting(connection: Any, begins: datetime, ends: datetime | None) -> None:
    put(connection, "raw.task_sightings", task_id="t", first_seen_at=begins, last_seen_at=NOW, absent_since=ends)


def _pass(connection: Any, resource: str, verdict: str, *, project_id: int = 1, began: datetime = BEGAN) -> None:
    put(
        connection, "ledger.passes", pass_id=f"{resource} {verdict} {project_id}", project_id=project_id,
        resource=resource, started_at=began, finished_at=NOW, verdict=verdict, reason="why",
    )  # fmt: skip


def _event(connection: Any, seq: int) -> None:
    put(connection, "raw.run_events", run_id="r", stream_id=f"5-{seq}", stream_ms=5, stream_seq=seq, segment="s")


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    with Warehouse(blank(tmp_path / "w.duckdb"), host="http://localhost").transaction("a test") as opened:
        _pass(opened, "tasks", "complete")
        _pass(opened, "run_events", "complete")
        _version(opened, EARLY)
        _version(opened, LATE)
        _sighting(opened, EARLY, LATE)
        put(opened, "ledger.segments", segment="s", loaded_at=NOW)
        _event(opened, 0)
        _event(opened, 1)
        put(opened, "raw.run_versions", run_id="r", task_id="t", valid_from=EARLY)
        yield opened


def _answers(connection: Any, asset: Any, projects: tuple[str, ...]) -> dict[str, Any]:
    wanted = {spec.key for spec in checks.specs(asset, projects)}
    found = checks.answers(Queries(partial(records, connection)), asset, wanted)
    return {result.check_name or "": result for result in found}


def _failed(connection: Any, asset: Any = TASKS, projects: tuple[str, ...] = ("1",)) -> set[str]:
    """The checks that fail, without the only project in their name."""
    failed = {name for name, result in _answers(connection, asset, projects).items() if not result.passed}
    return {name.removesuffix("_1") for name in failed} if projects == ("1",) else failed


def test_a_sound_warehouse_passes_every_check_and_each_declared_check_is_answered(connection: Any) -> None:
    for asset in (TASKS, RUN_EVENTS):
        declared = [spec.name for spec in checks.specs(asset, ("1",))]
        assert set(_answers(connection, asset, ("1",))) == {*declared}
        assert [key.name for key in checks.keys_of(asset, "1")] == declared
        assert _failed(connection, asset) == set()


def test_two_versions_at_one_moment_are_a_double_and_an_overlap(connection: Any) -> None:
    _version(connection, LATE)
    assert _failed(connection) == {"unique_keys", "no_overlaps"}


def test_a_sighting_that_begins_before_the_last_one_ended_overlaps(connection: Any) -> None:
    _sighting(connection, LATE - timedelta(minutes=1), None)
    assert _failed(connection) == {"no_overlaps"}


def test_a_sighting_after_one_that_never_ended_overlaps(connection: Any) -> None:
    _sighting(connection, NOW, None)
    _sighting(connection, NOW + timedelta(minutes=1), None)
    assert _failed(connection) == {"no_overlaps"}


def test_an_event_that_is_there_twice_is_a_double(connection: Any) -> None:
    _event(connection, 1)
    assert _failed(connection, RUN_EVENTS) == {"unique_keys"}


def test_only_what_came_since_the_pass_began_is_news(connection: Any) -> None:
    put(connection, "ledger.quarantine", resource="summaries", first_seen_at=EARLY)
    put(connection, "ledger.gaps", detected_at=EARLY, repaired_from_log=False)
    put(connection, "ledger.gaps", detected_at=NOW, repaired_from_log=True)
    assert _failed(connection) | _failed(connection, RUN_EVENTS) == set()
    put(connection, "ledger.quarantine", resource="summaries", first_seen_at=NOW)
    put(connection, "ledger.gaps", detected_at=NOW, repaired_from_log=False)
    assert _failed(connection) == {"quarantine"}
    assert _failed(connection, RUN_EVENTS) == {"gaps"}


def test_damage_in_the_spool_names_no_project_and_fails_the_check_of_each(connection: Any) -> None:
    put(connection, "ledger.quarantine", resource="spool", project_id=None, first_seen_at=NOW)
    assert _failed(connection, RUN_EVENTS) == {"quarantine"}
    assert _failed(connection) == set()


def test_the_verdict_of_each_project_is_its_own_whoever_ran_last(connection: Any) -> None:
    _pass(connection, "tasks", "incomplete", project_id=2)
    unread = {f"{check}_3" for check in ("complete", *TROUBLE) if check not in {"gaps", "capture_lag"}}
    assert _failed(connection, projects=("1", "2", "3")) == {"complete_2", "watermark_2", *unread}


def _trouble(connection: Any) -> None:
    """In project 1, one thing or two for each check."""
    _version(connection, LATE)
    _event(connection, 1)
    put(connection, "raw.task_versions", task_id="unseen", valid_from=NOW)
    put(connection, "raw.run_events", run_id="unknown", stream_id="5-9", stream_ms=5, stream_seq=9, segment="s")
    for resource in ("tasks", "run_events"):
        put(connection, "ledger.quarantine", resource=resource, first_seen_at=NOW)
        put(connection, "ledger.drift", resource=resource, path="a|b", first_seen_at=NOW)
    put(connection, "ledger.gaps", detected_at=NOW, repaired_from_log=False)
    put(connection, "ledger.segments", segment="first", loaded_at=EARLY)
    put(connection, "raw.run_events", run_id="r", stream_id="4-0", stream_ms=4, segment="first")
    put(
        connection, "raw.run_events", run_id="r", stream_id="6-0", stream_ms=6, segment="s",
        occurred_at=NOW - timedelta(minutes=40), received_at=NOW,
    )  # fmt: skip
    connection.execute(
        "UPDATE ledger.passes SET finished_at = ? WHERE project_id = 1", [datetime.now(UTC) - timedelta(hours=9)]
    )


TROUBLE = {
    "unique_keys": "1 doubled",
    "no_overlaps": "1 overlapping",
    "references": "1 not held",
    "quarantine": "1 set aside",
    "drift": "1 unknown",
    "gaps": "1 unfilled",
    "capture_lag": "40 min late",
    "watermark": "complete 9.0 h ago",
}


@pytest.mark.parametrize("asset", [TASKS, RUN_EVENTS])
def test_the_trouble_of_a_project_is_told_by_its_own_checks_alone(connection: Any, asset: Any) -> None:
    _pass(connection, asset.name, "complete", project_id=2)
    every = ("1", "2")
    assert all(result.passed for result in _answers(connection, asset, every).values())
    _trouble(connection)
    answers = _answers(connection, asset, every)
    descriptions = {name: result.description for name, result in answers.items() if not result.passed}

    assert descriptions == {name: TROUBLE[name.removesuffix("_1")] for name in descriptions}
    assert len(descriptions) == len(TROUBLE) - (2 if asset is TASKS else 1)
    shown = {name: value.value for name, value in answers["unique_keys_1"].metadata.items()}
    assert shown == {"project": "1", "rows": 5 if asset is TASKS else shown["rows"], "doubles": 1}


def test_news_of_a_project_is_what_came_since_its_own_last_pass_began(connection: Any) -> None:
    _pass(connection, "tasks", "complete", project_id=2, began=LATE)
    for project in (1, 2):
        put(connection, "ledger.quarantine", resource="tasks", project_id=project, first_seen_at=LATE)
    assert _failed(connection, projects=("1", "2")) == {"quarantine_2"}
    _pass(connection, "tasks", "running", project_id=2, began=NOW)
    assert _failed(connection, projects=("1", "2")) == {"quarantine_2"}


def test_a_pass_that_still_runs_changes_no_verdict(connection: Any) -> None:
    _pass(connection, "tasks", "running", began=NOW)
    assert _failed(connection) == set()


def test_a_row_that_names_what_is_not_held_is_an_orphan(connection: Any) -> None:
    put(connection, "raw.run_events", run_id="unknown", stream_id="5-9", stream_ms=5, stream_seq=9, segment="s")
    put(connection, "raw.run_versions", run_id="q", task_id="unknown", valid_from=EARLY)
    _pass(connection, "runs", "complete")
    assert _failed(connection, RUN_EVENTS) == {"references"}
    assert _failed(connection, RUNS) == {"references"}


def test_a_field_that_nobody_knew_is_a_warning_of_the_pass_that_met_it(connection: Any) -> None:
    put(connection, "ledger.drift", resource="tasks", path="old", first_seen_at=EARLY)
    assert _failed(connection) == set()
    put(connection, "ledger.drift", resource="summaries", path="new", first_seen_at=NOW)
    assert _failed(connection) == {"drift"}


def test_live_events_that_came_half_an_hour_late_are_a_warning_from_the_second_look_on(connection: Any) -> None:
    put(connection, "ledger.segments", segment="first", loaded_at=EARLY)
    put(connection, "raw.run_events", run_id="r", stream_id="4-0", stream_ms=4, segment="first")
    for run, late in (("r", 29), ("new", 31), ("r", 31)):
        assert _failed(connection, RUN_EVENTS) <= {"references"}
        happened = NOW - timedelta(minutes=late)
        put(connection, "raw.run_events", run_id=run, segment="s", occurred_at=happened, received_at=NOW)
    assert _failed(connection, RUN_EVENTS) == {"references", "capture_lag"}


def test_a_proof_that_is_too_old_is_a_warning(connection: Any) -> None:
    connection.execute("UPDATE ledger.passes SET finished_at = ?", [NOW - timedelta(days=1)])
    assert _failed(connection) == {"watermark"}


def test_what_was_never_complete_has_no_age(connection: Any) -> None:
    connection.execute("UPDATE ledger.passes SET verdict = 'incomplete', reason = 'why'")
    shown = _answers(connection, TASKS, ("1",))["watermark_1"]
    assert (shown.passed, shown.description) == (False, "never complete")
    assert "age_s" not in shown.metadata


def test_the_text_of_strangers_stays_text_in_a_preview() -> None:
    shown = markdown.table([{"title": "a|b <img src=x>\n[x](javascript:y) `c`\u202e"}], ["title"])

    assert shown.count("\n") == 2
    assert shown.splitlines()[2] == r"| a\|b \<img src=x\> \[x\]\(javascript\:y\) \`c\` |"
