"""A reader whose catalogue is restarted gets an error that says that another try may help."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import taskhouse
from taskhouse.errors import ConfigurationError
from taskhouse.lake.engine import Lake
from taskhouse.lake.refusals import is_of_lake
from taskhouse.lake.service import publish_once
from tests.lake import outage
from tests.lake.homes import Home
from tests.lake.test_kills import ROOT
from tests.tied import tied

TRIES = 5
"""How many processes may be aborted by DuckDB when PostgreSQL goes."""


def heard(process: "subprocess.Popen[str]", *names: str) -> dict[str, str]:
    """How each of these ways to read ended; less than all of them if DuckDB aborted the process."""
    assert process.stdin is not None
    assert process.stdout is not None
    found: dict[str, str] = {}
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{','.join(names)}\n")
        process.stdin.flush()
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


def test_what_duckdb_says_after_a_restart_broke_it_is_no_fault_of_the_statement() -> None:
    said = "FATAL Error: Failed: database has been invalidated because of a previous fatal error."
    assert is_of_lake(duckdb.FatalException(said))
    assert not is_of_lake(duckdb.ConversionException("Conversion Error: Could not convert string 'x' to INT32"))
