"""A page of tasks in a batch: which text a run has that came inside its task."""

import json
from pathlib import Path
from typing import Any

import pytest

from taskhouse.passes import lifecycle
from taskhouse.passes.context import Context
from taskhouse.posthog.client import Answer
from taskhouse.posthog.pages import digest, read_page
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
