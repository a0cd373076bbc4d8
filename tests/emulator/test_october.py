"""What rows hold since October 2026, and what servers before that say in their place."""

import random
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator import origins
from taskhouse.emulator.api.run_rows import BORROWED, PUBLIC_STATE
from taskhouse.emulator.script import RunSpec, play
from taskhouse.emulator.script.rare import rarity
from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.versions import VERSIONS
from tests.emulator.conftest import START

PROJECT = "/api/projects/1/tasks"
EVERYTHING = {"internal": "all", "archived": "all"}
NEW_RUN_KEYS = {"task_summary", "task_tags", "scheduled_at", "preview_available"}
SECRET_STATE = {"token_usage", "sandbox_url", "sandbox_connect_token", "task_summary", "stream_thin_tail"}
Own = Callable[..., tuple[Emulator, httpx.Client]]
Every = Callable[..., list[dict[str, Any]]]


def switches(version: str) -> dict[str, Any]:
    """What a server of that version has not, as far as rows are concerned."""
    names = ("public_state", "borrowed_output", "uuid_routes", "omitted", "ignored_parameters")
    return {name: VERSIONS[version][name] for name in names if name in VERSIONS[version]}


def latest_runs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row["latest_run"] for row in rows if row["latest_run"]]


def test_the_state_of_a_run_is_served_by_its_public_keys_alone(own: Own, every: Every) -> None:
    _, client = own(tasks=120, thin_tail=0.5)
    states = [run["state"] for run in latest_runs(every(client, **EVERYTHING))]
    assert all(PUBLIC_STATE.issuperset(state) for state in states)
    assert {"mode", "run_source", "resume_from_run_id", "pending_user_message"} <= set().union(*states)


@pytest.mark.parametrize(("version", "whole"), [("2026-09", False), ("2026-07", True), ("2026-05", True)])
def test_until_august_2026_the_state_was_served_whole_secrets_included(
    version: str,
    whole: bool,  # noqa: FBT001 - a case of the table
    own: Own,
    every: Every,
) -> None:
    _, client = own(tasks=120, thin_tail=0.5, **switches(version))
    runs = latest_runs(every(client, **EVERYTHING))
    keys = set().union(*(run["state"] for run in runs))
    assert keys >= SECRET_STATE if whole else not keys & SECRET_STATE
    assert not NEW_RUN_KEYS & set().union(*runs)


def test_runs_have_a_summary_tags_a_schedule_and_a_preview(own: Own, every: Every) -> None:
    _, client = own(tasks=200)
    runs = latest_runs(every(client, **EVERYTHING))
    assert all(run.keys() >= NEW_RUN_KEYS for run in runs)
    assert {bool(run["task_summary"]) for run in runs if run["status"] == "completed"} == {True, False}
    assert {tuple(run["task_tags"]) for run in runs} > {(), ("bug",)}
    assert {run["preview_available"] for run in runs} == {True, False}
    assert {run["scheduled_at"] for run in runs} == {None}


def test_a_summary_says_who_made_the_task_and_what_its_latest_run_came_to(own: Own, every: Every) -> None:
    emulator, client = own(tasks=200)
    rows = {row["id"]: row for row in every(client, **EVERYTHING)}
    ids = [*rows]
    found = {
        row["id"]: row for row in client.post(f"{PROJECT}/summaries/?limit=100", json={"ids": ids}).json()["results"]
    }
    for row in found.values():
        task = rows[row["id"]]
        assert "created_by" not in row
        assert row["created_by_id"] == (task["created_by"] or {}).get("id")
        run = task["latest_run"]
        if run is not None:
            assert [row["latest_run"][name] for name in ("id", "status", "environment", "task_summary")] == [
                run[name] for name in ("id", "status", "environment", "task_summary")
            ]
            assert row["latest_run"]["mode"] == run["state"]["mode"]
    done = next(row for row in found.values() if (row["latest_run"] or {}).get("task_summary"))
    emulator.mutate("protected", run_id=done["latest_run"]["id"])
    again = client.post(f"{PROJECT}/summaries/", json={"ids": [done["id"]]}).json()["results"][0]["latest_run"]
    assert [again[name] for name in ("task_summary", "pr_url", "pr_state")] == [None] * 3
    nested = client.get(f"{PROJECT}/{done['id']}/").json()["latest_run"]
    assert [nested[name] for name in ("task_summary", "task_tags", "output", "log_url")] == [None] * 4
    assert nested["artifacts"] == []


def test_the_list_is_filtered_by_the_pull_request_of_the_latest_run_itself(own: Own, every: Every) -> None:
    _, client = own(tasks=90)
    ids = [row["id"] for row in every(client, **EVERYTHING)]
    answer = client.post(f"{PROJECT}/summaries/?limit=100", json={"ids": ids}).json()
    merged = [row["id"] for row in answer["results"] if (row["latest_run"] or {}).get("pr_state") == "merged"]
    assert merged
    assert [row["id"] for row in every(client, **EVERYTHING, pr_state="merged")] == merged


