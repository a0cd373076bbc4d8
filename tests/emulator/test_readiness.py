"""Repositories of the tasks, and how ready each of them is: rules, degraded answers and the cache."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.state.classify import classify, overall
from taskhouse.emulator.world.facts import RepositoryFacts

PROJECT = "/api/projects/1/tasks"
READINESS = f"{PROJECT}/repository_readiness/"
CAPABILITIES = ("coreSuggestions", "replayInsights", "errorInsights")
Check = Callable[[Any, str], None]
Every = Callable[..., list[dict[str, Any]]]
Own = Callable[..., tuple[Emulator, httpx.Client]]


def ask(client: httpx.Client, repository: str = "acme/gateway", **query: Any) -> dict[str, Any]:
    answer = client.get(READINESS, params={"repository": repository, **query})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def states(answer: dict[str, Any]) -> list[str]:
    return [answer[name]["state"] for name in CAPABILITIES]


def test_repositories_are_those_of_visible_not_internal_tasks_archived_ones_included(
    client: httpx.Client, every: Every, check: Check
) -> None:
    answer = client.get(f"{PROJECT}/repositories/").json()
    check(answer, "official/TaskRepositoriesResponse")
    rows = every(client, archived="all")
    assert answer["repositories"] == sorted({row["repository"] for row in rows if row["repository"]})
    assert all(name == name.lower() and name.count("/") == 1 for name in answer["repositories"])


def test_repositories_change_with_the_tasks(own: Own) -> None:
    emulator, client = own(tasks=0, live_runs=0)
    task = emulator.mutate("new_task", repository="acme/only")["task_id"]

    def names() -> Any:
        return client.get(f"{PROJECT}/repositories/").json()["repositories"]

    assert names() == ["acme/only"]
    emulator.mutate("archive", task_id=task)
    assert names() == ["acme/only"]
    emulator.mutate("move", task_id=task, internal=True)
    assert names() == []
    emulator.mutate("move", task_id=task, internal=False, repository="Acme/Other")
    assert names() == ["acme/other"]
    emulator.mutate("hide", task_id=task)
    assert names() == []
    emulator.mutate("show", task_id=task)
    assert names() == ["acme/other"]
    emulator.mutate("delete", task_id=task)
    assert names() == []


def test_every_repository_of_the_world_is_answered_by_the_schema_and_the_rules(
    client: httpx.Client, check: Check
) -> None:
    seen = set()
    for repository in client.get(f"{PROJECT}/repositories/").json()["repositories"]:
        for window in (1, 7, 30):
            answer = ask(client, repository, window_days=window)
            check(answer, "official/RepositoryReadinessResponse")
            assert answer["overall"] == overall(states(answer))
            assert answer["windowDays"] == window
            assert answer["generatedAt"].endswith("+00:00")
            assert all(answer[name]["estimated"] is True for name in CAPABILITIES)
            excluded = answer["classification"] in {"test_or_sandbox", "sdk_or_library"}
            assert answer["excluded"] is excluded
            assert answer["scan"]["filesScanned"] <= 20
            assert answer["scan"]["detectedFilesCount"] <= 80
            seen |= set(states(answer))
    assert {"needs_setup", "ready", "not_applicable"} <= seen


@pytest.mark.parametrize(
    ("query", "code", "attr"),
    [
        ({}, "required", "repository"),
        ({"repository": "  "}, "blank", "repository"),
        ({"repository": "acme"}, "invalid_input", "repository"),
        ({"repository": "acme/"}, "invalid_input", "repository"),
        ({"repository": "a/b/c"}, "invalid_input", "repository"),
        ({"repository": "a/b", "window_days": "0"}, "min_value", "window_days"),
        ({"repository": "a/b", "window_days": "31"}, "max_value", "window_days"),
        ({"repository": "a/b", "window_days": "week"}, "invalid_input", "window_days"),
        ({"repository": "a/b", "refresh": "maybe"}, "invalid_input", "refresh"),
    ],
)
def test_parameters_are_validated_not_clamped(
    client: httpx.Client, query: dict[str, str], code: str, attr: str
) -> None:
    answer = client.get(READINESS, params=query)
    assert (answer.status_code, answer.json()["code"], answer.json()["attr"]) == (400, code, attr)


def test_the_name_is_normalised_and_the_window_is_7_days_by_default(client: httpx.Client) -> None:
    answer = ask(client, "  ACME/Gateway ", refresh="")
    assert (answer["repository"], answer["windowDays"]) == ("acme/gateway", 7)
    for truth in ("true", "1", "yes", "on", "T"):
        assert ask(client, refresh=truth)["cacheAgeSeconds"] == 0


def test_an_answer_is_cached_for_ten_minutes_each_window_by_itself(own: Own) -> None:
    emulator, client = own(tasks=20)
    first = ask(client)
    emulator.clock(advance_s=90.7)
    second = ask(client)
    assert (first["cacheAgeSeconds"], second["cacheAgeSeconds"]) == (0, 90)
    assert second | {"cacheAgeSeconds": 0} == first
    assert ask(client, window_days=8)["cacheAgeSeconds"] == 0
    refreshed = ask(client, refresh="true")
    assert refreshed["generatedAt"] > first["generatedAt"]
    emulator.clock(advance_s=599)
    assert ask(client)["generatedAt"] == refreshed["generatedAt"]
    emulator.clock(advance_s=1)
    assert ask(client)["generatedAt"] > refreshed["generatedAt"]


def test_without_an_integration_everything_needs_setup_and_nothing_is_cached(own: Own, check: Check) -> None:
    emulator, client = own(tasks=20, github_integration=False)
    answer = ask(client)
    check(answer, "client/RepositoryReadinessResponse")
    assert states(answer) == ["needs_setup"] * 3
    assert {answer[name]["reason"] for name in CAPABILITIES} == {"GitHub integration is not connected."}
    assert [answer[name]["evidence"] for name in CAPABILITIES] == [{}] * 3
    assert (answer["classification"], answer["overall"], "scan" in answer) == ("unknown", "needs_setup", False)
    emulator.clock(advance_s=5)
    assert ask(client)["cacheAgeSeconds"] == 0
    emulator.mutate("project", github_integration=True)
    assert "scan" in ask(client)


def test_without_a_token_everything_is_unknown_and_that_is_cached(own: Own) -> None:
    emulator, client = own(tasks=20, github_token=False)
    answer = ask(client)
    assert states(answer) == ["unknown"] * 3
    assert answer["coreSuggestions"]["reason"] == "Unable to access GitHub integration token."
    assert (answer["overall"], "scan" in answer) == ("unknown", False)
    emulator.mutate("project", github_token=True)
    emulator.clock(advance_s=599)
    assert ask(client)["overall"] == "unknown"
    emulator.clock(advance_s=2)
    assert "scan" in ask(client)


def test_an_unknown_repository_looks_empty_and_is_never_404(client: httpx.Client) -> None:
    answer = ask(client, "nobody/knows-this-api")
    assert not any(answer["scan"].values())
    assert len(answer["scan"]) == 6
    assert answer["classification"] == "backend_service"
    assert states(answer) == ["needs_setup", "not_applicable", "needs_setup"]
    assert answer["overall"] == "needs_setup"


def test_capabilities_follow_the_code_the_switches_and_the_data(own: Own) -> None:
    emulator, client = own(tasks=20)
    name = client.get(f"{PROJECT}/repositories/").json()["repositories"][0]
    emulator.mutate("move", task_id=emulator.mutate("new_task")["task_id"], repository="acme/front")

    def now(**facts: Any) -> dict[str, Any]:
        emulator.mutate("repository", repository=name, **facts)
        return ask(client, name, refresh="true", window_days=30)

    bare = {"reachable": True, "frontend_markers": 9, "backend_markers": 0, "frontend_files": 40}
    answer = now(**bare, init=False, capture=False, errors=False)
    if answer["excluded"]:
        pytest.fail("the first repository of this seed is meant to be an ordinary one")
    assert (answer["classification"], states(answer)) == ("frontend_js", ["needs_setup"] * 3)
    answer = now(init=True)
    assert states(answer)[0] == "needs_setup"
    assert states(answer)[2] in {"ready", "waiting_for_data"}
    assert now(capture=True)["coreSuggestions"]["state"] in {"ready", "waiting_for_data"}
    emulator.mutate("project", proactive_tasks=False, session_recording=False, exception_autocapture=False)
    answer = now(errors=True)
    assert (states(answer), answer["overall"]) == (["detected"] * 3, "detected")


def test_evidence_counts_the_session_summaries_of_the_window(own: Own) -> None:
    emulator, client = own(tasks=20, live_runs=0)
    before = ask(client, window_days=1)["evidenceTaskCount"]
    for origin in ("session_summaries", "user_created"):
        emulator.mutate("new_task", repository="acme/gateway", origin_product=origin)
    emulator.clock(advance_s=1)
    assert ask(client, window_days=1, refresh="1")["evidenceTaskCount"] == before + 1
    emulator.clock(advance_s=86400)
    assert ask(client, window_days=1)["evidenceTaskCount"] == 0


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("acme/calibrate", {"frontend_markers": 3}, "sdk_or_library"),
        ("acme/latest-news", {"backend_markers": 3}, "test_or_sandbox"),
        ("acme/python-sdk", {}, "sdk_or_library"),
        ("acme/gateway", {"frontend_markers": 2, "backend_markers": 1}, "frontend_js"),
        ("acme/web-gateway", {"frontend_markers": 1, "backend_markers": 2}, "backend_service"),
        ("acme/website-api", {}, "frontend_js"),
        ("acme/infra", {}, "backend_service"),
        ("acme/gateway", {"frontend_files": 1, "backend_files": 9}, "backend_service"),
        ("acme/gateway", {}, "unknown"),
        ("acme/gateway", {"frontend_markers": 5, "reachable": False}, "unknown"),
    ],
)
def test_classification(name: str, facts: dict[str, Any], expected: str) -> None:
    assert classify(name, RepositoryFacts(**facts)) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["not_applicable"] * 3, "unknown"),
        (["ready", "not_applicable", "ready"], "ready"),
        (["needs_setup", "not_applicable", "needs_setup"], "needs_setup"),
        (["needs_setup", "detected", "detected"], "detected"),
        (["detected", "detected", "not_applicable"], "detected"),
        (["ready", "unknown", "ready"], "unknown"),
        (["ready", "needs_setup", "ready"], "partial"),
        (["waiting_for_data", "waiting_for_data", "waiting_for_data"], "partial"),
        (["detected", "waiting_for_data", "needs_setup"], "partial"),
    ],
)
def test_overall(found: list[str], expected: str) -> None:
    assert overall(found) == expected
