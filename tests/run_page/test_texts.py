"""What people and agents wrote stays readable, regardless of what is between its characters."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.run_page import texts

PARTS = st.sampled_from(
    ["\r", "\r\n", "\n", "\x1b]0;", "\x1b[", "\x1b[31m", "\x1bP", "\x9d", "\x9b1;", "\x07", "\x1b\\"]
)
WHOLE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[]P][^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\)")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("delete prod\rharmless\rthe end", "delete prod\nharmless\nthe end"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("before \x1b]0;never ended\nmore", "before ]0;never ended\nmore"),
        ("a \x1bPb \x1b_c \x1b^d \x1bXe \x9df \x90g", "a Pb _c ^d Xe f g"),
        ("\x1b[ 9 9 m", "[ 9 9 m"),
        ("\x1b[1;31mred\x1b[0m \x1b]8;;https://x.example\x1b\\link\x1b]8;;\x07\x1b(B", "red link"),
        ("\x1b]0;a\nb\x07c", "]0;a\nbc"),
        ("a\u2028b\u2029c\x85d\x0be\x0cf", "a b c d e f"),
        ("a\u202eb\u2066c\u2069d\u200be\U000e0041", "abcde"),
        (
            "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
            "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
        ),
    ],
)
def test_only_whole_sequences_are_taken_out(written: str, shown: str) -> None:
    assert texts.lines(written) == shown


@given(st.lists(PARTS | st.text("abc [];09", max_size=6), max_size=12).map("".join))
def test_every_printable_character_outside_whole_sequences_survives(written: str) -> None:
    left = [char for char in WHOLE.sub("", written) if char.isprintable() and char != " "]
    assert [char for char in texts.lines(written) if char.isprintable() and char != " "] == left
    assert [char for char in texts.line(written) if char != " "] == left


def test_one_line_says_that_there_is_more() -> None:
    assert texts.line("\n" * 5000 + "said") == "said"
    assert texts.line("a" + " " * 5000 + "b") == "a…"