def borrowers(client: httpx.Client, rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Runs as their task shows them and as their own route does, where the two differ in their output."""
    pairs = []
    for run in latest_runs(rows):
        own = client.get(f"{PROJECT}/{run['task']}/runs/{run['id']}/").json()
        if own["output"] != run["output"]:
            pairs.append((run, own))
    return pairs


def test_a_run_inside_its_task_borrows_the_pull_request_of_an_earlier_one(own: Own, every: Every) -> None:
    emulator, client = own(tasks=200)
    pairs = borrowers(client, every(client, **EVERYTHING))
    assert pairs
    for nested, alone in pairs:
        earlier = client.get(f"{PROJECT}/{nested['task']}/runs/").json()["results"]
        lender = next(run for run in earlier if run["id"] != nested["id"] and (run["output"] or {}).get("pr_url"))
        lent = {name: lender["output"][name] for name in BORROWED if name in lender["output"]}
        assert not (alone["output"] or {}).get("pr_url")
        assert nested["output"] == {**(alone["output"] or {}), **lent}
    emulator.mutate("protected", run_id=lender["id"])
    assert client.get(f"{PROJECT}/{nested['task']}/").json()["latest_run"]["output"] == alone["output"]


def test_before_october_2026_nothing_was_borrowed(own: Own, every: Every) -> None:
    _, client = own(tasks=200, **switches("2026-09"))
    assert borrowers(client, every(client, **EVERYTHING)) == []


def test_only_the_creator_of_a_workflows_task_reads_what_its_runs_are_called(own: Own) -> None:
    emulator, client = own(tasks=2, live_runs=0)
    for creator in (1, 2):
        made = emulator.mutate("new_task", run=True, origin_product="workflow", created_by=creator)
        emulator.clock(advance_s=1)
        emulator.mutate("finish", run_id=made["run_id"])
        mine, theirs = (
            client.get(f"{PROJECT}/{made['task_id']}/", headers={"Authorization": f"Bearer {key}"}).json()["latest_run"]
            for key in (("phx_emulator", "phx_second_user") if creator == 1 else ("phx_second_user", "phx_emulator"))
        )
        assert (theirs["task_summary"], theirs["task_tags"]) == (None, [])
        assert mine.keys() == theirs.keys()


@pytest.mark.parametrize("version", ["2026-10", "2026-09"])
def test_an_id_that_is_no_uuid_is_404_and_was_an_error_of_the_server(version: str, own: Own) -> None:
    emulator, client = own(tasks=2, live_runs=0, **switches(version))
    task = emulator.truth()["tasks"][0]["id"]
    assert client.get(f"{PROJECT}/nonsense/").status_code == (404 if version == "2026-10" else 500)
    assert client.get(f"{PROJECT}/nonsense/runs/").status_code == 404
    answer = client.get(f"{PROJECT}/{task}/runs/nonsense/")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Task run not found")


def test_light_rows_and_origins_that_are_left_out(own: Own, every: Every) -> None:
    _, client = own(tasks=80)
    light = every(client, basic="true")
    assert all("description" not in row and len(row["description_preview"]) <= 1000 for row in light)
    origins = {row["origin_product"] for row in light}
    kept = {row["origin_product"] for row in every(client, exclude_origin_product="slack")}
    assert origins - kept == {"slack"}
    assert {row["origin_key"] is None for row in light if row["origin_product"] == "user_created"} == {True}
    _, old = own(tasks=80, **switches("2026-09"))
    assert {row["origin_product"] for row in every(old, exclude_origin_product="slack")} == origins
    assert "description" in every(old, basic="true")[0]


def spec_of(*, october: bool) -> RunSpec:
    return RunSpec("run", "task", "acme/web", "b", "claude", "completed", START, 600.0, size=25.0, october=october)


def rare_kinds(*, october: bool) -> set[str]:
    """The kinds of event that few runs have: methods, or types where there is none."""
    scene = Scene(spec_of(october=october), random.Random(1))
    parts = [part for _ in range(400) for part in rarity(scene)]
    assert all("timestamp" not in (part.body or {}) for part in parts if part.where == "frame")
    return {part.method or (part.body or {})["type"] for part in parts}


def shown(*, october: bool) -> str:
    """All that some long runs say, in both layers."""
    steps = [step for seed in range(3) for step in play(spec_of(october=october), random.Random(seed))]
    return "\n".join(text for step in steps for text in (step.live, step.log) if text)


def test_agents_of_october_have_boots_of_any_text_and_say_new_things() -> None:
    new, old = shown(october=True), shown(october=False)
    methods = ("credential_response", "background_turn_started", "side_question", "pi_extension_event")
    assert rare_kinds(october=True) - rare_kinds(october=False) == {
        "credential_request",
        *(f"_posthog/{name}" for name in methods),
    }
    assert "the key [REDACTED] is set " in new, "so the log says"
    assert "the key sk-" in new, "and so the stream"
    assert "[REDACTED]" not in old
    boots = [set(re.findall(r'"event_id": ?"(.+?)-[0-9]+"', text)) for text in (new, old)]
    assert not any(boot.isdigit() for boot in boots[0])
    assert all(boot.isdigit() for boot in boots[1])


def test_origins_are_those_of_the_time(own: Own, every: Every) -> None:
    seen = [
        {row["origin_product"] for row in every(own(tasks=600, origins=served)[1], **EVERYTHING)}
        for served in (origins.ORIGINS, origins.OLD_ORIGINS, origins.SPRING_ORIGINS)
    ]
    assert "workflow" in seen[0] - seen[1]
    assert "business_knowledge" not in seen[0], "nobody sees those"
    assert seen[1] - seen[0] == {"automation"}
    assert seen[2] == {
        *("error_tracking", "eval_clusters", "user_created", "automation"),
        *("slack", "support_queue", "session_summaries", "signal_report"),
    }
