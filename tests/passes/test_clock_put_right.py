"""A clock that is forty days ahead for a while: nothing is lost, and nothing is green before it is put right."""

from datetime import timedelta
from typing import Any

import duckdb
import pytest

from taskhouse.errors import Locked
from taskhouse.pipelines.cli import health
from taskhouse.pipelines.cli.status_answers import look
from taskhouse.resources.registry import RESOURCES
from tests.operations.test_verify import checked, wrong


def states(house: Any) -> set[str]:
    resources = [*filter(house.settings.wants, RESOURCES)]
    held = look(house.settings, resources)
    assert held is not None
    wanted = [(1, name) for name in resources]
    found = health.states(held["passes"] or [], wanted, alive=lambda *_: False, max_age_s=900.0)
    return {state.state for state in found}


@pytest.mark.worlds
def test_syncs_by_a_clock_that_was_ahead_lose_nothing_and_are_not_green(make_house: Any) -> None:
    house = make_house(emulator_tasks=2, emulator_repositories=1, capture_seconds=1)
    house.sync_all()
    run_id = house.emulator.mutate("new_task", run=True)["run_id"]
    house.emulator.mutate("finish", run_id=run_id, status="completed")
    house.later = timedelta(days=40)
    house.sync_all()
    house.later = timedelta(seconds=5)
    assert states(house) == {"ahead"}
    with pytest.raises(Locked, match="history would run backwards") as refused:
        house.sync("tasks")
    assert "`taskhouse restore --clock`" in refused.value.hint
    house.set_back()
    house.later = timedelta(seconds=20)
    assert {report.verdict for report in house.sync_all()} == {"complete"}
    assert house.present() == house.truth_tasks()
    assert house.hashes() == house.truth_hashes()
    assert house.rows("FROM ledger.gaps") == []
    with duckdb.connect(str(house.settings.warehouse), read_only=True) as connection:
        assert wrong(checked(connection)) == {}
    assert states(house) == {"complete"}
