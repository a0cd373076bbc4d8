"""What strangers wrote does nothing in a spreadsheet, and nothing to a terminal."""

import csv
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.cells import disarmed, harmless, lines

ALIVE = "=cmd|' /C calc'!A0"
ESCAPES = "\x1b]0;owned\x07 \x9b31m \x1b[2J \u202e\x7f"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose published copy holds a stranger's texts."""
    folder = tmp_path / "published"
    folder.mkdir()
    with duckdb.connect(str(folder / "20260101T000000000000Z.duckdb")) as connection:
        connection.execute("CREATE TABLE texts (number INT, text VARCHAR)")
        texts = [ALIVE, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "plain", "-1.5", ESCAPES]
        connection.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(texts, start=-3)))
    (folder / "current.duckdb").symlink_to("20260101T000000000000Z.duckdb")
    return tmp_path


def command(home: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "taskhouse.pipelines.cli", "query", *words], {
        **os.environ,
        "TASKHOUSE_HOME": str(home),
    }


def piped(home: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    words, environment = command(home, *words)  # type: ignore[assignment]
    return subprocess.run(words, env=environment, capture_output=True, check=True, cwd=home)


def on_a_terminal(home: Path, *words: str) -> str:
    arguments, environment = command(home, *words)
    master, slave = pty.openpty()
    process = subprocess.Popen(arguments, env=environment, stdout=slave, stderr=subprocess.DEVNULL, cwd=home)
    os.close(slave)
    shown = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(master)
    assert process.wait() == 0
    return shown.decode()


def test_csv_leaves_no_formula_alive_and_says_how_many_cells_that_changed(home: Path) -> None:
    shown = piped(home, "-f", "csv", "SELECT number, text FROM texts ORDER BY number")
    rows = list(csv.reader(io.StringIO(shown.stdout.decode(), newline="")))
    assert rows[0] == ["number", "text"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(-3, 7)]
    assert [row[1][:1] for row in rows[1:]] == ["'"] * 7 + ["p", "'", "\x1b"]
    assert "8 cells" in shown.stderr.decode()
    assert "--raw" in shown.stderr.decode()


def test_a_heading_is_a_cell_too(home: Path) -> None:
    shown = piped(home, "-f", "csv", 'SELECT 1 AS "=1+1"')
    assert shown.stdout == b"'=1+1\n1\n"
    assert b"1 cell." in shown.stderr


def test_a_number_stays_a_number(home: Path) -> None:
    shown = piped(home, "-f", "csv", "SELECT -1 AS a, -1.5::DECIMAL(9, 2) AS b, -2e30::DOUBLE AS c, true AS d")
    assert (shown.stdout, shown.stderr) == (b"a,b,c,d\n-1,-1.50,-2e+30,True\n", b"")


def test_raw_leaves_everything_as_it_is_and_says_nothing(home: Path) -> None:
    shown = piped(home, "-f", "csv", "--raw", "SELECT text FROM texts ORDER BY number")
    rows = list(csv.reader(io.StringIO(shown.stdout.decode(), newline="")))
    assert (rows[1], rows[10], shown.stderr) == ([ALIVE], [ESCAPES], b"")


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_terminal_is_told_nothing_by_a_text(home: Path, form: str) -> None:
    shown = on_a_terminal(home, "-f", form, "SELECT text FROM texts WHERE number = 6")
    assert "owned" in shown
    assert not set(ESCAPES.replace(" ", "")) & set("\x07\x9b\x7f\u202e") & set(shown)
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert form == "table" or "\x1b" not in shown


@given(st.text(st.sampled_from("=+-@\t\r\n\0 1.eE'a\uff1d")))
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    found = disarmed(text)
    assert found in {text, f"'{text}"}
    if text.strip("\0 \t\r\n")[:1] in {"=", "+", "-", "@", "\uff1d"}:
        assert found != text


@given(st.lists(st.text(st.sampled_from('a"=,\r\n;')), min_size=2, max_size=4))
def test_a_line_of_csv_is_one_row_for_every_reader(cells: list[str]) -> None:
    assert list(csv.reader(io.StringIO(next(lines([cells])), newline=""))) == [cells]


@given(st.text())
def test_a_harmless_text_has_no_control_characters_and_a_tame_one_stays(text: str) -> None:
    found = harmless(text)
    assert all(char in "\t\n" or not 0 <= ord(char) < 32 for char in found)
    assert not {"\x7f", "\x9b", "\u202e"} & set(found)
    assert harmless(found) == found
