"""Servers of the past: what each of them had not yet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from taskhouse.emulator.__main__ import parser, settings_of
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import RunStream
from taskhouse.emulator.versions import NEWEST, VERSIONS, at_version
from tests.emulator.conftest import client_of, standing

NUMBERED = ("2026-10", "2026-09")
"""Servers whose agents number their events."""
PROJECT = "/api/projects/1/tasks"
Check = Callable[[Any, str], None]


@contextmanager
def serving(version: str, **changed: Any) -> Iterator[tuple[Emulator, httpx.Client]]:
    """An emulator of a version, with a clock that only the test moves."""
    values = {"tasks": 60, "live_runs": 0, **changed}
    base = standing()
    fixed = {name: getattr(base, name) for name in ("start", "speed", "throttle", "keys")}
    with (
        Emulator(at_version(version, **{**fixed, **values})) as emulator,
        client_of(emulator) as client,
    ):
        yield emulator, client


def path_of(made: dict[str, Any]) -> str:
    return f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"


def test_the_newest_is_the_default() -> None:
    assert at_version(NEWEST) == EmulatorSettings()
    assert settings_of(parser().parse_args(["--version", "2026-05"])) == at_version("2026-05")
    with pytest.raises(ValueError, match="2026-10, 2026-09, 2026-07, 2026-05"):
        at_version("2025-01")


@pytest.mark.parametrize(
    ("version", "cap", "life_s", "after_end_s"),
    [
        ("2026-10", 5000, 21_600, 1800),
        ("2026-09", 5000, 21_600, 1800),
        ("2026-07", 20_000, 21_600, 21_600),
        ("2026-05", 2000, 3600, 3600),
    ],
)
def test_how_much_a_stream_holds_and_how_long(version: str, cap: int, life_s: int, after_end_s: int) -> None:
    stream = RunStream(at_version(version).streams)
    for _ in range(cap + 3000):
        stream.append("{}", 1000)
    assert cap <= stream.count(1000) < cap + 100
    assert stream.expires_ms(1000) == 1000 + life_s * 1000
    stream.complete(1000)
    assert stream.expires_ms(1000) == 1000 + after_end_s * 1000


def test_in_spring_the_first_write_set_the_life_of_a_stream() -> None:
    stream = RunStream(at_version("2026-05").streams)
    stream.append("{}", 0)
    stream.append("{}", 3_000_000)
    stream.complete(3_100_000)
    assert stream.expires_ms(3_100_000) == 3_600_000
    stream.append("{}", 3_700_000)
    assert stream.count(3_700_000) == 1, "a new stream began"
    assert stream.expires_ms(3_700_000) == 7_300_000


@pytest.mark.parametrize("version", VERSIONS)
def test_how_a_finished_stream_ends(version: str) -> None:
    with serving(version) as (emulator, client):
        made = emulator.mutate("new_task", run=True)
        emulator.clock(advance_s=700)
        text = client.get(f"{path_of(made)}/stream/").text
        assert ("event: stream-end" in text) is (version != "2026-05")
        assert text.count("\nid: ") > 20
        truth = next(run for run in emulator.truth()["runs"] if run["id"] == made["run_id"])
        assert bool(truth["agent"]) is ("event_id" in text) is (version in NUMBERED)
        log = client.get(f"{path_of(made)}/session_logs/", params={"limit": 5000})
        assert ("event_id" in log.text) is (version in NUMBERED)


@pytest.mark.parametrize("version", ["2026-07", "2026-05"])
def test_a_stream_that_is_gone_is_waited_for_and_then_is_an_error(version: str) -> None:
    with serving(version, speed=2000.0) as (emulator, client):
        gone = next(
            run for run in emulator.truth()["runs"] if run["status"] == "completed" and not run["live"]["count"]
        )
        text = client.get(f"{path_of({**gone, 'run_id': gone['id']})}/stream/").text
        assert text.endswith('event: error\ndata: {"error": "Stream not available"}\n\n')
        assert "task_run_state" not in text


def test_what_rows_and_lists_had_not_yet(check: Check) -> None:
    everything: dict[str, str | int] = {"internal": "all", "archived": "all", "limit": 100}
    seen: dict[str, tuple[set[str], set[str], set[str]]] = {}
    counts: dict[str, tuple[int, int, int]] = {}
    for version in VERSIONS:
        with serving(version) as (_, client):
            rows = client.get(f"{PROJECT}/", params=everything).json()
            ids = [row["id"] for row in rows["results"]]
            summaries = client.post(f"{PROJECT}/summaries/", json={"ids": ids}).json()["results"]
            latest = next(row["latest_run"] for row in summaries if row["latest_run"])
            seen[version] = (set(rows["results"][0]), set(summaries[0]), set(latest))
            counts[version] = (
                rows["count"],
                client.get(f"{PROJECT}/").json()["count"],
                client.get(f"{PROJECT}/", params={"archived": "true"}).json()["count"],
            )
            ordered = client.get(f"{PROJECT}/", params={"ordering": "-last_activity_at", "limit": 100})
            created = [row["created_at"] for row in ordered.json()["results"]]
            assert (created == sorted(created, reverse=True)) is (version not in NUMBERED)
            if version == "2026-05":
                check({**summaries[0], "origin_product": "user_created"}, "client/TaskSummaryDTO")
    october, newest, july, spring = (seen[version] for version in VERSIONS)
    assert october[0] - newest[0] == {"origin_key"}
    assert october[1] - newest[1] == {"created_by_id"}
    assert october[2] - newest[2] == {"mode", "task_summary"}
    assert newest[2] - july[2] == {"id", "pr_url", "pr_state"}
    assert newest[0] - july[0] == {"last_activity_at"}
    gone = {"archived", "archived_at", "runtime", "repositories", "channel", "slack_thread_references"}
    assert july[0] - spring[0] == gone
    assert newest[1] == july[1]
    assert [len(VERSIONS[version].get("origins", ())) for version in ("2026-09", "2026-07", "2026-05")] == [16, 16, 8]
    assert july[1] - spring[1] == {"origin_product"}
    assert july[2] == spring[2] == {"status", "environment"}
    assert spring[1] == {"id", "title", "repository", "created_at", "updated_at", "latest_run"}
    assert counts["2026-07"][1] == counts["2026-07"][2], "`archived` is ignored: both show everything"
    assert counts["2026-05"][0] == counts["2026-05"][1], "and so is `internal`"


def test_in_spring_there_were_no_stream_tokens_and_a_resumed_runs_log_was_its_own() -> None:
    with serving("2026-05") as (emulator, client):
        first = emulator.mutate("new_task", run=True)
        emulator.clock(advance_s=700)
        second = emulator.mutate("new_run", task_id=first["task_id"], resume_from=True)
        emulator.clock(advance_s=700)
        assert client.get(f"{path_of(first)}/stream_token/").status_code == 404
        own = next(run for run in emulator.truth()["runs"] if run["id"] == second["run_id"])["log"]["count"]
        assert len(client.get(f"{path_of(second)}/session_logs/", params={"limit": 5000}).json()) == own
