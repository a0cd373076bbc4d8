"""Records: what makes a version of a task or a run, and what does not."""

import hashlib
import json
from typing import Any

import pytest

from taskhouse.posthog import content
from taskhouse.posthog.pages import Page, Row
from taskhouse.resources import registry
from taskhouse.resources.runs import record as runs
from taskhouse.resources.tasks import record as tasks
from taskhouse.resources.tasks import rows

TASK: dict[str, Any] = {
    "id": "5f0c1f5e-0000-4000-8000-000000000001",
    "title": "a title",
    "created_at": "2026-09-01T10:00:00.120000Z",
    "updated_at": "2026-09-01T10:00:00Z",
    "archived_at": "2026-09-02T10:00:00Z",
    "last_activity_at": "2026-09-03T10:00:00Z",
    "slack_thread_references": [{"url": "u", "channel": "C", "created_at": "2026-09-01T10:00:00.120000Z"}],
}
RUN: dict[str, Any] = {
    "id": "5f0c1f5e-0000-4000-8000-000000000002",
    "task": TASK["id"],
    "status": "in_progress",
    "artifacts": [{"uploaded_at": "2026-09-01T10:00:00+00:00"}],
    "created_at": "2026-09-01T10:00:00.120000Z",
    "updated_at": "2026-09-01T10:00:00Z",
    "completed_at": None,
    "scheduled_at": "2026-09-02T10:00:00Z",
}
READ = {"task_versions": (tasks.read, TASK), "run_versions": (runs.read, RUN)}


def read(table: str, **changed: Any) -> dict[str, Any]:
    of, row = READ[table]
    return of(Row({**row, **changed}, b""))


def plain(table: str, row: dict[str, Any]) -> str:
    """The hash as it was made of texts: only ``updated_at`` was taken for a moment."""
    payload = json.loads(read(table, **row)["payload"])
    kept = {name: value for name, value in payload.items() if name != "last_activity_at"}
    kept["updated_at"] = kept["updated_at"].replace("Z", "+00:00")
    return hashlib.sha256(content.canonical(kept)).hexdigest()


@pytest.mark.parametrize("table", READ)
def test_the_hash_of_an_ordinary_row_is_what_homes_already_hold(table: str) -> None:
    assert read(table)["content_hash"] == plain(table, {})


@pytest.mark.parametrize("table", READ)
@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("created_at", ("2026-09-01T10:00:00.120Z", "2026-09-01T10:00:00.12+00:00", "2026-09-01T12:00:00.12+02:00")),
        ("updated_at", ("2026-09-01T10:00:00.000Z", "2026-09-01T10:00:00+00:00")),
        ("archived_at", ("2026-09-02T10:00:00.000Z", "2026-09-02T10:00:00+00:00")),
        ("scheduled_at", ("2026-09-02T10:00:00.000000Z", "2026-09-02T05:00:00-05:00")),
    ],
)
def test_a_time_in_another_notation_is_no_change(table: str, name: str, forms: tuple[str, ...]) -> None:
    if name in READ[table][1]:
        assert {read(table, **{name: form})["content_hash"] for form in forms} == {read(table)["content_hash"]}
        assert read(table, **{name: "2026-09-01T10:00:01Z"})["content_hash"] != read(table)["content_hash"]


@pytest.mark.parametrize("table", READ)
def test_a_version_that_was_told_apart_by_its_texts_is_sound(table: str) -> None:
    other = {"created_at": "2026-09-01T10:00:00.12+00:00"}
    found = registry.content_hashes(table, read(table, **other)["payload"])
    assert {plain(table, other), read(table)["content_hash"]} <= found


def test_neither_is_the_time_of_a_thread() -> None:
    (thread,) = TASK["slack_thread_references"]
    changed = {**thread, "created_at": "2026-09-01T10:00:00.12+00:00"}
    hashes = [read("task_versions", slack_thread_references=value)["content_hash"] for value in ([changed], [7], 7)]
    assert hashes[0] == read("task_versions")["content_hash"]
    assert len(set(hashes)) == 3


def test_what_is_no_time_is_compared_as_it_is() -> None:
    odd = [read("task_versions", archived_at=value)["content_hash"] for value in ("soon", "later", 7, None)]
    assert len(set(odd)) == 4


def test_an_id_of_a_page_is_that_of_the_stored_task_however_it_is_written() -> None:
    name = "0190f3c2-5d1e-7b3a-9c4d-8e2f1a6b7c5d"
    page = Page([Row({"id": each}, b"") for each in (name, name.upper(), f"{{{name}}}", "7", 7, None)], 6, None, "")
    assert rows.ids(page) == [name, name, name, "", "", ""]
