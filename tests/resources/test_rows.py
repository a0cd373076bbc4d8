"""A page of tasks in a batch: which text a run has that came inside its task."""

import json
from pathlib import Path
from typing import Any

import pytest

from taskhouse.passes import lifecycle
from taskhouse.passes.context import Context
from taskhouse.posthog.client import Answer
from taskhouse.posthog.pages import digest, read_page
from taskhouse.resources.runs import nested
from taskhouse.resources.runs import record as runs
from taskhouse.resources.runs.spec import VERSIONS as RUN_VERSIONS
from taskhouse.resources.tasks import rows, spec
from taskhouse.settings import Settings
from taskhouse.warehouse.commit import WriteBatch
from taskhouse.warehouse.connection import Warehouse
from tests.resources.test_records import RUN, TASK


def taken(folder: Path, run: dict[str, Any]) -> tuple[bytes, WriteBatch]:
    """The text of a task with this run, and what the page with it brings."""
    text = json.dumps({**TASK, "latest_run": run}, ensure_ascii=False, separators=(", ", ": ")).encode()
    body = b'{"count":1,"next":null,"previous":null,"results":[' + text + b"]}"
    given = Settings(host="http://127.0.0.1:1", api_key="phx_emulator", project_ids=(1,), home=folder)
    context = Context(given, 1, None, Warehouse(folder / "w.duckdb", host=given.host))
    batch = WriteBatch()
    rows.take(lifecycle.new(context, "tasks"), batch, read_page(Answer("GET", {}, body)), "list")
    return text, batch


@pytest.mark.parametrize("branch", ["main", "größer", 1e16], ids=["plain", "not ASCII", "with a float"])
def test_it_is_the_text_of_the_task(tmp_path: Path, branch: str | float) -> None:
    text, batch = taken(tmp_path, RUN | {"task_tags": [branch], "log_url": "https://log"})
    assert [row["payload_sha256"] for row in batch.rows[spec.VERSIONS]] == [digest(text)]
    assert [row["payload_sha256"] for row in batch.rows[RUN_VERSIONS]] == [digest(text)]


def test_in_quarantine_it_is_the_run_alone(tmp_path: Path) -> None:
    bad = RUN | {"created_at": "no time", "branch": "größer"}
    _, batch = taken(tmp_path, bad)
    assert [(row["resource"], json.loads(row["payload"])) for row in batch.quarantine] == [("runs", bad)]
    assert RUN_VERSIONS not in batch.rows


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (None, "größer 🎉"),
        ({"pr_url": "https://github.com/a/b/pull/1"}, ""),
        ({"pr_url": "https://github.com/a/b/pull/1", "pr_merged": True, "x": [1.5, {}]}, "why"),
        ({"link": "https://s3/log?X-Amz-Signature=5ec2e7"}, "https://s3/log?X-Amz-Signature=5ec2e7"),
        ({"pr_state": "open", "link": "https://s3/log?X-Amz-Signature=5ec2e7"}, None),
        (["no object"], "[redacted]"),
    ],
)
@pytest.mark.parametrize("log_url", [None, "https://log"])
def test_what_a_task_shows_of_a_doubtful_run_is_known_when_it_is_compared(
    tmp_path: Path, output: Any, message: str | None, log_url: str | None
) -> None:
    run = RUN | {"output": output, "error_message": message, "log_url": log_url, "state": {"mode": "x", "secret": 1}}
    _, batch = taken(tmp_path, run)
    doubtful = rows.LATEST_RUNS.things(batch.completing.get(rows.LATEST_RUNS, []))
    assert [latest.as_shown() for latest in doubtful] == [runs.kept_of(run)] * nested.is_doubtful(run)
    assert [latest.hidden for latest in doubtful] == [nested.may_hide(run)] * nested.is_doubtful(run)
