"""Numbers, days and lengths of time as people read them, the same in every process."""

import math
import re
import unicodedata
from datetime import UTC, date, datetime

MINUS = "\u2212"
EN_DASH = "\u2013"
NEVER = "\u2014"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
"""Used instead of the process's locale, so that the same data gives the same bytes everywhere."""

ISOLATE, END = "\u2068", "\u2069"
"""Isolates the direction of a text (left to right or right to left) from its neighbours."""

DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that begin or end a direction."""


UNSEEN = re.compile("[\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
"""Characters without a width that nothing shows: a text may hide words in them, or differ in them from one like it."""

JOINER = "\u2060"
"""Has no width and no meaning. What it stands in is no link, and reads the same."""

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # colours and cursor moves
    r"|\x1b[\]PX^_][^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\)"  # titles, links and other strings
    r"|\x1b\([0AB]"  # sets of characters
)
"""Whole sequences on one line; one that does not end is no reason to hide what follows it."""

_MEANT = re.compile(
    r"@|\$(?!\d)|(?<=[#!])(?=\d)|\bGH-(?=\d)|:(?=//)|\bwww(?=\.)|:(?=[\w+-]{1,40}:)"
    r"|\b[0-9a-f]{6}(?=[0-9a-f]{34}\b)",
    re.IGNORECASE,
)


def clean(text: object) -> str:
    """A server's text on one line, without what cannot be seen.

    These are whole sequences for a terminal, other control characters, halves of cut emoji, characters without a width,
    and changes of direction, but for isolates that begin and end in the text, as :func:`isolated` makes them.
    """
    shown = "".join(
        " " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char
        for char in without_escapes(str(text))
        if char != "\u0000"
    )
    shown = UNSEEN.sub("", shown)
    return shown if DIRECTIONS.isdisjoint(shown) else _balanced(shown)


def without_escapes(text: str) -> str:
    """A text without whole escape sequences of a terminal, such as colours and titles."""
    return _ESCAPES.sub("", text) if "\x1b" in text or "\x9b" in text else text


def _balanced(text: str) -> str:
    kept, depth = [], 0
    for char in text:
        if char in DIRECTIONS:
            if char not in (ISOLATE, END) or (char == END and not depth):
                continue
            depth += 1 if char == ISOLATE else -1
        kept.append(char)
    return "".join(kept) + END * depth


def inert(text: object) -> str:
    """A server's text on one line, in which no chat and no forge finds a link, a mention, a reference, emoji or math.

    Mail addresses, addresses of the web, ``@name``, ``#12``, ``GH-12``, whole hashes of commits, ``:name:`` and ``$x$``
    get a word joiner, which cannot be seen: forges look for them in what Markdown made, where a backslash is gone.
    """
    return _MEANT.sub(lambda found: found[0] + JOINER, clean(text))


def brief(text: object, most: int = 80) -> str:
    """A server's text on one line, of at most ``most`` characters; an ellipsis says that there is more."""
    shown = " ".join(clean(text).split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}\u2026"


def isolated(text: object) -> str:
    """A server's text inside one of ours: it cannot change the direction in which ours is read."""
    return ISOLATE + "".join(char for char in clean(text) if char not in DIRECTIONS) + END


def day(value: date) -> str:
    """A day, as 4 Nov 2026."""
    return f"{short(value)} {value.year}"


def short(value: date) -> str:
    """A day without its year."""
    return f"{value.day} {MONTHS[value.month - 1]}"


def moment(value: datetime) -> str:
    """A moment, in UTC."""
    value = value.astimezone(UTC)
    return f"{day(value)}, {value:%H:%M} UTC"


def signed(value: float, unit: str = "", digits: int = 0) -> str:
    """A change with its sign; a real minus, so that columns of figures align."""
    rounded = round(value, digits)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else "\u00b1"
    return f"{sign}{abs(rounded):,.{digits}f}{unit}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share of one, as per cent."""
    return NEVER if share is None else f"{100 * share:.{digits}f}%"


def number(value: float | None) -> str:
    """A score, or any number with at most one digit after the point."""
    return NEVER if value is None else f"{value:,.1f}".removesuffix(".0")


def span(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    if seconds is None or not math.isfinite(seconds):
        return NEVER
    whole = round(seconds)
    for size, word, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {word}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def usd(value: float | None) -> str:
    """US dollars with cents."""
    return NEVER if value is None else f"${value:,.2f}"


def compact(value: float | None) -> str:
    """A large number in at most three digits and its unit: 950, 38k, 1.2M."""
    if value is None:
        return NEVER
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            share = value / size
            return f"{share:.1f}{unit}" if share < 10 else f"{share:,.0f}{unit}"  # noqa: PLR2004 - three digits
    return f"{value:,.0f}"
