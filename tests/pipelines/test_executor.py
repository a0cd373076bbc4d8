"""Everything at once under Dagster's own executor: nothing fails on a lock."""

import json
from typing import Any

from pipelines import home
from pipelines.cli.truth import compare


def test_two_projects_at_once_under_the_multiprocess_executor(taskhouse: Any, quiet: Any) -> None:
    both = {**quiet.environment, "POSTHOG_PROJECT_IDS": "1,2"}
    instance = {**both, "DAGSTER_HOME": str(home.prepare(quiet.settings))}
    job = ("job", "execute", "-m", "pipelines.definitions", "-j", "sync", "--tags")
    started = [
        taskhouse.start(*job, json.dumps({"dagster/partition": project}), module="dagster", **instance)
        for project in ("1", "2")
    ]
    ends = [taskhouse.end(process) for process in started]

    assert [shown.code for shown in ends] == [0, 0], ends
    assert all("RUN_SUCCESS" in shown.err for shown in ends)
    for project in (1, 2):
        lines = compare(quiet.settings, quiet.emulator.truth(project))
        assert [line for line in lines if not line.equal] == []
