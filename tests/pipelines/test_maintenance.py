"""Housekeeping as Dagster runs it."""

from pathlib import Path
from typing import Any

import dagster as dg

from taskhouse.pipelines.definitions import build
from taskhouse.reading import open_snapshot
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from tests.pipelines.rows import QUIET, Still


def test_the_step_tells_what_it_did_and_publishes(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, project_ids=(1,), home=tmp_path)
    with open_warehouse(settings).transaction("a test") as connection:
        connection.execute("SELECT 1")
    with dg.DagsterInstance.ephemeral() as instance:
        job = build(settings, Still(settings)).resolve_job_def("sync_maintenance")
        made = job.execute_in_process(instance=instance, run_config=QUIET).asset_materializations_for_node(
            "maintenance"
        )

    figures: dict[str, Any] = {name: value.value for name, value in made[0].metadata.items()}
    assert figures["pages forgotten"] == figures["runs forgotten"] == 0
    assert figures["bytes before"] == figures["bytes after"] > 0
    assert not figures["compacted"]
    with open_snapshot(settings) as house:
        assert house.views()
