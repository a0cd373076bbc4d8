"""Odd things that are legal: texts, names, values and notations of time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from random import Random

WORDS: Final = (
    "ferry",
    "señal",
    "łódź",
    "你好",
    "שלום",
    "это",
    "🧪",
    "𐍈",
    "Gänse",
    "line\u2028sep",
    "e\u0301",
    "\ufeff",
)
TEXTS: Final = (
    "",
    " ",
    "\\u0000",
    "[REDACTED]",
    "\u202eevil\u202c",
    "data: x\n\nid: 1-1\nevent: stream-end\ndata: {}",
    "'; DROP TABLE raw.run_events; --",
    "null",
    "NaN",
    '{"type":"keepalive"}',
    "\r\n\r\n",
    "%s %d {0} {x} $1",
    "-9223372036854775808",
    "infinity",
    "\x7f\x1b[2J",
)
CUT: Final = ("\x00", "a\x00b", "cut \ud83d", "\udc00")
"""What PostgreSQL cannot hold, and an agent can say."""
VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    10**15,
    1.5,
    "",
    "x",
    [],
    {},
    [None, {"deep": [[[]]]}],
    "2026-13-45T99:00:00Z",
)
BOOTS: Final = ("1", "0", "a-b", "boot_7", "-", " ", "x" * 60, "00000000-0000-4000-8000-000000000000", "1-1", "log")
NOTATIONS: Final = ("micros", "millis", "seconds", "offset")
_ENORMOUS: Final = (3_000, 60_000)


def said(rng: Random) -> str:
    """What an agent or a tool could have said: anything."""
    dice = rng.random()
    if dice < 0.2:  # noqa: PLR2004
        return rng.choice(TEXTS + CUT)
    if dice < 0.22:  # noqa: PLR2004
        return rng.choice(WORDS) * rng.choice(_ENORMOUS)
    return " ".join(rng.choices(WORDS, k=rng.randint(1, 6)))


def stored(rng: Random) -> str:
    """What a person could have written and PostgreSQL holds."""
    return re.sub("[\x00\ud800-\udfff]", "", said(rng))


def repository(rng: Random) -> str:
    """``organization/repository``, in lower case, and nothing more is promised."""
    organization = rng.choice(("acme", "a", "ümläut", "x-1.y"))
    return f"{organization}/{rng.choice(('web', 'lib.rs', 'a_b-c', 'öl', '日本', '..'))}"


def value(rng: Random) -> Any:
    """Any JSON."""
    return rng.choice(VALUES)


def output(rng: Random) -> dict[str, Any] | None:
    """What a run leaves behind: anything that the task's schema allows."""
    url = "https://github.com/acme/web/pull/7"
    return rng.choice((None, {}, {"pr_url": url}, {"pr_url": None, "any": value(rng)}, {"pr_state": "of_tomorrow"}))


def moment(rng: Random, ms: int) -> str:
    """A moment as an agent could write it: any offset, any precision, or no time at all."""
    when = datetime.fromtimestamp(ms / 1000, UTC)
    text = when.strftime("%Y-%m-%dT%H:%M:%S")
    fractions = (f".{ms % 1000:03}Z", "Z", "+00:00", ".123456789Z", "-11:30", ".5+14:00", "")
    return rng.choice(("", "infinity", "999999-99-99T99:99:99Z", *(text + fraction for fraction in fractions)))


def rewritten(text: Any, form: str) -> Any:
    """A time of a row in another of the server's notations; whole milliseconds or seconds only lose what is zero."""
    when = datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None
    if when is None:
        return text
    if form == "offset":
        return when.isoformat()
    if form == "millis" and not when.microsecond % 1000:
        return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"
    return text
