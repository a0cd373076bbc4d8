"""``taskhouse sync`` end to end: what it brings is what was served, and Dagster shows it."""

import shutil
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse.pipelines.cli.truth import compare, raw_counts
from taskhouse.settings import Settings
from tests.pipelines.rows import dagster

CHECKS = {
    "complete_1", "unique_keys_1", "no_overlaps_1", "quarantine_1", "gaps_1", "watermark_1", "proven_1",
    "capture_lag_1", "drift_1", "references_1",
}  # fmt: skip


def _records(settings: Settings, **more: Any) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, Any]]:
    """Metadata by asset, check results by asset and failures by asset, as Dagster shows them; there is no run."""
    metadata: dict[str, Any] = {}
    checks: dict[str, list[Any]] = {}
    failures: dict[str, Any] = {}
    with dagster(settings.model_copy(update=more)) as instance:
        assert instance.get_runs_count() == 0
        for key in instance.get_asset_keys():
            name = key.to_user_string()
            for record in instance.fetch_materializations(key, limit=1).records:
                assert record.asset_materialization is not None
                metadata[name] = record.asset_materialization.metadata
            for record in instance.fetch_observations(key, limit=1).records:
                failures[name] = record.asset_observation
        for entry in instance.all_logs(""):
            event = entry.dagster_event
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                result = event.asset_check_evaluation_data
                checks.setdefault(result.asset_key.to_user_string(), []).append(result)
    return metadata, checks, failures


def _unequal(scene: Any, project_id: int = 1) -> list[Any]:
    return [line for line in compare(scene.settings, scene.emulator.truth(project_id)) if not line.equal]


@pytest.mark.worlds
def test_a_sync_brings_the_truth_and_a_second_one_adds_nothing(taskhouse: Any, synced: Any) -> None:
    lines = compare(synced.settings, synced.emulator.truth(1))
    before = raw_counts(synced.settings)
    again = taskhouse.run("sync", **synced.environment)

    assert [line for line in lines if not line.equal] == []
    assert all(line.held for line in lines)
    assert {line.what: line.held for line in lines}["readiness"] == 9
    assert again.code == 0, again
    assert raw_counts(synced.settings) == before
    assert [row.split()[1] for row in synced.first.out.splitlines()[1:]] == [
        "tasks", "repositories", "readiness", "runs", "run_events",
    ]  # fmt: skip


def test_dagster_remembers_the_figures_and_the_checks_of_each_pass(synced: Any) -> None:
    metadata, checks, failures = _records(synced.settings)
    tasks = metadata["tasks"]
    counts = (
        "rows added",
        "records received",
        "records absent",
        "records quarantined",
        "requests",
        "retries",
        "bytes received",
        "dagster/row_count",
    )

    assert failures == {}
    assert set(metadata) == {"tasks", "repositories", "readiness", "runs", "run_events", "published"}
    assert {type(tasks[name]) for name in counts} == {dg.IntMetadataValue}
    assert {type(tasks[name]) for name in ("seconds", "seconds throttled")} == {dg.FloatMetadataValue}
    assert tasks["verdict"].value == "complete"
    assert tasks["newest rows"].value.count("\n") >= 2
    assert {result.check_name for found in checks.values() for result in found} == CHECKS
    assert all(result.passed for found in checks.values() for result in found)


@pytest.mark.worlds
def test_what_tasks_cost_is_synced_where_it_is_on(inside: Any, quiet: Any) -> None:
    variables = {**quiet.environment, "TASKHOUSE_TASK_USAGE": "true"}
    done = inside.run("sync", "--select", "tasks,runs,task_usage", **variables)
    costs = [task["usage"]["total_cost_usd"] for task in quiet.emulator.truth(runs=False)["tasks"] if task["runs"]]
    shown = inside.run("query", "SELECT sum(total_cost_usd)::DECIMAL(9, 3) FROM task_cost", **variables)
    metadata, checks, _ = _records(quiet.settings, task_usage=True)

    assert done.code == 0, done
    assert shown.out.split()[-1] == f"{sum(costs):.3f}"
    assert metadata["task_usage"]["dagster/row_count"].value == len(costs)
    assert metadata["task_usage"]["newest rows"].value.count("\n") == 6
    assert {result.check_name for result in checks["task_usage"]} == {
        "complete_1", "unique_keys_1", "no_overlaps_1", "quarantine_1", "watermark_1", "drift_1",
    }  # fmt: skip
    assert all(result.passed for result in checks["task_usage"])
    [line] = [row for row in inside.run("status", **variables).out.splitlines() if "task_usage" in row]
    assert line.split()[:4] == ["1", "task_usage", str(len(costs)), "complete"]


def test_the_key_is_nowhere_in_what_is_kept_or_said(synced: Any) -> None:
    key = synced.emulator.api_key
    files = [path for path in synced.home.rglob("*") if path.is_file()]

    assert len(files) > 10
    assert [path for path in files if key.encode() in path.read_bytes()] == []
    assert key not in synced.first.said


def test_what_was_synced_is_answered_by_query_in_every_format(inside: Any, synced: Any) -> None:
    sql = "SELECT 1 AS n, NULL AS gap, 'a,b' AS words, TIMESTAMPTZ '2026-01-02 03:04:05+00' AS at"
    home_only = {"TASKHOUSE_HOME": str(synced.home)}

    assert inside.run("query", sql, "--format", "csv", **home_only).out == (
        'n,gap,words,at\n1,,"a,b",2026-01-02T03:04:05+00:00\n'
    )
    assert inside.run("query", sql, "--format", "json", **home_only).out == (
        '[{"n": 1, "gap": null, "words": "a,b", "at": "2026-01-02T03:04:05+00:00"}]\n'
    )
    assert "2026-01-02 03:04:05" in inside.run("query", sql, **home_only).out
    refused = inside.run("query", "DELETE FROM raw.run_events", **home_only)
    assert (refused.code, "read-only" in refused.err) == (2, True)


