"""Rows fit the terminal, and go to programs in the form they want, as many as there are."""

import csv
import importlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from taskhouse.errors import ConfigurationError
from taskhouse.pipelines.cli import layout, query_output, screen
from taskhouse.pipelines.cli.layout import GAP, NARROWEST, fitted

ROOM = 100
WIDE = ", ".join(f"repeat('x', 200) AS column_{number}" for number in range(30))


@pytest.fixture
def ask(inside: Any, home_of_texts: Path) -> Any:
    return lambda *words: inside.run("query", *words, TASKHOUSE_HOME=str(home_of_texts))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output as a terminal of 100 columns."""
    made = Console(force_terminal=True, width=ROOM, highlight=False, no_color=True)
    monkeypatch.setattr(screen, "results", lambda: made)
    return  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELEC 1", "SHOW TABLES"),
        ("FROM nowhere", "SHOW TABLES"),
        ("SELECT nothing FROM texts", "SHOW TABLES"),
        ("INSERT INTO raw.tasks VALUES (1)", "The published copy is for reading"),
        ("DELETE FROM nowhere", "The published copy is for reading"),
        ("--wrong", "needs `--` before it"),
    ],
)
def test_a_statement_that_fails_says_what_to_do(ask: Any, sql: str, hint: str) -> None:
    ended = ask(sql)
    said = " ".join(ended.err.replace("│", " ").split())
    assert (ended.code, hint in said, "20260101T" in said) == (2, True, False), ended


def test_sql_after_two_dashes_may_begin_with_one(ask: Any) -> None:
    assert ask("--format", "csv", "--", "-- a comment\nSELECT 1 AS a").out == "a\n1\n"


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("FROM range(3)", 4),
        ("SELECT 1 AS a, repeat('long ', 100) AS b, repeat('x', 90) AS c FROM range(3)", 4),
        (f"SELECT {WIDE} FROM range(3)", 3 * 31),
    ],
)
@pytest.mark.usefixtures("terminal")
def test_no_line_is_longer_than_the_terminal(ask: Any, sql: str, lines: int) -> None:
    shown = ask(sql)
    assert shown.code == 0, shown
    assert 0 < len(shown.out.splitlines()) <= lines
    assert all(len(line) <= ROOM + len("\x1b[1m\x1b[0m") * 4 for line in shown.out.splitlines())


@pytest.mark.usefixtures("terminal")
def test_values_are_cut_visibly_and_vertical_shows_them_whole(ask: Any) -> None:
    cut, whole = ask(f"SELECT {WIDE}"), ask(f"SELECT {WIDE}", "--vertical")
    assert "…" in cut.out
    assert "--vertical shows them in full" in cut.err
    assert whole.out.count("x" * 200) == 30


@pytest.mark.usefixtures("terminal")
def test_a_terminal_is_shown_some_rows_and_told_how_to_see_all(ask: Any) -> None:
    some, every = ask("FROM range(3000)"), ask("FROM range(3000)", "--rows", "0")
    assert len(some.out.splitlines()) == 101
    assert "--rows 0 shows all" in some.err
    assert len(every.out.splitlines()) == 3001


def test_elsewhere_all_rows_are_written_whole(ask: Any) -> None:
    shown = ask("SELECT range, repeat('x', 500) AS long FROM range(3000)")
    assert len(shown.out.splitlines()) == 3001
    assert "…" not in shown.out


def test_each_form_holds_the_rows(ask: Any, tmp_path: Path) -> None:
    sql = "SELECT 1 AS a, 'x|y *z*' AS b, NULL AS c UNION ALL SELECT 2, 'line' || chr(10) || 'end', 'd' ORDER BY a"
    rows = [{"a": 1, "b": "x|y *z*", "c": None}, {"a": 2, "b": "line\nend", "c": "d"}]
    assert json.loads(ask("-f", "json", sql).out) == rows
    assert [json.loads(line) for line in ask("-f", "ndjson", sql).out.splitlines()] == rows
    assert ask("-f", "markdown", sql).out.splitlines() == [
        "| a | b | c |",
        "| --- | --- | --- |",
        r"| 1 | x\|y \*z\* |  |",
        "| 2 | line end | d |",
    ]
    target = tmp_path / "rows.parquet"
    done = ask("-f", "parquet", "-o", str(target), sql)
    assert (done.code, "Written:" in done.err) == (0, True), done
    assert duckdb.connect().execute("FROM read_parquet(?) ORDER BY a", [str(target)]).fetchall() == [
        tuple(row.values()) for row in rows
    ]
    folder = ask("-o", str(tmp_path), sql)
    assert (folder.code, folder.err.startswith("Error:")) == (2, True), "it is refused before anything is asked"
    assert ask("-f", "json", "SELECT 1 WHERE false").out == "[]\n"
    assert ask("-f", "csv", "-o", str(tmp_path / "rows.csv"), "SELECT 1 AS a").code == 0
    assert (tmp_path / "rows.csv").read_text("utf-8") == "a\n1\n"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "There is no statement"),
        ("/* only a remark */", "There is no statement"),
        ("SELECT 1; SELECT 2", "These are 2 statements"),
        ("DELETE FROM texts", "The published copy is for reading"),
        ("SELEC 1", "syntax error"),
        ("SELECT error('in the midst') FROM range(3)", "in the midst"),
    ],
)
@pytest.mark.parametrize("form", ["table", "csv", "parquet"])
def test_one_statement_or_a_clear_error(ask: Any, tmp_path: Path, sql: str, says: str, form: str) -> None:
    shown = ask(sql, "--format", form, "-o", str(tmp_path / "out"))
    assert shown.code == 2, shown
    assert says in shown.err
    assert "bug" not in shown.err
    assert list(tmp_path.iterdir()) == []


def test_a_statement_is_utf8_whatever_the_locale_says(ask: Any) -> None:
    of_another_locale = "SELECT 'Ü' AS a".encode().decode("ascii", "surrogateescape")
    assert ask("-f", "csv", of_another_locale).out == "a\nÜ\n"
    wrong = ask("SELECT '\udcff'")
    assert (wrong.code, "not UTF-8" in wrong.err, "bug" in wrong.err) == (2, True, False)


def test_parquet_is_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(ConfigurationError, match="--output"):
        importlib.import_module("taskhouse.pipelines.cli.query")._parquet(Path("none"), "SELECT 1", None)


@pytest.mark.parametrize(
    "way", [query_output.Csv(shown=False, raw=False), query_output.array, query_output.ndjson, query_output.markdown]
)
def test_rows_are_written_as_they_come(way: Any) -> None:
    endless = ((number, "x") for number in itertools.count())
    assert len("".join(itertools.islice(way(["a", "b"], endless), 1000))) > 5000


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(20, 200))
def test_the_widest_columns_are_cut_first(widths: list[int], room: int) -> None:
    found = fitted(widths, [False] * len(widths), room)
    if found is None:
        assert sum(min(width, NARROWEST) for width in widths) + GAP * (len(widths) - 1) > room - len(widths)
        return
    assert sum(found) + GAP * (len(widths) - 1) <= room
    cut = {new for old, new in zip(widths, found, strict=True) if new < old}
    assert len(cut) <= 1
    assert all(new <= max(found) for new in cut)


def test_numbers_are_never_cut() -> None:
    found = [line.plain for line in layout.lines(["n", "text"], [(10**15, "x" * 500)], 40) or ()]
    assert all(len(line) <= 40 for line in found)
    assert str(10**15) in found[1]


def test_all_rows_of_csv_share_one_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Mock(side_effect=csv.writer)
    monkeypatch.setattr(csv, "writer", counting)
    writer = query_output.Csv(shown=False, raw=False)
    assert list(writer(["n", "t"], iter([(1, "=a"), (-2.5, None)]))) == ["n,t\n", "1,'=a\n", "-2.5,\n"]
    assert (counting.call_count, writer.changed) == (1, 1)
