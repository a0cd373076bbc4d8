"""A few words of a text around what matches. Pure.

FTS5 has a function for this, but its time grows with the square of the matches in a text: with 30,000 of them, it does
not end.
"""

import re
from dataclasses import dataclass

from taskhouse.search import terms

WIDTH = 160
"""How many characters a snippet has, about."""

BEFORE = 40
"""How many of them come before the first match."""

MOST_MATCHES = 200
"""How many matches of a text are considered."""

_MARKED = re.compile("\x02([^\x03]*)\x03")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A part of a text on one line, and where the matches are in it: pairs of offsets, the last one excluded."""

    text: str
    highlights: list[tuple[int, int]]


def snippet(marked: str) -> Snippet:
    """The part of a text with most of its different matches, given with a mark before and after each match."""
    marked = marked.replace(terms.BETWEEN, "").replace("\x03\x02", "")
    found = list(_MARKED.finditer(marked, 0))[:MOST_MATCHES]
    first = _best(found)
    begin = max(0, (found[first].start() if found else 0) - BEFORE)
    end = min(len(marked), begin + WIDTH)
    if begin:
        begin = _after_space(marked, begin)
    if end < len(marked):
        end = marked.rfind(" ", begin + WIDTH // 2, end) if " " in marked[begin + WIDTH // 2 : end] else end
    part = f"{'…' if begin else ''}{marked[begin:end]}{'…' if end < len(marked) else ''}"
    return _plain(" ".join(part.split()))


def _best(found: list[re.Match[str]]) -> int:
    """The match to begin with: the first that has as many different ones as possible within the width."""
    best, most = 0, 0
    for place, match in enumerate(found):
        near = {each[1].casefold() for each in found[place:] if each.end() <= match.start() + WIDTH - BEFORE}
        if len(near) > most:
            best, most = place, len(near)
    return best


def _after_space(text: str, begin: int) -> int:
    """The beginning of a word, if there is one before the match."""
    space = text.find(" ", begin, begin + BEFORE)
    return space + 1 if space >= 0 else begin


def _plain(marked: str) -> Snippet:
    """Take the marks out; one that was cut begins or ends with the snippet."""
    plain, highlights, opened = "", [], None
    for part in re.split("([\x02\x03])", marked):
        if part == "\x02":
            opened = len(plain)
        elif part == "\x03":
            if opened is not None:
                highlights.append((opened, len(plain)))
            opened = None
        else:
            plain += part
    if opened is not None and opened < len(plain):
        highlights.append((opened, len(plain)))
    return Snippet(plain, highlights)
