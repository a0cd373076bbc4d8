"""The table of errors is the code's, and each of them is brought about here or in the test that is named."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from taskhouse import home, operations, settings
from taskhouse.advice import SAID, advised
from taskhouse.clock import REAL
from taskhouse.errors import AccessDenied, Retryable, TaskhouseError
from taskhouse.passes.resource_lock import holding
from taskhouse.pipelines.cli import ports, standin
from taskhouse.pipelines.cli.dev import hold
from taskhouse.pipelines.cli.errors import OPEN, reference, rows
from taskhouse.pipelines.cli.sync import chosen
from taskhouse.posthog import http_errors, pages
from taskhouse.posthog.access import Access
from taskhouse.posthog.budget import Budget, KeyWindows, Priority
from taskhouse.posthog.client import Answer, PostHog
from taskhouse.reading import open_snapshot
from taskhouse.report import Options, Period
from taskhouse.report.options import Extent
from taskhouse.search.query import Question, search
from taskhouse.search.terms import parsed
from taskhouse.settings import Settings
from taskhouse.spool.folder import Spool
from taskhouse.warehouse import migrate, publish, reading
from taskhouse.warehouse.connection import Warehouse
from tests.pipelines.conftest import SECRET
from tests.pipelines.errors_elsewhere import ELSEWHERE

DAYS = Period(date(2026, 9, 1), date(2026, 9, 30))
KNOWN = Extent(DAYS.since, DAYS.until, DAYS.until)
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Place:
    """Where an error is brought about."""

    folder: Path
    patch: pytest.MonkeyPatch
    inside: Any

    def settings(self, **given: Any) -> Settings:
        return Settings(
            _env_file=None, **{"api_key": SECRET, "project_ids": (1,), "home": self.folder / "home", **given}
        )

    def loaded(self, **variables: str) -> Settings:
        for name, value in variables.items():
            self.patch.setenv(name, value)
        settings.load.cache_clear()
        return settings.load()

    def env_file(self, text: bytes, **variables: str) -> Settings:
        Path(".env").write_bytes(text)
        return self.loaded(**variables)

    def said(self, *words: str, **variables: str) -> str:
        """What a command says."""
        ended = self.inside.run(*words, TASKHOUSE_HOME=str(self.folder / "home"), **variables)
        raise TaskhouseError(ended.err.replace("\n", " "))

    @property
    def database(self) -> Path:
        path = self.folder / "some.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE texts AS SELECT 1 AS number")
            connection.execute("CREATE TABLE moments AS SELECT now() AS observed_at")
        return path

    def file(self, text: str = "") -> Path:
        path = self.folder / "file"
        path.write_text(text, "utf-8")
        return path


def throw(problem: TaskhouseError | None) -> None:
    assert problem is not None
    raise problem


def refused(status: int, body: bytes = b"", location: str = "") -> None:
    throw(http_errors.refusal(status, body, what="GET /x", location=location))


def held_pass(place: Place) -> None:
    made = place.settings(lock_wait_s=0.01)
    (made.home / "locks").mkdir(parents=True)

    async def work() -> None:
        async with holding(made, 1, "tasks"):
            pass

    with FileLock(made.home / "locks" / "tasks-1.lock", thread_local=False):
        asyncio.run(work())


def vouched(_: Place) -> None:
    async def work() -> None:
        raise Retryable("No answer.")

    throw(asyncio.run(Access().about(AccessDenied("Refused."), 1, work)))


def budget(place: Place, *, broken: bool = False) -> None:
    path = place.file("no database at all, " * 100) if broken else place.folder / "budget.sqlite"

    async def work() -> None:
        made = Budget(KeyWindows(path, "key", per_minute=1, per_hour=1))
        try:
            for _ in range(3):
                await made.acquire(Priority.LIVE, within_s=0.0)
        finally:
            await made.close()

    asyncio.run(work())


def busy(place: Place) -> None:
    path = place.folder / "home" / "warehouse.duckdb"
    path.parent.mkdir()
    with (
        FileLock(path.with_suffix(".lock"), thread_local=False),
        Warehouse(path, host="https://us.posthog.com", lock_wait_s=0.01).transaction("a test"),
    ):
        pass


def closed(place: Place) -> None:
    house = open_snapshot(place.database)
    house.close()
    house.sql("SELECT 1")


def asked(place: Place, view: str, **given: Any) -> None:
    with open_snapshot(place.database) as snapshot:
        snapshot.frame(view, **given)


def twice(place: Place) -> None:
    place.settings().home.mkdir()
    held = hold(place.settings(), "")
    try:
        hold(place.settings(), "")
    finally:
        os.close(held)


def both(place: Place) -> None:
    (place.folder / "home").mkdir(exist_ok=True)
    with FileLock(place.folder / "home" / "demo.lock", thread_local=False):
        place.said("demo")


def unstarted(place: Place) -> None:
    place.patch.setattr(standin, "START", [sys.executable, "-c", ""])
    start = subprocess.Popen

    def ended(*words: Any, **options: Any) -> "subprocess.Popen[str]":
        process = start(*words, **options)
        process.wait()  # so it cannot be written to
        return process

    place.patch.setattr("taskhouse.pipelines.cli.standin.subprocess.Popen", ended)
    with standin.standing_in():
        pass


def newer(place: Place) -> None:
    for known in (migrate.MIGRATIONS, migrate.MIGRATIONS[:1]):
        place.patch.setattr(migrate, "MIGRATIONS", known)
        with Warehouse(place.folder / "warehouse.duckdb", host="https://us.posthog.com").transaction("a test"):
            pass


def module(_: Place) -> None:
    try:
        __import__("a_package_that_is_not_there")
    except ModuleNotFoundError as problem:
        throw(advised(problem))


def of_dagster(name: str) -> None:
    throw(advised(type(name, (Exception,), {})("too many retries")))


def unprintable(_: Place) -> None:
    try:
        "ü".encode("ascii")
    except UnicodeEncodeError as problem:
        throw(advised(problem))


def written_to(place: Place) -> None:
    with home.writing(place.folder), (place.folder / "none" / "file").open("w"):
        pass


def machine(number: int) -> Callable[[Place], None]:
    sqlite = {-1: "unable to open database file", -2: "disk I/O error"}
    return lambda _: throw(advised(sqlite.get(number) or OSError(number, os.strerror(number), "x")))


HERE: dict[str, Callable[[Place], object]] = {
    **{said.format(OPEN): machine(number) for number, (_, said, _) in SAID.items()},
    "The output contains characters that cannot be written in ….": unprintable,
    "The Python package … is not installed.": module,
    "Dagster's database does not respond: ….": lambda _: of_dagster("DagsterPostgresException"),
    "Dagster's configuration is not valid: ….": lambda _: of_dagster("DagsterInvalidConfigError"),
    "TASKHOUSE_HOME is …, and ….": lambda p: home.usable(p.file() / "home"),
    "TASKHOUSE_READERS_GROUP is not a group on this machine.": lambda p: home.ready(
        p.settings(readers_group="no-such-group")
    ),
    "… cannot be written: ….": written_to,
    "… is set in the environment, and … in …: the key would go to …, which this folder chose.": lambda p: p.env_file(
        b"POSTHOG_HOST=https://example.com\n", POSTHOG_PERSONAL_API_KEY=SECRET
    ),
    "… must be comma-separated numbers of events, such as 5000.": lambda p: p.loaded(TASKHOUSE_STREAM_WINDOWS="0"),
    "… must be an origin such as https://eu.posthog.com.": lambda p: p.loaded(POSTHOG_HOST="posthog"),
    "… must use https, because others could read a key that is sent over http.": lambda p: p.loaded(
        POSTHOG_HOST="http://example.com"
    ),
    "… must not have a path, query or fragment, as in https://eu.posthog.com.": lambda p: p.loaded(
        POSTHOG_HOST="https://example.com/api"
    ),
    "… must not contain credentials.": lambda p: p.loaded(POSTHOG_HOST="https://me:word@example.com"),
    "… must contain at least one window.": lambda p: p.loaded(TASKHOUSE_READINESS_WINDOWS=""),
    "… must contain only windows of 1 to 30 days.": lambda p: p.loaded(TASKHOUSE_READINESS_WINDOWS="31"),
    "… names …, which is not a schedule; the schedules are ….": lambda p: p.loaded(TASKHOUSE_CRONS="task=0 6 * * *"),
    "… has a wrong time for …: it ….": lambda p: p.loaded(TASKHOUSE_CRONS="tasks=often"),
    "… must be the name of a time zone, such as UTC or Europe/Berlin.": lambda p: p.loaded(TASKHOUSE_TIMEZONE="Mars"),
    "… must name a folder, such as .taskhouse.": lambda p: p.loaded(TASKHOUSE_HOME=""),
    "… must be the address of a page, such as https://example.com/report.html.": lambda p: p.loaded(
        TASKHOUSE_REPORT_URL="javascript:alert(1)"
    ),
    "… must be addresses such as slack://…, separated by spaces, without a key of PostHog.": lambda p: p.loaded(
        TASKHOUSE_NOTIFY="json://me:phx_x@example.com"
    ),
    "… must be an address such as postgresql://user:password@host/database or redis://host:6379/0, with the special"
    " characters of the password as in %40.": lambda p: p.loaded(TASKHOUSE_BUDGET="mysql://h/d"),
    "… must name a file, such as taskhouse.toml.": lambda p: p.loaded(TASKHOUSE_DIRECTORY=""),
    "POSTHOG_PERSONAL_API_KEY is not set.": lambda p: p.loaded().key(),
    "POSTHOG_PROJECT_IDS is not set.": lambda p: p.loaded().projects(),
    "The file … cannot be read (…).": lambda p: p.env_file(b"\xff\xfe=\xff"),
    "The file … contains something that is not a setting, in line ….": lambda p: p.env_file(b"foo bar !"),
    "… is set…, but is not a setting.": lambda p: p.loaded(TASKHOUSE_HOMES="x"),
    "… no longer …: ….": lambda p: p.loaded(TASKHOUSE_MAX_WAIT_S="x"),
    "FILE, --empty and --clock cannot be combined.": lambda p: p.said("restore", "--empty", "file"),
    "Dagster is running in … already: ….": twice,
    "… names no database that other machines can use.": lambda p: p.said("shard", "--port", "47114"),
    "There is no address … on this machine.": lambda _: ports.bindable("192.0.2.1", 0),
    "TASKHOUSE_SCHEDULES=… is set and has priority.": lambda p: p.said("schedule", "on", TASKHOUSE_SCHEDULES="true"),
    "--max-age is not a valid age.": lambda p: p.said("status", "--max-age", "soon"),
    "… is off.": lambda p: p.said(
        "sync", "--select", "task_usage", POSTHOG_PERSONAL_API_KEY=SECRET, POSTHOG_PROJECT_IDS="1"
    ),
    "… … is not one of …: ….": lambda _: chosen(["wishes"], ("tasks",), "--select", "resources"),
    "… returned 403 not_authenticated": lambda _: refused(403, b'{"code": "not_authenticated"}'),
    "… returned 403 authentication_failed": lambda _: refused(403, b'{"code": "authentication_failed"}'),
    "… returned 403 permission_denied": lambda _: refused(403, b'{"code": "permission_denied"}'),
    "… It is not known whether the key is the cause: …": vouched,
    "The request budget has no room for … requests before ….": budget,
    "The request budget … cannot be read: ….": lambda p: budget(p, broken=True),
    "POSTHOG_PERSONAL_API_KEY contains invalid characters.": lambda p: PostHog(p.settings(api_key="phx_ü")),
    "POSTHOG_PERSONAL_API_KEY is the key of a project (phc_…), which can only send events.": lambda p: PostHog(
        p.settings(api_key="phc_x")
    ),
    "There is no file … to verify.": lambda p: p.said("verify", "typo.duckdb"),
    "… is not …: taskhouse sends the key nowhere else.": lambda p: PostHog(p.settings()).url("https://example.com/x"),
    "… was answered with an incomplete body: ….": lambda _: pages.read_object(Answer("GET /x", {}, b'{"a": [1,')),
    "… It asks to wait until ….": lambda _: throw(http_errors.throttled(Retryable("Wait."), 90.0, now=REAL.now())),
    "… was answered with success, but ….": lambda _: pages.read_object(Answer("GET /x", {}, b"[]")),
    "… was redirected (…) to …; taskhouse does not follow redirects, to protect the key.": lambda _: refused(
        301, location="https://example.com/x"
    ),
    "The disk of … has only … GB left.": lambda p: Spool(p.folder).require_room(free_bytes=1e30),
    "A pass of … for project … has been running for … s.": held_pass,
    "There is no resource ….": lambda p: asyncio.run(operations.sync(p.settings(), 1, "wishes")),
    "There is no history in … yet.": lambda p: p.said("verify"),
    "There is nothing to restore in ….": lambda p: p.said("restore"),
    "… is not a taskhouse warehouse.": lambda p: p.said("restore", str(p.database)),
    "The warehouse … has been busy for … s: ….": busy,
    "There is no published copy in … yet.": lambda p: publish.readable(p.folder),
    "The query failed: …": lambda p: reading.query(p.database, "FROM nowhere"),
    "There is no file ….": lambda p: open_snapshot(p.folder / "none.duckdb"),
    "This warehouse has been closed.": closed,
    "The stand-in for PostHog did not start.": unstarted,
    "Another `taskhouse demo` is running in ….": both,
    "The warehouse has schema version …, but this taskhouse only knows ….": newer,
    "There is no view ….": lambda p: asked(p, "wishes"),
    "columns=… is a single string.": lambda p: asked(p, "texts", columns="number"),
    "…=… has no time zone.": lambda p: asked(p, "moments", since=datetime(2026, 1, 1)),  # noqa: DTZ001 - that is it
    "… has no column ….": lambda p: asked(p, "texts", columns=["wishes"]),
    "… has no time column.": lambda p: asked(p, "texts", since="2026-01-01"),
    "…=… is not a date.": lambda p: asked(p, "moments", since="yesterday"),
    "The report would start on …, after … (the last day with data).": lambda _: Options(since=date(2030, 1, 1)).period(
        KNOWN
    ),
    "The report would start on … and end on ….": lambda _: Options(since=DAYS.until, until=DAYS.since).period(KNOWN),
    "The days of the report were chosen twice, with ….": lambda _: Options(week="last", month="last").period(KNOWN),
    "… is not a week.": lambda _: Options(week="2026-W54").period(KNOWN),
    "… is not a month.": lambda _: Options(month="2026-13").period(KNOWN),
    "compare=… is not an earlier period.": lambda _: Options(compare="then").baseline(DAYS),
    "There is nothing to search for.": lambda p: p.said("search"),
    "There is nothing to search for: letters and digits are indexed, other characters are not.": lambda _: parsed("*"),
    "The search only says what must not occur.": lambda _: parsed("-word"),
    "The search has … words, but … is the most.": lambda _: parsed(" ".join(map(str, range(99)))),
    "The prefix …* is too short.": lambda _: parsed("a*"),
    "limit=… is not between 1 and ….": lambda p: search(p.folder, Question("word", limit=0)),
    "There is no kind ….": lambda p: search(p.folder, Question("word", kinds=["joke"])),
    "There is no search index in … yet, or it is that of another version.": lambda p: search(
        p.folder, Question("word")
    ),
}
"""What brings an error about, by its row in the table."""


def test_the_table_is_the_codes() -> None:
    assert (ROOT.parent / "docs" / "errors.md").read_text("utf-8") == reference(), (
        "run: python -m taskhouse.pipelines.cli.errors > docs/errors.md"
    )


@pytest.mark.parametrize("said", HERE)
def test_an_error_says_what_the_table_says(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: Any
) -> None:
    with pytest.raises(TaskhouseError) as problem:
        HERE[said](Place(tmp_path, monkeypatch, inside))
    pattern = ".*".join(re.escape(part) for part in said.rstrip(".").split(OPEN))
    assert re.search(pattern, problem.value.message.replace("\n", " ")), problem.value.message
    assert SECRET not in str(problem.value)


def test_every_row_is_brought_about_somewhere() -> None:
    there = {row.said for row in rows()}
    assert there == {*HERE, *ELSEWHERE}
    assert not {*HERE} & {*ELSEWHERE}
    for name in ELSEWHERE.values():
        file, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), name
