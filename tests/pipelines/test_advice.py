"""Everyday slips: none of them is called a bug, and each gets one sentence and the next step."""

import asyncio
import contextlib
import errno
import os
import resource
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest
from pydantic import SecretStr

from taskhouse import operations
from taskhouse.advice import advised
from taskhouse.errors import AccessDenied, ConfigurationError, Full, TaskhouseError
from taskhouse.pipelines import home
from taskhouse.pipelines.notes import Failure, read
from taskhouse.pipelines.run import ProjectSync, SyncOutcome
from taskhouse.posthog.client import PostHog
from taskhouse.settings import Settings
from taskhouse.warehouse import connection
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank
from tests.report.world import walk

SECRET = "phx_never_to_be_shown_4711"
NOWHERE = {"POSTHOG_HOST": "http://127.0.0.1:9", "POSTHOG_PERSONAL_API_KEY": SECRET, "POSTHOG_PROJECT_IDS": "1"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return walk(["acme/web"], days=3).publish(tmp_path_factory.mktemp("advice") / "home")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def advice(ended: Any, code: int, *says: str) -> None:
    assert ended.code == code, ended
    assert "bug in taskhouse" not in ended.said
    assert "Hint:" in ended.err
    assert SECRET not in ended.said
    for text in says:
        assert text in ended.err, ended


@pytest.mark.parametrize("command", ["emulator", "dev"])
def test_a_port_that_is_in_use(inside: Any, taken: int, command: str) -> None:
    advice(inside.run(command, "--port", str(taken)), 2, f"Port {taken} of 127.0.0.1 is not free", "--port")


def test_an_address_of_another_machine(inside: Any) -> None:
    advice(inside.run("emulator", "--host", "192.0.2.1"), 2, "no address 192.0.2.1 on this machine")


@pytest.mark.parametrize("command", ["emulator", "dev"])
def test_a_port_out_of_range_is_usage(inside: Any, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    ended = inside.run(command, "--port", "99999")
    assert ended.code == 2
    assert "65535" in ended.said + capfd.readouterr().err


@pytest.mark.parametrize("command", [("sync",), ("check",), ("plan",), ("tail",)])
def test_a_home_that_is_a_file(inside: Any, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    ended = inside.run(*command, **NOWHERE, TASKHOUSE_HOME=str(tmp_path / "file" / "home"))
    advice(ended, 2, "TASKHOUSE_HOME is", "file is a file")


@pytest.mark.parametrize("command", [("status",), ("sync",), ("backup", "link")])
def test_a_link_to_nothing_where_a_folder_is_needed(
    inside: Any, published: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "unmounted")
    home = published if "backup" in command else link
    advice(inside.run(*command, **NOWHERE, TASKHOUSE_HOME=str(home)), 2, "link", "is a link")


@pytest.mark.parametrize("key", [f'"{SECRET}"', f"'{SECRET}'", "phc_of_a_project"])
def test_a_key_that_can_not_be_one_is_sent_nowhere(inside: Any, key: str) -> None:
    ended = inside.run("check", **{**NOWHERE, "POSTHOG_PERSONAL_API_KEY": key})
    advice(ended, 2, "POSTHOG_PERSONAL_API_KEY")
    assert "no answer" not in ended.said


def test_a_home_that_holds_nothing_is_named_with_its_whole_path(inside: Any, tmp_path: Path) -> None:
    assert f"There is no history in {tmp_path / '.taskhouse'} yet" in inside.run("status").err


def test_what_is_no_backup_is_told_when_it_is_to_be_verified(inside: Any, published: Path, tmp_path: Path) -> None:
    where = {"TASKHOUSE_HOME": str(published)}
    (tmp_path / "notes.txt").write_text("no database " * 1000, "utf-8")
    for name, said in (("typo.duckdb", "to verify"), (".", "nothing to restore"), ("notes.txt", "name a copy")):
        advice(inside.run("verify", name, **where), 1 if name == "notes.txt" else 2, said)


def test_an_age_without_a_unit_is_none(inside: Any, published: Path) -> None:
    advice(
        inside.run("status", "--max-age", "5", TASKHOUSE_HOME=str(published)), 2, "--max-age is not a valid age", "15m"
    )


@pytest.mark.parametrize("text", ["COPY (SELECT 1) TO 'rows.csv'", "SET threads = 1", "USE memory"])
def test_a_statement_that_brings_no_rows_does_nothing(inside: Any, published: Path, tmp_path: Path, text: str) -> None:
    advice(inside.run("query", text, TASKHOUSE_HOME=str(published)), 2, "returns no rows")
    assert not (tmp_path / "rows.csv").exists()


def test_a_home_that_cannot_be_made(inside: Any) -> None:
    advice(inside.run("schedule", "on", TASKHOUSE_HOME="/proc/taskhouse"), 2, "/proc/taskhouse")


@pytest.mark.parametrize("words", ["query SHOW -o", "report -o", "export"])
def test_a_folder_that_was_mistyped_is_not_made(inside: Any, published: Path, tmp_path: Path, words: str) -> None:
    ended = inside.run(*words.split(), str(tmp_path / "none" / "a"), TASKHOUSE_HOME=str(published))
    advice(ended, 2, f"There is no folder {tmp_path / 'none'}.", "Create it")
    assert not (tmp_path / "none").exists()


def test_an_output_that_is_a_folder(inside: Any, published: Path, tmp_path: Path) -> None:
    ended = inside.run("report", "--output", str(tmp_path), TASKHOUSE_HOME=str(published))
    advice(ended, 2, f"{tmp_path} is a folder")
    (tmp_path / "file").touch()
    ended = inside.run("report", "-o", str(tmp_path / "file" / "x.html"), TASKHOUSE_HOME=str(published))
    advice(ended, 2, "file is a file")


@pytest.mark.parametrize("filters", [("--repository", "nobody/*"), ("--project", "99"), ("--until", "2020-01-01")])
@pytest.mark.parametrize("to", ["-", "report.html"])
def test_filters_of_a_report_that_match_nothing(
    inside: Any, published: Path, tmp_path: Path, filters: tuple[str, str], to: str
) -> None:
    ended = inside.run("report", *filters, "-o", to, TASKHOUSE_HOME=str(published))
    advice(ended, 2, "There is no data about", "The warehouse contains")
    assert not ended.out
    assert not (tmp_path / "report.html").exists()


def test_an_encoding_that_cannot_print() -> None:
    with pytest.raises(UnicodeEncodeError) as problem:
        "ü".encode("ascii")
    found = advised(problem.value)
    assert isinstance(found, ConfigurationError)
    assert "PYTHONIOENCODING=utf-8" in found.hint


def test_a_database_on_a_full_disk(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "small.sqlite")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE a (b)")
        with pytest.raises(sqlite3.OperationalError) as problem:
            connection.execute("INSERT INTO a VALUES (zeroblob(100000))")
    found = advised(problem.value)
    assert isinstance(found, Full)
    assert "Free some disk space" in found.hint


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO])
def test_what_the_system_refuses_is_known_as_an_exception_and_as_its_text(number: int) -> None:
    problem = OSError(number, os.strerror(number), "/some/where")
    said = advised(problem)
    assert said is not None
    assert "/some/where" in said.message
    assert str(advised(f"OSError: {problem}")) == str(said)


def test_a_warehouse_that_finds_no_room_or_no_handle_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(blank(tmp_path / "warehouse.duckdb"), host="http://localhost:1")
    for number, kind in ((errno.ENOSPC, Full), (errno.EMFILE, TaskhouseError)):
        refusal = duckdb.IOException(f'IO Error: Cannot open file "x.duckdb": {os.strerror(number)}')
        monkeypatch.setattr(connection, "Attached", Mock(side_effect=refusal))
        with pytest.raises(kind) as problem, warehouse.reading("a test"):
            pass
        assert "restore" not in str(problem.value)


def test_settings_of_dagster_that_found_no_room_are_written_whole_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, home=tmp_path / "home")
    monkeypatch.setattr(home, "_make_databases", lambda _: None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match=r"dagster\.yaml"):
            home.prepare(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    killed = tmp_path / "home" / "dagster" / f".dagster.yaml.{2**22 + 1}"
    killed.write_text("half", "utf-8")
    assert "pools" in (home.prepare(settings) / home.CONFIG).read_text("utf-8")
    assert list((tmp_path / "home" / "dagster").glob(".dagster*")) == []


def _failing(problem: BaseException, home: Path) -> tuple[TaskhouseError, Failure | None]:
    """What a sync says of a pass that fails with this, and what Dagster shows."""
    settings = Settings(_env_file=None, home=home)
    sync = ProjectSync(settings, 1, Mock(), SyncOutcome(frozenset({(1, "tasks")})))
    assert sync._attempt("tasks", settings.clock.now(), Mock(side_effect=problem)) is None
    (told,), (note,) = sync.outcome.problems, read(settings)
    return told.error, note.failure


def test_what_the_machine_refuses_a_pass_is_advice(tmp_path: Path) -> None:
    told, shown = _failing(OSError(errno.EMFILE, "Too many open files", "x"), tmp_path)
    assert "ulimit -n" in told.hint
    assert shown == Failure(told.message, "TaskhouseError", told.hint, "failed")


def test_a_bug_in_a_pass_is_said_here_and_dagster_shows_its_type(tmp_path: Path) -> None:
    told, shown = _failing(KeyError("x"), tmp_path)
    assert told.message == "KeyError: 'x'"
    assert shown == Failure("KeyError", "KeyError")


def test_what_a_pass_said_of_a_full_disk_is_not_said_again_with_less(tmp_path: Path) -> None:
    full = Full("There is not enough disk space for another copy in /x: No space left on device.", hint="Make room.")
    told, shown = _failing(full, tmp_path)
    assert told is full
    assert shown
    assert (shown.message, shown.hint) == (full.message, full.hint)


def test_what_the_system_did_not_refuse_stays_a_bug() -> None:
    assert advised(KeyError("x")) is None
    assert advised(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None


def test_an_unknown_project_is_named(inside: Any, quiet: Any) -> None:
    variables = {**quiet.environment, "POSTHOG_PROJECT_IDS": "77"}
    for command in ("check", "plan"):
        advice(inside.run(command, **variables), 2, "Check 77 in POSTHOG_PROJECT_IDS")


def test_a_web_page_in_place_of_the_api(inside: Any, quiet: Any) -> None:
    quiet.emulator.faults({"kind": "not_json", "endpoint": "tasks.list"})
    advice(inside.run("check", **quiet.environment), 1, "A web page came", "POSTHOG_HOST")


def test_a_host_that_does_not_answer(inside: Any) -> None:
    advice(inside.run("check", **NOWHERE), 1, "got no answer from http://127.0.0.1:9", "Check the network")


def test_a_default_host_that_does_not_answer_is_told_as_such(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, api_key=SecretStr(SECRET), home=tmp_path)
    hint = PostHog(settings).transport("GET /x", OSError("no route")).hint
    assert "POSTHOG_HOST (not set, which means https://us.posthog.com)" in hint


def test_a_key_that_is_not_valid_on_an_existing_home_is_no_other_viewer(quiet: Any) -> None:
    asyncio.run(operations.sync(quiet.settings, 1, "tasks"))
    settings = quiet.settings.model_copy(update={"api_key": SecretStr("phx_wrong")})
    with pytest.raises(AccessDenied) as problem:
        asyncio.run(operations.sync(settings, 1, "tasks"))
    assert problem.value.about_key


def test_an_interruption_in_the_midst_of_a_statement_is_one(
    inside: Any, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB tells of it in words of its own."""
    told = RuntimeError("Query interrupted")
    monkeypatch.setattr("taskhouse.warehouse.reading.streamed", Mock(side_effect=told))
    ended = inside.run("query", "SELECT 1", TASKHOUSE_HOME=str(published))
    assert (ended.code, ended.err) == (130, "Interrupted.\n")
    with pytest.raises(KeyboardInterrupt):
        _failing(told, published)


@pytest.mark.parametrize("command", ["emulator", "demo", "query"])
def test_an_interruption_promises_no_sync(
    inside: Any, published: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    places = (
        "taskhouse.emulator.__main__.main",
        "taskhouse.pipelines.cli.standin.standing_in",
        "taskhouse.warehouse.reading.streamed",
    )
    for place in places:
        monkeypatch.setattr(place, interrupted)
    words = {"query": ("SELECT 1",), "emulator": ("--port", "0")}.get(command, ())
    ended = inside.run(command, *words, TASKHOUSE_HOME=str(published))
    assert ended.code == 130
    assert ended.err.endswith("Interrupted.\n")
    assert "next sync" not in ended.err


@pytest.fixture
def default(quiet: Any) -> Iterator[str]:
    """A stand-in for the region that is asked if POSTHOG_HOST is not set."""
    field = Settings.model_fields["host"]
    before, field.default = field.default, quiet.emulator.url
    Settings.model_rebuild(force=True)
    yield quiet.emulator.url
    field.default = before
    Settings.model_rebuild(force=True)


@pytest.mark.parametrize("command", ["check", pytest.param("sync", marks=pytest.mark.worlds)])
def test_a_key_that_the_default_region_refuses_is_told_of_both(
    inside: Any, default: str, tmp_path: Path, command: str
) -> None:
    asked = {"POSTHOG_PERSONAL_API_KEY": SECRET[:-1], "POSTHOG_PROJECT_IDS": "1", "TASKHOUSE_HOME": str(tmp_path / "h")}
    advice(
        inside.run(command, **asked), 2, "POSTHOG_HOST is not set", "https://us.posthog.com or https://eu.posthog.com"
    )
    given = inside.run("check", POSTHOG_HOST=default, **asked)
    advice(given, 2, "check POSTHOG_PERSONAL_API_KEY and POSTHOG_HOST")
    assert "eu.posthog.com" not in given.said
