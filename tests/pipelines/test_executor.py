"""Dagster's own executor and the command line at once: nothing fails on a lock."""

import json
from typing import Any

import dagster as dg
import pytest

from taskhouse.pipelines import home
from taskhouse.pipelines.cli.truth import compare
from tests.pipelines.rows import dagster


@pytest.mark.worlds
def test_one_project_under_the_multiprocess_executor_while_the_command_line_syncs_another(
    taskhouse: Any, quiet: Any
) -> None:
    both = {**quiet.environment, "POSTHOG_PROJECT_IDS": "1,2"}
    instance = {**both, "DAGSTER_HOME": str(home.prepare(quiet.settings))}
    job = (
        "job",
        "execute",
        "-m",
        "taskhouse.pipelines.definitions",
        "-j",
        "sync",
        "--tags",
        json.dumps({"dagster/partition": "1"}),
    )
    steps = taskhouse.start(*job, module="dagster", **instance)
    other = [taskhouse.run("sync", "--project", "2", **both) for _ in range(2)]
    shown = taskhouse.end(steps)

    assert [ended.code for ended in other] == [0, 0], other
    assert shown.code == 0, shown
    with dagster(quiet.settings.model_copy(update={"project_ids": (1, 2)})) as recorded:
        assert [run.status.value for run in recorded.get_runs()] == ["SUCCESS"]
        assert recorded.get_materialized_partitions(dg.AssetKey("run_events")) == {"1", "2"}
    for project in (1, 2):
        lines = compare(quiet.settings, quiet.emulator.truth(project))
        assert [line for line in lines if not line.equal] == []
