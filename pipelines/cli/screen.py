"""What people see: consoles, tables, and text of strangers made harmless."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskhouse.cells import octets

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
    return _Shown(highlight=False)


@cache
def notes() -> Console:
    """Standard error: progress, hints and errors."""
    return _Shown(highlight=False, stderr=True)


class _Shown(Console):
    """A console that ends nothing by itself if its reader is gone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = WIDE

    def on_broken_pipe(self) -> None:
        """Called back: what was asked for has no reader and the command ends, but work goes on without its notes."""
        silence(sys.stderr if self.stderr else sys.stdout)
        if not self.stderr:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def silence(stream: TextIO) -> None:
    """Nobody reads a stream any more: what is still written to it goes nowhere."""
    with contextlib.suppress(OSError):  # it is no file of the system
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def plain(value: object, *, style: str = "") -> Text:
    """A value as text without markup, control characters or changes of direction."""
    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M:%S}", style=style)
    return Text(_UNSEEN.sub(" ", octets(value) if isinstance(value, bytes) else str(value)), style=style)


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
