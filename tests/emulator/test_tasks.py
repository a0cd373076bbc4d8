"""The task list and one task: rows, filters, orders, visibility and what changes do to them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator

PROJECT = "/api/projects/1/tasks"
LIST = f"{PROJECT}/"
ALL = {"internal": "all", "archived": "all"}
Check = Callable[[Any, str], None]
Every = Callable[..., list[dict[str, Any]]]
AsKey = Callable[[str], httpx.Client]
Own = Callable[..., tuple[Emulator, httpx.Client]]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows(client: httpx.Client, every: Every) -> Rows:
    return every(client, **ALL)


def test_rows_fit_the_schemas_and_hold_every_oddity(rows: Rows, check: Check) -> None:
    for row in rows:
        check(row, "current/Task")
        check(row, "official/Task")
        if row["latest_run"]:
            check(row["latest_run"], "current/TaskRun")
    for name in ("latest_run", "created_by", "repository", "channel"):
        assert {row[name] is None for row in rows} == {True, False}
    assert {row["internal"] for row in rows} == {row["archived"] for row in rows} == {True, False}
    assert len({row["origin_product"] for row in rows}) > 8
    assert any(len(row["repositories"]) > 1 for row in rows)


def test_the_newest_task_comes_first(rows: Rows) -> None:
    keys = [(row["created_at"], row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=True)


def test_internal_and_archived_tasks_are_hidden_unless_asked_for(
    client: httpx.Client, every: Every, rows: Rows
) -> None:
    def wanted(*, internal: bool | None, archived: bool | None) -> list[str]:
        return [
            row["id"] for row in rows if internal in {None, row["internal"]} and archived in {None, row["archived"]}
        ]

    def listed(**query: str) -> list[str]:
        return [row["id"] for row in every(client, **query)]

    assert listed() == wanted(internal=False, archived=False)
    assert listed(internal="true") == wanted(internal=True, archived=False)
    assert listed(internal="all") == wanted(internal=None, archived=False)
    assert listed(archived="true") == wanted(internal=False, archived=True)
    assert listed(archived="all", internal="all") == wanted(internal=None, archived=None)


def test_ordering_by_activity_and_no_other(client: httpx.Client, every: Every, rows: Rows) -> None:
    ordered = every(client, ordering="-last_activity_at", **ALL)
    assert {row["id"] for row in ordered} == {row["id"] for row in rows}
    keys = [(row["last_activity_at"], row["id"]) for row in ordered]
    assert keys == sorted(keys, reverse=True)
    refused = client.get(LIST, params={"ordering": "updated_at"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_choice")


def test_an_older_server_ignores_what_it_does_not_know(own: Own) -> None:
    _, client = own(ignored_parameters=frozenset({"ordering", "internal", "archived"}))
    plain = client.get(LIST).json()["count"]
    assert client.get(LIST, params={"ordering": "-last_activity_at", **ALL}).json()["count"] == plain


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ({"origin_product": "slack"}, lambda row: row["origin_product"] == "slack"),
        ({"organization": "acme"}, lambda row: (row["repository"] or "").startswith("acme/")),
        ({"repository": "ACME/gateway"}, lambda row: row["repository"] == "acme/gateway"),
        ({"repository": "worker"}, lambda row: (row["repository"] or "").endswith("/worker")),
        ({"created_by": "3"}, lambda row: (row["created_by"] or {}).get("id") == 3),
        ({"status": "failed"}, lambda row: (row["latest_run"] or {}).get("status") == "failed"),
        (
            {"ci_status": "failing"},
            lambda row: ((row["latest_run"] or {}).get("output") or {}).get("ci_status") == "failing",
        ),
        ({"search": "LOGIN redirect"}, lambda row: "login redirect" in (row["title"] + row["description"]).lower()),
        ({"search": ""}, lambda _: True),
        ({"mentions": "2"}, lambda _: False),
    ],
)
def test_filters(
    client: httpx.Client, every: Every, rows: Rows, query: dict[str, str], keep: Callable[[dict[str, Any]], bool]
) -> None:
    expected = [row["id"] for row in rows if keep(row)]
    assert [row["id"] for row in every(client, **ALL, **query)] == expected
    assert expected or query == {"mentions": "2"}


def test_search_finds_a_task_by_its_number(client: httpx.Client, rows: Rows) -> None:
    row = next(row for row in rows if row["task_number"])
    found = client.get(LIST, params={"search": f"task {row['task_number']}", **ALL}).json()["results"]
    assert row["id"] in [one["id"] for one in found]


def test_channel_and_pinned_filters_agree_with_the_rows(client: httpx.Client, every: Every, rows: Rows) -> None:
    channel = next(row["channel"] for row in rows if row["channel"])
    found = {row["id"] for row in every(client, channel=channel, **ALL)}
    assert found == {row["id"] for row in rows if row["channel"] == channel}
    pinned = client.get(f"{PROJECT}/pinned/").json()["task_ids"]
    assert {row["id"] for row in every(client, pinned="true", **ALL)} == set(pinned)


def test_a_task_is_pinned_and_unpinned_for_one_user_alone(own: Own) -> None:
    emulator, client = own(tasks=5)
    second = {"Authorization": "Bearer phx_second_user"}
    task = client.get(LIST).json()["results"][0]["id"]
    before = client.get(f"{PROJECT}/pinned/", headers=second).json()
    for pinned in (True, False):
        emulator.mutate("pinned", task_id=task, pinned=pinned)
        assert (task in client.get(f"{PROJECT}/pinned/").json()["task_ids"]) is pinned
        found = client.get(LIST, params={"pinned": "true", **ALL}).json()["results"]
        assert (task in [row["id"] for row in found]) is pinned
        assert client.get(f"{PROJECT}/pinned/", headers=second).json() == before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"created_by": "me"}, "invalid_input"),
        ({"channel": "general"}, "invalid_input"),
        ({"status": "done"}, "invalid_choice"),
        ({"internal": "maybe"}, "invalid_choice"),
    ],
)
def test_a_filter_value_that_means_nothing_is_400(client: httpx.Client, query: dict[str, str], code: str) -> None:
    answer = client.get(LIST, params=query)
    assert (answer.status_code, answer.json()["code"], answer.json()["attr"]) == (400, code, next(iter(query)))


def test_one_task_is_the_row_of_the_list_but_for_its_signed_url(client: httpx.Client, rows: Rows) -> None:
    row = next(row for row in rows if (run := row["latest_run"]) and run["log_url"] and not run["artifacts"])
    first, second = (client.get(f"{PROJECT}/{row['id']}/").json() for _ in range(2))
    urls = {one["latest_run"].pop("log_url") for one in (first, second)}
    assert len(urls) == 2
    assert not first["latest_run"]["artifacts"]
    assert first == second == {**row, "latest_run": {k: v for k, v in row["latest_run"].items() if k != "log_url"}}


def test_the_slug_follows_the_name_of_the_project(own: Own) -> None:
    emulator, client = own(tasks=10)
    row = next(row for row in client.get(LIST).json()["results"] if row["task_number"])
    assert row["slug"] == f"SHO-{row['task_number']}"
    emulator.mutate("project", name="Warehouse")
    assert client.get(f"{PROJECT}/{row['id']}/").json()["slug"] == f"WAR-{row['task_number']}"


def test_two_users_see_two_different_lists(as_key: AsKey, every: Every, rows: Rows) -> None:
    other = as_key("phx_second_user")
    theirs = {row["id"]: row for row in every(other, **ALL)}
    mine = {row["id"]: row for row in rows}
    assert set(theirs) - set(mine)
    shared = ("signal_report", "signals_scout", "onboarding", "hogdesk", "experiments", "workflow")
    for row in [*(mine[one] for one in set(mine) - set(theirs)), *(theirs[one] for one in set(theirs) - set(mine))]:
        assert row["channel"] is not None or row["created_by"] is not None
        trial = row["origin_product"] == "signals_scout"
        assert row["channel"] is not None or trial or row["origin_product"] not in shared
    only_mine = next(one for one in mine if one not in theirs)
    assert other.get(f"{PROJECT}/{only_mine}/").status_code == 404
    assert other.get(f"{PROJECT}/{only_mine}/usage/").status_code == 404


def test_a_deleted_task_vanishes_but_its_runs_still_answer(own: Own) -> None:
    emulator, client = own(tasks=30)
    row = next(row for row in client.get(LIST).json()["results"] if row["latest_run"])
    count = client.get(LIST).json()["count"]
    emulator.mutate("delete", task_id=row["id"])
    assert client.get(LIST).json()["count"] == count - 1
    assert client.get(f"{PROJECT}/{row['id']}/").status_code == 404
    assert client.get(f"{PROJECT}/{row['id']}/runs/").json()["count"] >= 1


def test_hiding_and_showing_a_task_looks_like_deleting_and_making_it(own: Own) -> None:
    emulator, client = own(tasks=5)
    task = emulator.mutate("new_task", title="Now you see me")["task_id"]
    assert client.get(f"{PROJECT}/{task}/").json()["title"] == "Now you see me"
    emulator.mutate("hide", task_id=task)
    assert client.get(f"{PROJECT}/{task}/").status_code == 404
    assert client.get(f"{PROJECT}/{task}/runs/").json()["detail"] == "Task not found"
    emulator.mutate("show", task_id=task)
    assert client.get(LIST).json()["results"][0]["id"] == task


def test_renaming_and_archiving_move_updated_at_and_not_the_activity(own: Own) -> None:
    emulator, client = own(tasks=5)
    task = emulator.mutate("new_task")["task_id"]
    emulator.clock(advance_s=60)
    emulator.mutate("rename", task_id=task, title="Another name")
    row = client.get(f"{PROJECT}/{task}/").json()
    assert (row["title"], row["updated_at"]) == ("Another name", "2026-09-14T10:01:00Z")
    assert row["last_activity_at"] == "2026-09-14T10:00:00Z"
    emulator.mutate("archive", task_id=task)
    assert client.get(f"{PROJECT}/{task}/").json()["archived_at"] == "2026-09-14T10:01:00Z"
    assert task not in [row["id"] for row in client.get(LIST).json()["results"]]


def test_runs_move_last_activity_but_never_updated_at(own: Own) -> None:
    for moves in (True, False):
        emulator, client = own(tasks=5, live_runs=0, activity_moves=moves)
        made = emulator.mutate("new_task", run=True)
        before = client.get(f"{PROJECT}/{made['task_id']}/").json()
        emulator.clock(advance_s=900)
        after = client.get(f"{PROJECT}/{made['task_id']}/").json()
        assert after["latest_run"]["status"] in {"completed", "failed", "cancelled"}
        assert after["updated_at"] == before["updated_at"]
        assert (after["last_activity_at"] > before["last_activity_at"]) is moves
        first = client.get(LIST, params={"ordering": "-last_activity_at", **ALL}).json()["results"][0]["id"]
        assert first == made["task_id"]


@pytest.mark.parametrize("moves", [True, False])
def test_an_older_run_moves_the_activity_of_its_task_unless_it_is_set_not_to(own: Own, moves: bool) -> None:  # noqa: FBT001
    emulator, client = own(tasks=5, live_runs=0, older_runs_move=moves)
    task = emulator.mutate("new_task")["task_id"]
    times = []
    older = emulator.mutate("schedule", task_id=task)["run_id"]
    emulator.clock(advance_s=60)
    latest = emulator.mutate("schedule", task_id=task)["run_id"]
    for run in (older, latest):
        times.append(client.get(f"{PROJECT}/{task}/").json()["last_activity_at"])
        emulator.clock(advance_s=60)
        emulator.mutate("finish", run_id=run)
    times.append(client.get(f"{PROJECT}/{task}/").json()["last_activity_at"])
    assert times[2] > times[0]
    assert (times[1] > times[0]) is moves


def test_usage_grows_while_a_run_goes_on_and_has_its_own_error_shape(own: Own, check: Check) -> None:
    emulator, client = own(tasks=5)
    task = emulator.mutate("new_task", run=True)["task_id"]
    usage = []
    for _ in range(3):
        usage.append(client.get(f"{PROJECT}/{task}/usage/").json())
        truth = {row["id"]: row["usage"] for row in emulator.truth(runs=False)["tasks"]}
        assert usage[-1] == truth[task]
        emulator.clock(advance_s=900)
    assert set(usage[0]) == {"token_cost_usd", "compute_cost_usd", "total_cost_usd"}
    assert usage[0]["total_cost_usd"] < usage[1]["total_cost_usd"] == usage[2]["total_cost_usd"]
    emulator.mutate("settings", metering_down=True)
    answer = client.get(f"{PROJECT}/{task}/usage/")
    assert (answer.status_code, answer.json()) == (502, {"error": "task_usage_upstream_unavailable"})
    check(answer.json(), "official/TaskRunErrorResponse")


def test_a_light_row_has_the_beginning_of_the_description_in_its_place(
    client: httpx.Client, every: Every, rows: Rows
) -> None:
    light = every(client, **ALL, basic="true")
    assert [row["id"] for row in light] == [row["id"] for row in rows]
    for one, full in zip(light, rows, strict=True):
        assert one["description_preview"] == full["description"][:1000]
        assert one.keys() ^ full.keys() == {"description", "description_preview"}
    assert every(client, **ALL, basic="false")[0].keys() == rows[0].keys()
