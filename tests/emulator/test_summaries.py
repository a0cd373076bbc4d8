"""``POST /tasks/summaries/``: which ids come back, in which order, page by page, and what fails the whole call."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator

PROJECT = "/api/projects/1/tasks"
SUMMARIES = f"{PROJECT}/summaries/"
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
Check = Callable[[Any, str], None]
Every = Callable[..., list[dict[str, Any]]]
Own = Callable[..., tuple[Emulator, httpx.Client]]
LATEST_RUN = {"id", "status", "environment", "mode", "pr_url", "pr_state", "task_summary"}


@pytest.fixture(scope="module")
def ids(client: httpx.Client, every: Every) -> list[str]:
    return [row["id"] for row in every(client, internal="all", archived="all")]


def test_a_row_says_what_the_schema_says_and_a_little_more(client: httpx.Client, ids: list[str], check: Check) -> None:
    answer = client.post(SUMMARIES, json={"ids": ids}, params={"limit": 100}).json()
    check(answer, "client/PaginatedTaskSummaryDTOList")
    for row in answer["results"]:
        check(row, "current/TaskSummary")
    runs = [row["latest_run"] for row in answer["results"]]
    assert None in runs
    assert all(set(run) == LATEST_RUN for run in runs if run)
    assert any(run["pr_url"] for run in runs if run)


def test_internal_and_archived_tasks_are_returned_and_the_newest_come_first(
    client: httpx.Client, ids: list[str]
) -> None:
    rows: list[dict[str, Any]] = []
    for offset in range(0, len(ids), 100):
        page = client.post(SUMMARIES, json={"ids": ids[::-1]}, params={"limit": 100, "offset": offset}).json()
        assert page["count"] == len(ids)
        rows += page["results"]
    assert [row["id"] for row in rows] == ids
    hidden = {row["id"] for row in rows} - {row["id"] for row in client.get(f"{PROJECT}/?limit=100").json()["results"]}
    assert hidden


def test_ties_of_created_at_are_broken_by_id_ascending(own: Own) -> None:
    emulator, client = own(tasks=1)
    made = [emulator.mutate("new_task")["task_id"] for _ in range(9)]
    rows = client.post(SUMMARIES, json={"ids": made}).json()["results"]
    assert [row["id"] for row in rows] == sorted(made)
    listed = client.get(f"{PROJECT}/?limit=9").json()["results"]
    assert [row["id"] for row in listed] == sorted(made, reverse=True)


def test_latest_run_is_the_newest_one(client: httpx.Client, ids: list[str]) -> None:
    for row in client.post(SUMMARIES, json={"ids": ids}, params={"limit": 40}).json()["results"]:
        runs = client.get(f"{PROJECT}/{row['id']}/runs/?limit=100").json()["results"]
        newest = max(runs, key=lambda run: (run["created_at"], run["id"]), default=None)
        assert (row["latest_run"] or {}).get("id") == (newest or {}).get("id")


def test_unknown_deleted_and_invisible_ids_are_dropped_without_a_mark(own: Own) -> None:
    emulator, client = own(tasks=30)
    wanted = [row["id"] for row in client.get(f"{PROJECT}/?limit=3").json()["results"]]
    emulator.mutate("delete", task_id=wanted[0])
    emulator.mutate("hide", task_id=wanted[1])
    answer = client.post(SUMMARIES, json={"ids": [*wanted, UNKNOWN]}).json()
    assert (answer["count"], [row["id"] for row in answer["results"]]) == (1, [wanted[2]])
    assert client.post(SUMMARIES, json={"ids": [UNKNOWN]}).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }


def test_another_projects_ids_are_dropped(client: httpx.Client, ids: list[str]) -> None:
    assert client.post("/api/projects/1/tasks/summaries/", json={"ids": ids}).json()["count"] == len(ids)
    other = client.post(
        "/api/projects/2/tasks/summaries/", json={"ids": ids}, headers={"Authorization": "Bearer phx_star"}
    )
    assert other.json()["count"] == 0


def test_duplicates_and_spellings_collapse(client: httpx.Client, ids: list[str]) -> None:
    spelled = [ids[0], ids[0].upper(), ids[0].replace("-", ""), f"{{{ids[0]}}}"]
    assert client.post(SUMMARIES, json={"ids": spelled}).json()["count"] == 1


def test_next_is_only_an_address_for_the_same_body(client: httpx.Client, ids: list[str]) -> None:
    first = client.post(SUMMARIES, json={"ids": ids}).json()
    assert len(first["results"]) == 50
    assert client.get(first["next"]).status_code == 405
    second = client.post(first["next"], json={"ids": ids}).json()
    assert [row["id"] for row in second["results"]] == ids[50:100]
    assert client.post(first["next"]).status_code == 400


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "ids"),
        ({"ids": []}, "empty", "ids"),
        ({"ids": None}, "null", "ids"),
        ({"ids": UNKNOWN}, "not_a_list", "ids"),
        ({"ids": {"a": 1}}, "not_a_list", "ids"),
        ({"ids": [UNKNOWN, "nonsense"]}, "invalid_input", "ids__1"),
        ({"ids": [None]}, "null", "ids__0"),
        ({"ids": [UNKNOWN] * 5001}, "max_length", "ids"),
        ([UNKNOWN], "invalid_input", None),
    ],
)
def test_a_body_that_does_not_validate_is_400(client: httpx.Client, body: Any, code: str, attr: str | None) -> None:
    answer = client.post(SUMMARIES, json=body)
    assert answer.status_code == 400
    error = answer.json()
    assert (error["type"], error["code"], error["attr"]) == ("validation_error", code, attr)


def test_no_body_at_all_lacks_the_ids_and_5000_are_fine(client: httpx.Client) -> None:
    assert client.post(SUMMARIES).json()["code"] == "required"
    assert client.post(SUMMARIES, json={"ids": [UNKNOWN] * 5000}).status_code == 200
