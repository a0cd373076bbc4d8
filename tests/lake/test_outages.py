"""A reader whose catalogue is restarted gets an error that says that another try may help."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import taskhouse
from taskhouse.errors import ConfigurationError
from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from tests.lake import outage
from tests.lake.homes import Home
from tests.lake.test_kills import ROOT
from tests.scale.servers import PROGRAMS
from tests.tied import tied

PSQL = str((PROGRAMS or Path()) / "psql")
LOCK = """BEGIN; DO $$ BEGIN EXECUTE (
    SELECT 'LOCK TABLE ' || string_agg(quote_ident(table_name), ', ') || ' IN ACCESS EXCLUSIVE MODE'
    FROM information_schema.tables WHERE table_name ~ '^{tables}$'
); END $$; SELECT 'locked';
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
STATISTICS, INLINED = "ducklake_file_column_stats", r"ducklake_inlined_data_\d.*"
"""Tables of the catalogue: one that DuckLake reads when it binds a statement, and those with rows that have no file."""

RETRYABLE = re.compile(
    r"Retryable: Reading the lake failed: (?!.*(?:SELECT|Stack Trace)).*"
    r"\bthe connection to the catalogue (?:was lost )?\("
)
TRIES = 5
"""How many processes may be aborted by DuckDB when PostgreSQL goes."""


def heard(
    process: "subprocess.Popen[str]", *names: str, meanwhile: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """How each of these ways to read ended; less than all of them if DuckDB aborted the process."""
    assert process.stdin is not None
    assert process.stdout is not None
    found: dict[str, str] = {}
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{','.join(names)}\n")
        process.stdin.flush()
    meanwhile()
    for line in process.stdout:
        name, _, said = line.strip().partition(": ")
        if name == "done":
            break
        found[name] = said
    return found


def test_every_way_to_read_may_be_tried_again_after_a_restart_of_the_catalogue(
    postgres: Any, tmp_path: Path, make_home: Callable[..., Home]
) -> None:
    lake = Lake(postgres.make(), tmp_path / "data")
    publish_once(make_home("one", lake).settings)
    with taskhouse.open(lake=lake.address) as snapshot:
        run_id = snapshot.records(outage.RUNS)[0]["run_id"]
        with pytest.raises(ConfigurationError, match=r"^The query failed: "):
            snapshot.records("FROM runs SELECT no_such_column")
    command = tied([sys.executable, str(outage.__file__), lake.address, str(tmp_path), str(run_id)])
    names = outage.ways(tmp_path, "")
    for _ in range(TRIES):
        with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as read:
            before = heard(read, "records")
            postgres.server.stop("immediate")
            away = heard(read, *names)
            postgres.server.start()
            again = heard(read, "records")
            read.kill()
        if again:
            break
    assert before == {"records": "read"}
    assert away.keys() == names.keys()
    assert {said for said in away.values() if not said.startswith("Retryable: Reading the lake failed: ")} == set()
    assert again["records"].startswith(("read", "Retryable: "))
    with taskhouse.open(lake=lake.address) as snapshot:
        assert snapshot.records(outage.RUNS)


@contextlib.contextmanager
def locked(target: str, tables: str) -> Iterator[None]:
    """Tables of a catalogue that nobody else can read, until PostgreSQL is restarted."""
    command = tied([PSQL, "-qAt", "-v", "ON_ERROR_STOP=1", "-d", target])
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-3, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(LOCK.format(tables=tables))
        process.stdin.flush()
        assert process.stdout.readline() == "locked\n"
        yield
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def wait_for_a_reader(target: str) -> None:
    """Until a statement of somebody waits for these tables."""
    for _ in range(1000):
        found = subprocess.run([PSQL, "-At", "-d", target, "-c", WAITING], check=True, capture_output=True)
        if found.stdout.strip() != b"0":
            return
        time.sleep(0.05)
    raise AssertionError("no reader waits for the tables")


def test_a_statement_that_waits_for_the_catalogue_when_that_is_restarted_may_be_tried_again(
    postgres: Any, tmp_path: Path, make_home: Callable[..., Home]
) -> None:
    lake = Lake(postgres.make(), tmp_path / "data")
    home = make_home("one", lake)
    publish_once(home.settings)
    home.change()
    publish_once(home.settings)  # these rows are in the catalogue
    command = tied([sys.executable, str(outage.__file__), lake.address, str(tmp_path), "none"])

    def restart() -> None:
        wait_for_a_reader(lake.target)
        postgres.server.stop()
        postgres.server.start()

    for way, tables in (("report", STATISTICS), ("records", INLINED)):
        found: dict[str, str] = {}
        for _ in range(TRIES):
            with subprocess.Popen(
                command, stdin=-1, stdout=-1, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
            ) as read:
                heard(read)  # it has the lake open
                with locked(lake.target, tables):
                    found = heard(read, way, meanwhile=restart)
                read.kill()
            if found:
                break
        assert RETRYABLE.match(found[way]), found[way]
