"""Texts of agents and tools as people may read them: several lines, without anything that steers a terminal. Pure."""

import re
import unicodedata
from typing import NamedTuple

from taskhouse.pages import formatting

_LINE_END = re.compile(r"\r\n?")
_SPACES = re.compile("[\x0b\x0c\x85\u2028\u2029]")
"""Line ends of other systems and of print, which stand between words."""

_UNSEEN = re.compile(
    rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{''.join(sorted(formatting.DIRECTIONS))}]|{formatting.UNSEEN.pattern}"
)
FOLDER = re.compile(r"/workspace/repos/[^/\s]+/[^/\s]+/")
"""Where the sandbox has a repository."""

UNITS = ((1_000_000, "MB"), (1000, "KB"))
MARK = re.compile(r"\[text ([0-9]{1,9}) [0-9a-f]{16}\]")
"""What ``capture_text = none`` stores instead of a text."""


class Excerpt(NamedTuple):
    """A text, whole or without its middle.

    Attributes:
        head: Its beginning, or all of it.
        left_out: Characters between the two that are left out.
        tail: Its end; empty if nothing is left out.
    """

    head: str
    left_out: int = 0
    tail: str = ""


def lines(text: object) -> str:
    """A text of several lines: no whole escape sequences, no control characters but tab and line feed, no half emoji.

    Everything else is kept; a rare kind of line end, such as U+2028, is a space. A carriage return ends a line: what it
    would overwrite on a terminal stays readable.
    """
    plain = str(text)
    if "\r" in plain:
        plain = _LINE_END.sub("\n", plain)
    return _UNSEEN.sub("", _SPACES.sub(" ", formatting.without_escapes(plain)))


def line(text: object, most: int = 200) -> str:
    """The same as one line of at most ``most`` characters; an ellipsis says that there is more."""
    whole = lines(text).strip()
    plain = " ".join(whole[: 4 * most].split())
    return plain if len(plain) <= most and len(whole) <= 4 * most else plain[: most - 1] + "…"


def short_path(path: str) -> str:
    """A path on one line, without the folder in which the sandbox has the repository."""
    return FOLDER.sub("", line(path), count=1)


def cut(text: str, most: int) -> Excerpt:
    """A text of at most ``most`` characters, three quarters of them from its beginning.

    It is cut between lines where that costs little.
    """
    if len(text) <= most + 40:  # a shorter rest would be replaced by a longer notice
        return Excerpt(text)
    at, until = most - most // 4, len(text) - most // 4
    line_end = text.rfind("\n", at - most // 4, at)
    at = line_end if line_end > 0 else at
    line_start = text.find("\n", until, until + most // 8)
    until = line_start + 1 if line_start > 0 else until
    while at and unicodedata.combining(text[at]):
        at -= 1
    return Excerpt(text[:at], until - at, text[until:])


def size(number: int) -> str:
    """A number of bytes."""
    return next((f"{number / of:,.0f} {unit}" for of, unit in UNITS if number >= of), f"{number} B")