def test_status_needs_no_key_and_tells_rows_age_and_verdict(taskhouse: Any, synced: Any) -> None:
    shown = taskhouse.run("status", TASKHOUSE_HOME=str(synced.home))

    assert shown.code == 0, shown
    assert "Quarantine: empty" in shown.out
    for resource in ("tasks", "repositories", "readiness", "runs", "run_events"):
        line = next(line for line in shown.out.splitlines() if f" {resource} " in line)
        assert "complete" in line


def test_check_tells_whose_view_it_is_and_what_the_server_can(inside: Any, synced: Any) -> None:
    shown = inside.run("check", **synced.environment)

    assert shown.code == 0, shown
    for words in ("answers", "valid, with the scope task:read", "whose view", "user ", "a sync reads only what is new"):
        assert words in shown.out


def test_check_tries_what_is_off_by_default_only_where_it_is_on(inside: Any, quiet: Any) -> None:
    switch = {"TASKHOUSE_TASK_USAGE": "true"}
    off = inside.run("check", **quiet.environment)
    asked = quiet.emulator.requests()["by_endpoint"].get("tasks.usage")
    on = inside.run("check", **quiet.environment, **switch)
    quiet.emulator.mutate("settings", metering_down=True)
    down = inside.run("check", **quiet.environment, **switch)

    assert (off.code, on.code, down.code) == (0, 0, 1), (off, on, down)
    assert asked is None
    assert "usage" not in off.out
    assert "usage of tasks in project 1" in on.out
    assert "US dollars" in on.out
    assert "502" in down.said


def test_a_sync_whose_notes_cannot_be_written_is_complete_and_says_so(inside: Any, quiet: Any) -> None:
    blocked = quiet.settings.home / "dagster"
    shutil.rmtree(blocked, ignore_errors=True)
    blocked.touch()
    shown = inside.run("sync", **quiet.environment)

    assert shown.code == 0, shown
    assert "Dagster will not show all of this sync." in shown.err
    assert "is a file" in shown.err
    assert _unequal(quiet) == []


def test_an_incomplete_pass_materializes_and_its_check_fails_as_an_error(inside: Any, quiet: Any) -> None:
    quiet.emulator.faults({"kind": "status", "status": 400, "endpoint": "tasks.readiness", "times": 1})
    shown = inside.run("sync", **quiet.environment)
    status = inside.run("status", **quiet.environment)
    metadata, checks, failures = _records(quiet.settings)
    failed = {(name, result.check_name): result for name in checks for result in checks[name] if not result.passed}

    assert (shown.code, status.code) == (3, 3), (shown, status)
    assert "readiness of project 1 is not proved complete" in shown.err
    assert "incomplete" in shown.out
    assert failures == {}
    assert metadata["readiness"]["verdict"].value == "incomplete"
    assert set(failed) == {
        ("readiness", "complete_1"), ("readiness", "watermark_1"), ("published", "proven_1"),
    }  # fmt: skip
    assert failed["readiness", "complete_1"].severity is dg.AssetCheckSeverity.ERROR
    assert failed["readiness", "watermark_1"].severity is dg.AssetCheckSeverity.WARN
    assert inside.run("sync", "--select", "readiness", **quiet.environment).code == 0
    assert inside.run("status", **quiet.environment).code == 0


@pytest.mark.worlds
def test_the_failure_of_one_project_stops_no_other_and_is_not_shown_as_its_own(inside: Any, quiet: Any) -> None:
    quiet.emulator.faults({"kind": "status", "status": 404, "path": "/projects/1/tasks/repositories"})
    shown = inside.run("sync", "--select", "tasks,repositories", **{**quiet.environment, "POSTHOG_PROJECT_IDS": "1,2"})
    metadata, checks, failures = _records(quiet.settings, project_ids=(1, 2))
    verdicts = {result.check_name: result.passed for result in checks["repositories"]}
    failure = failures["repositories"]

    assert shown.code == 1
    assert "repositories of project 1 failed" in shown.err
    assert failure.partition == "1"
    assert "404" in failure.description
    assert failure.metadata["hint"].value
    assert set(failures) == {"repositories"}
    assert set(metadata) == {"tasks", "repositories", "published"}, "of project 2"
    assert verdicts["complete_1"] is False
    assert verdicts["complete_2"] is True


@pytest.mark.worlds
def test_two_syncs_at_once_both_end_well_one_after_the_other(taskhouse: Any, quiet: Any) -> None:
    started = [taskhouse.start("sync", **quiet.environment) for _ in range(2)]
    ends = [taskhouse.end(process) for process in started]

    assert [shown.code for shown in ends] == [0, 0], ends
    assert sum("Another `taskhouse sync` is running" in shown.err for shown in ends) == 1
    assert _unequal(quiet) == []


def test_after_kill_9_the_next_sync_completes_exactly_and_leaves_no_run(
    taskhouse: Any, inside: Any, lively: Any
) -> None:
    process = taskhouse.start("sync", **lively.environment)
    lively.hurry(process)
    until = time.monotonic() + 10
    sealed = lively.settings.spool / "1" / "sealed"
    while time.monotonic() < until and not _holds(sealed):
        time.sleep(0.01)
    assert process.poll() is None
    process.kill()
    killed = taskhouse.end(process)
    again = inside.run("sync", **lively.environment)
    _, _, failures = _records(lively.settings)

    assert killed.code == -9
    assert again.code == 0, again
    assert lively.emulator.settled()["live_runs"] == 0
    assert _unequal(lively) == []
    assert failures == {}


def _holds(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())
