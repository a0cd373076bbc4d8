"""What holds for every endpoint: slashes, credentials, scopes, error bodies, paging and how values look."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator

PROJECT = "/api/projects/1/tasks"
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
Check = Callable[[Any, str], None]
AsKey = Callable[[str], httpx.Client]
Own = Callable[..., tuple[Emulator, httpx.Client]]


def error_of(answer: httpx.Response) -> tuple[int, str, str, str | None]:
    body = answer.json()
    assert list(body) == ["type", "code", "detail", "attr"]
    return answer.status_code, body["type"], body["code"], body["attr"]


@pytest.mark.parametrize("path", ["", "/repositories", "/pinned", "/repository_readiness?repository=a/b"])
def test_both_slash_forms_are_served_without_a_redirect(client: httpx.Client, path: str) -> None:
    path, _, query = path.partition("?")
    for slash in ("", "/"):
        assert client.get(f"{PROJECT}{path}{slash}", params=httpx.QueryParams(query)).status_code == 200


def test_next_repeats_the_slash_form_and_the_other_parameters(client: httpx.Client) -> None:
    with_slash = client.get(f"{PROJECT}/?limit=1&search=in&foo=bar").json()["next"]
    assert with_slash == f"{client.base_url}{PROJECT}/?foo=bar&limit=1&offset=1&search=in"
    assert "/tasks?limit=1&offset=1" in client.get(f"{PROJECT}?limit=1").json()["next"]


def test_current_is_the_users_own_project(client: httpx.Client, as_key: AsKey) -> None:
    assert client.get("/api/projects/@current/tasks/").json()["count"] == client.get(f"{PROJECT}/").json()["count"]
    other = as_key("phx_project_2").get("/api/projects/@current/tasks/repositories/")
    assert other.status_code == 200


def test_a_missing_credential_is_403_and_not_401(as_key: AsKey, check: Check) -> None:
    answer = as_key("").get(f"{PROJECT}/")
    assert error_of(answer) == (403, "authentication_error", "not_authenticated", None)
    assert answer.json()["detail"] == "Authentication credentials were not provided."
    assert "www-authenticate" not in answer.headers
    check(answer.json(), "current/ErrorHog")


def test_a_wrong_key_is_403_with_its_own_code(as_key: AsKey) -> None:
    answer = as_key("phx_wrong").get(f"{PROJECT}/")
    assert error_of(answer) == (403, "authentication_error", "authentication_failed", None)
    assert answer.json()["detail"] == "Personal API key found in request Authorization header is invalid."


def test_the_key_is_also_looked_for_in_the_query_and_in_the_body(as_key: AsKey) -> None:
    nobody = as_key("")
    assert nobody.get(f"{PROJECT}/", params={"personal_api_key": "phx_emulator"}).status_code == 200
    body = {"ids": [UNKNOWN], "personal_api_key": "phx_emulator"}
    assert nobody.post(f"{PROJECT}/summaries/", json=body).json()["count"] == 0


def test_an_oauth_token_is_accepted(as_key: AsKey) -> None:
    assert as_key("pha_oauth").get(f"{PROJECT}/").status_code == 200
    assert as_key("pha_wrong").get(f"{PROJECT}/").json()["code"] == "authentication_failed"


def test_a_key_without_the_scope_is_told_which_one_is_missing(as_key: AsKey) -> None:
    answer = as_key("phx_insights").get(f"{PROJECT}/")
    assert error_of(answer) == (403, "authentication_error", "permission_denied", None)
    assert answer.json()["detail"] == "API key missing required scope 'task:read'"


@pytest.mark.parametrize("key", ["phx_writer", "phx_star", "phx_emulator"])
def test_write_and_star_satisfy_read_and_summaries_need_only_read(as_key: AsKey, key: str) -> None:
    holder = as_key(key)
    assert holder.get(f"{PROJECT}/").status_code == 200
    assert holder.post(f"{PROJECT}/summaries/", json={"ids": [UNKNOWN]}).status_code == 200


def test_a_key_of_another_project_is_refused_with_the_projects_id(as_key: AsKey) -> None:
    answer = as_key("phx_project_2").get(f"{PROJECT}/")
    assert error_of(answer) == (403, "authentication_error", "permission_denied", None)
    assert answer.json()["detail"] == "API key does not have access to the requested project: ID 1."


def test_a_user_who_is_no_member_is_refused(as_key: AsKey) -> None:
    outsider = as_key("phx_outsider")
    assert outsider.get(f"{PROJECT}/").json()["detail"] == "You don't have access to the project."
    assert outsider.get("/api/projects/2/tasks/").status_code == 200


def test_the_old_feature_gate_can_be_turned_on(own: Own) -> None:
    _, client = own(flag_gate=True, tasks=3)
    for path in ("/", "/repositories/", f"/{UNKNOWN}/"):
        assert client.get(PROJECT + path).json()["code"] == "permission_denied"


def test_wrong_methods_are_405_and_name_the_right_ones(client: httpx.Client) -> None:
    answer = client.get(f"{PROJECT}/summaries/")
    assert error_of(answer) == (405, "invalid_request", "method_not_allowed", None)
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert answer.json()["detail"] == 'Method "GET" not allowed.'
    assert client.delete(f"{PROJECT}/repositories/").status_code == 405


def test_an_accept_header_that_excludes_json_is_406(client: httpx.Client) -> None:
    answer = client.get(f"{PROJECT}/", headers={"Accept": "application/jsonl"})
    assert error_of(answer) == (406, "invalid_request", "not_acceptable", None)
    for accepted in ("*/*", "application/*", "text/html, application/json;q=0.5"):
        assert client.get(f"{PROJECT}/repositories/", headers={"Accept": accepted}).status_code == 200


def test_a_body_of_another_type_is_415_and_a_broken_one_400(client: httpx.Client) -> None:
    text = client.post(f"{PROJECT}/summaries/", content="ids", headers={"Content-Type": "text/plain"})
    assert error_of(text) == (415, "invalid_request", "unsupported_media_type", None)
    broken = client.post(f"{PROJECT}/summaries/", content="{", headers={"Content-Type": "application/json"})
    assert error_of(broken) == (400, "invalid_request", "parse_error", None)
    assert broken.json()["detail"].startswith("JSON parse error - ")


def test_credentials_are_checked_before_the_body(as_key: AsKey) -> None:
    answer = as_key("").post(f"{PROJECT}/summaries/", content="{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 403


def test_what_does_not_exist_is_404(client: httpx.Client) -> None:
    missing = client.get(f"{PROJECT}/{UNKNOWN}/")
    assert error_of(missing) == (404, "invalid_request", "not_found", None)
    assert missing.json()["detail"] == "Not found."
    assert client.get(f"{PROJECT}/{UNKNOWN}/runs/").json()["detail"] == "Task not found"
    assert client.get("/api/projects/77/tasks/").status_code == 404
    assert client.get("/api/no/such/thing").json()["detail"] == "Endpoint not found."


def test_an_id_that_is_no_uuid_is_404(client: httpx.Client) -> None:
    assert error_of(client.get(f"{PROJECT}/nonsense/")) == (404, "invalid_request", "not_found", None)
    assert client.get(f"{PROJECT}/nonsense/runs/").json()["detail"] == "Task not found"


LIMITS = {"": 50, "0": 50, "-3": 50, "ten": 50, "7": 7, "1000": 100, "1.0": 50, "1e1": 50, "0x7": 50, " 7": 7, "+7": 7}
ODD_LIMITS = {"1_0": 10, "\u0667": 7, "9" * 2000: 100, "9" * 5000: 50}
"""What Python reads as a number is one, and nothing else is."""


@pytest.mark.parametrize(("limit", "rows"), (LIMITS | ODD_LIMITS).items(), ids=lambda value: str(value)[:8])
def test_a_page_holds_50_rows_at_most_100_and_nonsense_is_the_default(
    client: httpx.Client, limit: str, rows: int
) -> None:
    answer = client.get(f"{PROJECT}/", params={"limit": limit, "internal": "all", "archived": "all"}).json()
    assert list(answer) == ["count", "next", "previous", "results"]
    assert len(answer["results"]) == rows
    assert f"limit={rows}&" in answer["next"]


def test_offsets_are_lenient_and_link_back(client: httpx.Client) -> None:
    first = client.get(f"{PROJECT}/?limit=10").json()
    for offset in ("-5", "x", "0", "1.0", "9" * 5000):
        assert client.get(f"{PROJECT}/?limit=10&offset={offset}").json()["results"][0] | {"latest_run": 0} == (
            first["results"][0] | {"latest_run": 0}
        )
    assert first["previous"] is None
    second = client.get(first["next"]).json()
    assert second["previous"].endswith("/tasks/?limit=10")
    assert client.get(second["next"]).json()["previous"].endswith("/tasks/?limit=10&offset=10")
    past = client.get(f"{PROJECT}/?offset=99999")
    assert past.status_code == 200
    assert past.json()["results"] == []
    assert past.json()["next"] is None


def test_unknown_parameters_are_ignored_silently(client: httpx.Client) -> None:
    plain = client.get(f"{PROJECT}/?limit=1").json()["count"]
    assert client.get(f"{PROJECT}/?limit=1&created_after=2030-01-01&updated_since=x").json()["count"] == plain


def test_json_is_compact_utf8_and_times_end_in_z(client: httpx.Client) -> None:
    answer = client.get(f"{PROJECT}/?limit=100&internal=all&archived=all")
    assert answer.headers["content-type"] == "application/json"
    assert b'", "' not in answer.content[:200]
    assert "ü".encode() in answer.content or "ï".encode() in answer.content
    for row in answer.json()["results"]:
        for name in ("created_at", "updated_at", "last_activity_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", row[name])


def test_whole_seconds_have_no_fraction(own: Own) -> None:
    emulator, client = own(tasks=2)
    made = emulator.mutate("new_task")
    assert client.get(f"{PROJECT}/{made['task_id']}/").json()["created_at"] == "2026-09-14T10:00:00Z"


def test_no_answer_can_be_cached_by_tag(client: httpx.Client) -> None:
    headers = client.get(f"{PROJECT}/").headers
    assert "etag" not in headers
    assert "cache-control" not in headers


def test_users_me_says_whose_view_a_key_has(client: httpx.Client, as_key: AsKey) -> None:
    mine = client.get("/api/users/@me/").json()
    assert {"id", "uuid", "distinct_id", "email", "team", "organization"} <= set(mine)
    assert mine["id"] == 1
    assert mine["team"]["id"] == 1
    assert as_key("phx_second_user").get("/api/users/@me").json()["id"] == 2
    assert as_key("phx_insights").get("/api/users/@me/").status_code == 403
