"""``status``, ``check`` and ``plan`` are fit for a monitor: every resource has its row, JSON, and exit codes."""

import errno
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from filelock import FileLock

from taskhouse.pipelines.cli import health
from taskhouse.pipelines.cli.exits import Exit
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings
from taskhouse.variables import variable
from taskhouse.warehouse.opening import open_warehouse
from tests.report.world import walk

KEY = {"POSTHOG_PERSONAL_API_KEY": "phx_never_to_be_shown_4711", "POSTHOG_PROJECT_IDS": "1"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which neither run events nor usage were ever read."""
    return walk(["acme/web"], days=3).publish(tmp_path_factory.mktemp("monitor") / "home")


def passed(
    verdict: str = "complete", *, complete_age_s: float | None = 60.0, resource: str = "tasks"
) -> dict[str, Any]:
    ages = {"age_s": 60.0, "complete_age_s": complete_age_s, "proven_age_s": complete_age_s}
    return {"project_id": 1, "resource": resource, "verdict": verdict, "reason": "why", **ages}


def judged(*rows: dict[str, Any], alive: bool = False, max_age_s: float | None = None) -> list[tuple[str, Exit]]:
    wanted = [(1, "tasks"), (1, "runs")][: max(1, len(rows))]
    found = health.states(rows, wanted, alive=lambda *_: alive, max_age_s=max_age_s)
    return [(state.state, state.code) for state in found]


@pytest.mark.parametrize(
    ("row", "alive", "max_age_s", "state", "code"),
    [
        (passed(), False, None, "complete", Exit.COMPLETE),
        (passed(), False, 61.0, "complete", Exit.COMPLETE),
        (passed(), False, 59.0, "complete", Exit.STALE),
        (passed("incomplete"), False, None, "incomplete", Exit.UNPROVEN),
        (passed("incomplete"), False, 1.0, "incomplete", Exit.UNPROVEN),
        (passed("running"), True, None, "running", Exit.COMPLETE),
        (passed("running"), True, 1.0, "running", Exit.STALE),
        (passed("running", complete_age_s=None), True, None, "running", Exit.UNPROVEN),
        (passed("running"), False, None, "killed", Exit.UNPROVEN),
        (passed(complete_age_s=-3456000.0), False, 900.0, "ahead", Exit.UNPROVEN),
        (passed(complete_age_s=-1.0), False, None, "complete", Exit.COMPLETE),
    ],
)
def test_a_state_means_one_exit_code(
    row: dict[str, Any],
    alive: bool,  # noqa: FBT001 - a parameter of the test
    max_age_s: float | None,
    state: str,
    code: Exit,
) -> None:
    assert judged(row, alive=alive, max_age_s=max_age_s) == [(state, code)]


def test_what_never_ran_is_missing_and_outweighs_the_rest() -> None:
    found = health.states([passed("incomplete")], [(1, "tasks"), (2, "tasks")], alive=lambda *_: False, max_age_s=None)
    assert [state.state for state in found] == ["incomplete", "never"]
    assert health.worst(found) is Exit.MISSING


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1.5 h", 5400), ("2d", 172800)])
def test_ages_are_written_as_people_do(text: str, seconds: float) -> None:
    assert health.seconds(text) == seconds


def test_every_wanted_resource_has_its_row(inside: Any, house: Path) -> None:
    everything = {variable(name): "true" for name, resource in RESOURCES.items() if resource.optional}
    shown = inside.run("status", "--json", TASKHOUSE_HOME=str(house), **everything, **KEY)
    answer = json.loads(shown.out)
    assert (shown.code, answer["exit_code"]) == (5, 5)
    read = ("tasks", "repositories", "readiness", "runs")
    assert {row["resource"]: row["state"] for row in answer["resources"]} == {
        name: "complete" if name in read else "never" for name in RESOURCES
    }
    assert KEY["POSTHOG_PERSONAL_API_KEY"] not in shown.said
    people = inside.run("status", TASKHOUSE_HOME=str(house), **KEY)
    assert people.code == 5
    assert "run_events of project 1 is missing: it was never synced" in people.err


def test_one_resource_can_be_watched_by_its_age(inside: Any, house: Path) -> None:
    words = ("status", "--select", "readiness")
    assert inside.run(*words, TASKHOUSE_HOME=str(house), **KEY).code == 0
    old = inside.run(*words, "--max-age", "1s", TASKHOUSE_HOME=str(house), **KEY)
    assert old.code == 4
    assert "readiness of project 1 is stale" in old.err
    wrong = inside.run(*words, "--max-age", "soon", TASKHOUSE_HOME=str(house), **KEY)
    assert (wrong.code, "15m" in wrong.err) == (2, True)


def test_a_pass_whose_process_is_gone_is_killed_and_one_that_goes_on_is_not(inside: Any, tmp_path: Path) -> None:
    home = walk(["acme/web"], days=1).publish(tmp_path / "home")
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE ledger.passes SET verdict = 'running', finished_at = NULL")
    words = {"TASKHOUSE_HOME": str(home)}
    (home / "locks").mkdir(exist_ok=True)
    with FileLock(home / "locks" / "readiness-1.lock", thread_local=False):
        answer = json.loads(inside.run("status", "--json", "--select", "readiness", **KEY, **words).out)
        assert [row["state"] for row in answer["resources"]] == ["running"]
    shown = inside.run("status", **words)
    assert shown.code == 3
    assert "killed" in shown.out
    assert "its process has ended; the next `taskhouse sync` continues" in shown.err


def test_a_copy_that_no_publication_follows_is_shown(inside: Any, tmp_path: Path) -> None:
    home = walk(["acme/web"], days=1).publish(tmp_path / "home")
    words = {"TASKHOUSE_HOME": str(home)}
    first = inside.run("status", **words)
    assert first.code == 0, first
    assert re.search(r" s ago, up to date, (cloned|copied) in [\d.]+ m?s\n", first.out), first.out
    warehouse = open_warehouse(Settings(_env_file=None, home=home, host="http://localhost:1"))
    aged(home, hours=3)
    for since, code in (("30 MINUTE", 0), ("2 HOUR", 4)):
        with warehouse.transaction("a sync") as connection:
            connection.execute(f"UPDATE ledger.passes SET finished_at = now() - INTERVAL {since}")
        shown = inside.run("status", **words)
        assert (shown.code, " commits behind" in shown.out or " 1 commit behind" in shown.out) == (code, True), shown
    assert "The published copy is of 3 h ago and lacks what a sync brought 2 h ago." in shown.err
    answer = json.loads(inside.run("status", "--json", **words).out)["copy"]
    assert (answer["commits_behind"], answer["late"], round(answer["waits_s"] / 3600)) == (2, True, 2)
    assert (answer["method"] in {"clone", "copy"}, 0 < answer["seconds"] < 60) == (True, True)
    patient = inside.run("status", TASKHOUSE_CRONS="published=0 5 * * *", **words)
    assert patient.code == 0, patient
    with warehouse.transaction("tail") as connection:
        connection.execute("UPDATE ledger.passes SET resource = 'tail' WHERE resource <> 'readiness'")
        connection.execute(
            "UPDATE ledger.passes SET finished_at = now() - INTERVAL 9 HOUR WHERE resource = 'readiness'"
        )
    assert inside.run("status", **words).code == 0
    (home / "published" / "current.duckdb").unlink()
    none = inside.run("status", POSTHOG_HOST="http://localhost:1", **words)
    assert (none.code, "There is no published copy, though a sync ended 9 h ago" in none.err) == (5, True), none


def aged(home: Path, *, hours: int) -> None:
    """Let the copy of a home be so old."""
    path = (home / "published" / "current.duckdb").resolve().with_suffix(".json")
    made_at = datetime.now(UTC) - timedelta(hours=hours)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"made_at": made_at.isoformat()}))


def test_status_tells_when_every_block_was_read(inside: Any, tmp_path: Path) -> None:
    home = walk(["acme/web"], days=1).publish(tmp_path / "home")
    assert re.search(r"All blocks last read: \d+ s ago", inside.run("status", TASKHOUSE_HOME=str(home)).out)
    (home / "warehouse.checked").unlink()
    answer = json.loads(inside.run("status", "--json", TASKHOUSE_HOME=str(home)).out)
    assert answer["blocks_read_age_s"] is None


def test_nothing_is_5_and_what_cannot_be_read_1(inside: Any, tmp_path: Path) -> None:
    nothing = inside.run("status", "--json", TASKHOUSE_HOME=str(tmp_path / "none"), **KEY)
    assert (nothing.code, json.loads(nothing.out)["resources"][0]["state"]) == (5, "never")
    (tmp_path / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    damaged = inside.run("status", "--json", TASKHOUSE_HOME=str(tmp_path), **KEY)
    assert damaged.code == 1, damaged
    assert "cannot be opened" in json.loads(damaged.out)["error"]


@pytest.mark.worlds
def test_check_and_plan_speak_json(inside: Any, quiet: Any) -> None:
    checked, planned = (json.loads(inside.run(word, "--json", **quiet.environment).out) for word in ("check", "plan"))
    assert checked["exit_code"] == planned["exit_code"] == 0
    assert {line["state"] for line in checked["checks"]} == {"ok"}
    assert planned["projects"][0]["next_sync"]["requests"] > 0
    wrong = {**quiet.environment, "POSTHOG_PERSONAL_API_KEY": "phx_wrong"}
    for word in ("check", "plan"):
        refused = inside.run(word, "--json", **wrong)
        assert (refused.code, json.loads(refused.out)["exit_code"]) == (2, 2)
        assert "key is not valid" in json.loads(refused.out)["hint"]


def test_check_says_whose_view_it_is_and_what_that_leaves_out(inside: Any, quiet: Any) -> None:
    shown = inside.run("check", **quiet.environment)
    line = next(line for line in shown.out.splitlines() if "view of project 1" in line)
    seen, own, others = (int(word) for word in line.split() if word.isdigit() and int(word) != 1)
    headers = {"Authorization": f"Bearer {quiet.emulator.api_key}"}
    everything: dict[str, str | int] = {"limit": 100, "internal": "all", "archived": "all"}
    rows = httpx.get(f"{quiet.emulator.url}/api/projects/1/tasks/", params=everything, headers=headers).json()[
        "results"
    ]
    assert seen == len(rows) == own + others
    assert own == sum((row["created_by"] or {}).get("id") == 1 for row in rows)
    assert "personal channels are invisible to this key" in " ".join(shown.err.split())


def test_check_counts_nobodys_tasks_where_the_owner_or_the_server_does_not_tell(inside: Any, quiet: Any) -> None:
    quiet.emulator.faults({"kind": "status", "status": 403, "endpoint": "users.me", "body": "{}"})
    assert "add the scope user:read" in inside.run("check", **quiet.environment).out
    quiet.emulator.faults()
    quiet.emulator.faults(
        {"kind": "mistyped_field", "field": "results.*.created_by", "value": "nobody", "endpoint": "tasks.list"}
    )
    assert "the server does not say" in inside.run("check", **quiet.environment).out


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (("2026-09-14T10:00:00.500000Z", "2026-09-14T10:00:00Z"), "yes: a sync reads only what is new"),
        (("2026-09-14T10:00:01+00:00", "2026-09-14T12:00:00+02:00"), "yes: a sync reads only what is new"),
        (("2026-09-14T10:00:00Z", "2026-09-14T10:00:05Z"), "the server does not keep it"),
        (("2026-09-14T10:00:00Z", ""), "no last_activity_at"),
    ],
    ids=["with and without a fraction", "two zones", "out of order", "no time"],
)
def test_check_compares_moments_and_not_the_texts_of_activity(
    inside: Any, quiet: Any, times: tuple[str, str], found: str
) -> None:
    first, rest = map(json.dumps, times)
    fields = {"results.*.last_activity_at": rest, "results.0.last_activity_at": first}
    quiet.emulator.faults({"kind": "raw_field", "endpoint": "tasks.list", "fields": fields})
    shown = json.loads(inside.run("check", "--json", **quiet.environment).out)
    order = [line["found"] for line in shown["checks"] if line["checked"] == "order by activity in project 1"]
    assert [text[: len(found)] for text in order] == [found]


def test_check_knows_a_refusal_of_one_task_from_one_of_the_key(inside: Any, quiet: Any) -> None:
    denied = {"type": "authentication_error", "code": "permission_denied", "detail": "No.", "attr": None}
    quiet.emulator.faults({"kind": "status", "status": 403, "endpoint": "tasks.usage", "body": denied})
    shown = inside.run("check", **quiet.environment, TASKHOUSE_TASK_USAGE="true")
    assert shown.code == 0, shown
    assert "the server refuses it for the newest task with a run" in shown.out


@pytest.mark.parametrize("command", ["status", "check", "plan"])
def test_a_wrong_setting_is_told_as_json_too(inside: Any, command: str) -> None:
    ended = inside.run(command, "--json", **KEY | {"POSTHOG_PROJECT_IDS": "one"})
    answer = json.loads(ended.out)
    assert (ended.code, answer["exit_code"]) == (2, 2)
    assert "POSTHOG_PROJECT_IDS" in answer["error"]


def test_what_the_machine_refuses_is_told_as_json_too(inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "x")

    monkeypatch.setattr("taskhouse.pipelines.cli.status.look", refused)
    ended = inside.run("status", "--json", **KEY)
    assert (ended.code, "ulimit" in json.loads(ended.out)["hint"]) == (1, True)
