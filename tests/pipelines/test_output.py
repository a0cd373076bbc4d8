"""What is printed arrives: as valid JSON with every value, at any width, and without a word to a reader that left."""

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import duckdb
import pytest

from taskhouse.cells import octets
from taskhouse.pipelines.cli import main, query_output, screen
from taskhouse.pipelines.cli.app import app
from taskhouse.pipelines.cli.exits import say
from taskhouse.reading import open_snapshot
from taskhouse.warehouse.sql import distinct


@pytest.fixture
def ask(inside: Any, home_of_texts: Path) -> Any:
    return lambda *words, **variables: inside.run(
        "query", *words, **{"TASKHOUSE_HOME": str(home_of_texts), **variables}
    )


def strictly(text: str) -> Any:
    """The value of a JSON text, of which nothing may be outside the standard."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_has_no_nan_and_a_key_of_any_type_is_a_text(ask: Any) -> None:
    odd = "'nan'::FLOAT AS a, [1.5, 'inf'::DOUBLE] AS b, {'c': '-inf'::DOUBLE} AS d, MAP([DATE '2026-01-01'], [1]) AS e"
    sql = f"SELECT {odd}"
    row = {"a": None, "b": [1.5, None], "d": {"c": None}, "e": {"2026-01-01": 1}}
    assert strictly(ask("-f", "json", sql).out) == [row]
    assert strictly(ask("-f", "ndjson", sql).out) == row


def test_columns_of_one_name_lose_no_value(ask: Any, home_of_texts: Path, tmp_path: Path) -> None:
    sql = "SELECT 1 AS a, 2 AS a, 3 AS A, 4 AS a_1"
    assert strictly(ask("-f", "json", sql).out) == [{"a": 1, "a_1": 2, "A_2": 3, "a_1_1": 4}]
    with open_snapshot(home_of_texts) as house:
        (row,) = house.records(sql)
    assert list(row.values()) == [1, 2, 3, 4]
    target = tmp_path / "rows.parquet"
    assert ask("-f", "parquet", "-o", str(target), sql).code == 0
    names = [column[0] for column in duckdb.execute("FROM read_parquet(?)", [str(target)]).description or []]
    assert names == distinct(["a", "a", "A", "a_1"]) == list(row)


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_bytes_are_written_as_duckdb_writes_them(ask: Any, form: str) -> None:
    sql = r"SELECT '\xFF\x00a'::BLOB AS b"
    out = ask("-f", form, sql).out
    assert (r"\\xFF\\x00a" if form in {"json", "markdown"} else r"\xFF\x00a") in out
    assert "b'" not in out
    every = bytes(range(256))
    assert duckdb.execute("SELECT ?::BLOB::VARCHAR", [every]).fetchall() == [(octets(every),)]


def test_a_plain_row_is_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_output, "_in_json", lambda _: pytest.fail("it has nothing odd in it"))
    assert list(query_output.ndjson(["a"], [(1.5,), (None,), ([math.pi],)]))


@pytest.mark.parametrize("columns", ["0", ""])
@pytest.mark.parametrize("words", [("--help",), ("query", "SELECT 'here' AS a")])
def test_a_shell_that_does_not_know_its_width_is_shown_everything(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    home_of_texts: Path,
    columns: str,
    words: Sequence[str],
) -> None:
    screen.results.cache_clear()
    monkeypatch.setenv("TASKHOUSE_HOME", str(home_of_texts))
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "argv", ["taskhouse", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert ("here" if "query" in words else "First steps") in capsys.readouterr().out


@pytest.fixture
def pipe() -> Iterator[TextIO]:
    """The end to write to of a pipe whose reader has left."""
    left, right = os.pipe()
    os.close(left)
    with open(right, "w", encoding="utf-8", closefd=False) as stream:
        yield stream
    os.close(right)
    screen.results.cache_clear()  # a console keeps what it could not write
    screen.notes.cache_clear()


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_reader_that_left_is_141_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], home_of_texts: Path, pipe: TextIO, form: str
) -> None:
    monkeypatch.setattr(sys, "stdout", pipe)
    monkeypatch.setenv("TASKHOUSE_HOME", str(home_of_texts))
    with pytest.raises(SystemExit) as ended:
        app(["query", "-f", form, "FROM range(3)"])
    assert ended.value.code == 141
    assert capfd.readouterr().err == ""
    pipe.flush()  # as at the end of the process: it says nothing


def test_work_goes_on_if_nobody_reads_its_notes(monkeypatch: pytest.MonkeyPatch, pipe: TextIO) -> None:
    monkeypatch.setattr(sys, "stderr", pipe)
    for _ in range(3):
        say("Still here.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("rows", [3, 3000])
def test_an_output_that_finds_no_room_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], home_of_texts: Path, form: str, rows: int
) -> None:
    monkeypatch.setenv("TASKHOUSE_HOME", str(home_of_texts))
    full = os.open("/dev/full", os.O_WRONLY)
    with open(full, "w", encoding="utf-8", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as ended:
            app(["query", "-f", form, f"FROM range({rows})"])
        screen.silence(stream)
    os.close(full)
    screen.results.cache_clear()
    assert ended.value.code == 1
    assert "The output could not be written: the disk is full." in capfd.readouterr().err
