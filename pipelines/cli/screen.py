"""What people see: consoles, tables, and text of strangers made harmless."""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
WIDE = 200
VERDICTS = {
    "complete": "green",
    "incomplete": "yellow",
    "running": "cyan",
    "killed": "yellow",
    "ahead": "red",
    "never": "red",
    "failed": "red",
}


@cache
def results() -> Console:
    """Standard output: what a command was asked for; wide where it is no terminal."""
    return _console(stderr=False)


@cache
def notes() -> Console:
    """Standard error: progress, hints and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = WIDE
    return made


def plain(value: object, *, style: str = "") -> Text:
    """A value as text without markup, control characters or changes of direction."""
    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}", style=style)
    return Text(_UNSEEN.sub(" ", str(value)), style=style)


def verdict(text: str) -> Text:
    """A verdict in its colour."""
    return Text(text, style=VERDICTS.get(text, ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Rows under headings; numbers stand on the right, grouped and rounded."""
    held = [list(row) for row in rows]
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        values = [row[place] for row in held if row[place] is not None]
        numbers = bool(values) and all(isinstance(value, int | float) for value in values)
        made.add_column(plain(name), justify="right" if numbers else "left", overflow="fold")
    for row in held:
        made.add_row(*(value if isinstance(value, Text) else _cell(value) for value in row))
    return made


def _cell(value: object) -> Text:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value)
    return Text(f"{value:,}" if isinstance(value, int) else f"{value:,.2f}")


def age(seconds: float) -> str:
    """A length of time in the largest unit that says enough: ``8 s``, ``5 min``, ``3 h``, ``2 d``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
