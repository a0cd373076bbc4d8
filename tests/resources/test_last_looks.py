"""A last look at lists of runs that rest, before the log of an older run expires."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from taskhouse.resources.runs.last_looks import REST, allowance

pytestmark = pytest.mark.usefixtures("attached")

EXPIRY = timedelta(days=30)


def listed(house: Any) -> int:
    return int(house.emulator.requests(reset=True)["by_endpoint"].get("runs.list", 0))


def older_runs(house: Any) -> list[tuple[str, datetime]]:
    """Finished runs that are not the latest of their task, and when they changed last: the newest of them first."""
    found: list[tuple[str, datetime]] = house.rows(
        "SELECT run.run_id, greatest(run.created_at, run.updated_at, run.completed_at) AS changed_at"
        " FROM raw.run_versions AS run INNER JOIN main.tasks AS task USING (task_id)"
        " WHERE run.run_id <> task.latest_run_id AND run.status = 'completed' ORDER BY changed_at DESC"
    )
    return found


def proven(house: Any) -> datetime:
    found: datetime = house.rows(
        "SELECT proven_at FROM ledger.passes WHERE resource = 'runs' ORDER BY started_at DESC LIMIT 1"
    )[0][0]
    return found


def test_an_older_run_that_was_reopened_is_found_before_its_log_expires(make_house: Any) -> None:
    house = make_house()
    for resource in ("tasks", "runs"):
        house.sync(resource)
    run_id, changed_at = older_runs(house)[0]
    first_look = proven(house)
    house.emulator.mutate("reopen", run_id=run_id)
    house.later = timedelta(hours=3)
    house.sync("runs")
    assert house.rows("SELECT count(*) FROM raw.run_versions WHERE run_id = ?", run_id) == [(1,)]  # nothing shows it
    assert first_look <= proven(house) < house.now() - timedelta(hours=2)  # and the verdict does not claim to know
    house.later = changed_at + REST + timedelta(days=1) - house.now() + house.later
    listed(house)
    report = house.sync("runs")
    assert report.verdict == "complete"
    assert house.rows("SELECT count(*) > 1 FROM raw.run_versions WHERE run_id = ?", run_id) == [(True,)]
    assert "every list with a run whose log still exists was read at" in report.reason
    listed(house)
    house.later += timedelta(minutes=5)
    house.sync("runs")
    assert listed(house) <= 3  # once


def test_last_looks_take_a_twentieth_of_the_hour_at_most(make_house: Any) -> None:
    assert allowance(4800, None) == 240
    assert allowance(4800, timedelta(hours=9)) == 240
    assert sum(allowance(4800, timedelta(minutes=5)) for _ in range(12)) <= 240
    assert allowance(4800, timedelta(seconds=1)) == 0
    assert allowance(0, timedelta(hours=1)) == 240
    house = make_house()
    for resource in ("tasks", "runs"):
        house.sync(resource)
    house.settings = house.settings.model_copy(update={"requests_per_hour": 100})
    changed = [moment for _, moment in older_runs(house)]
    house.later = max(changed) + REST + timedelta(days=1) - house.now()
    listed(house)
    house.sync("runs")
    moved = house.rows("SELECT count(*) FROM raw.run_versions WHERE status NOT IN ('completed', 'failed', 'cancelled')")
    assert listed(house) <= 5 + moved[0][0]
