"""A verdict says what it rests on, and how old that is."""

from datetime import timedelta
from typing import Any

import pytest

from taskhouse.warehouse import migrate

ALL = ("tasks", "repositories", "readiness", "runs", "run_events")


def last(house: Any, resource: str) -> Any:
    """Verdict, proof, moment of the oldest page and beginning of the newest pass."""
    [row] = house.rows(
        "SELECT verdict, proof, proven_at, started_at FROM ledger.passes WHERE resource = ?"
        " ORDER BY started_at DESC LIMIT 1",
        resource,
    )
    return row


def test_every_complete_pass_says_what_it_rests_on_and_no_other_does(make_house: Any) -> None:
    house = make_house(emulator_tasks=40, emulator_repositories=2)
    for report in house.sync_all():
        verdict, proof, proven_at, started_at = last(house, report.resource)
        assert (verdict, proof, proven_at) == ("complete", "listed", started_at), report
    house.emulator.faults({"kind": "missing_field", "endpoint": "tasks.list"})
    assert house.sync("tasks").proof is None
    assert last(house, "tasks")[:3] == ("incomplete", None, None)


def test_readiness_rests_on_its_oldest_answer_of_today(make_house: Any) -> None:
    house = make_house(emulator_tasks=40, emulator_repositories=2)
    for resource in ("tasks", "repositories", "readiness"):
        house.sync(resource)
    house.later = timedelta(seconds=90)
    house.sync("readiness")
    _, _, proven_at, started_at = last(house, "readiness")
    assert started_at - proven_at >= timedelta(seconds=85)


def test_a_warehouse_of_the_version_before_opens_and_goes_on(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house(emulator_tasks=40, emulator_repositories=2)
    with monkeypatch.context() as before:
        before.setattr(migrate, "MIGRATIONS", migrate.MIGRATIONS[:2])
        house.rows(
            "INSERT INTO ledger.passes BY NAME SELECT 'old' AS pass_id, 1 AS project_id, 'tasks' AS resource,"
            " now() - INTERVAL 1 HOUR AS started_at, false AS interrupted, 0 AS resumes, 0 AS requests,"
            " 0 AS retries, 0 AS bytes, 0 AS throttled_s, 0 AS pages, 0 AS rows_seen, 0 AS rows_distinct,"
            " 0 AS duplicates, 0 AS rows_added, 0 AS rows_absent, 0 AS ids_requested, 0 AS ids_returned,"
            " 0 AS ids_absent, 0 AS quarantined, 'complete' AS verdict"
        )
        assert house.rows("SELECT max(version) FROM ledger.migrations") == [(2,)]
    assert house.sync("tasks").verdict == "complete"
    assert house.rows("SELECT pass_id = 'old', proof FROM ledger.passes ORDER BY started_at") == [
        (True, None),
        (False, "listed"),
    ]
