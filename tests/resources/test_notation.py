"""Times that each endpoint writes in its own way make no versions."""

from typing import Any

from taskhouse.emulator.settings import Surprise


def test_a_run_whose_times_are_written_otherwise_inside_its_task_has_one_version(make_house: Any) -> None:
    otherwise = Surprise(0, frozenset({"notation"}))
    house = make_house(emulator_tasks=3, emulator_repositories=1, emulator_live_runs=0, emulator_surprise=otherwise)
    for resource in ("tasks", "runs", "tasks"):
        house.sync(resource)
    written = house.rows("SELECT DISTINCT right(payload ->> 'created_at', 1) FROM raw.run_versions")
    versions, runs = house.rows("SELECT count(*), count(DISTINCT run_id) FROM raw.run_versions")[0]
    assert versions == runs
    assert len(written) > 1, "as text they differ"
