"""Rows as text for programs, written as they come: CSV, JSON, Markdown."""

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from taskhouse.cells import disarmed, harmless, in_json, lines, octets
from taskhouse.warehouse.sql import distinct

Row = Sequence[Any]

NUMBERS = (int, float, Decimal)


class Csv:
    """CSV in which no text is a formula, and none commands a terminal; counts the cells that it changed for that."""

    def __init__(self, *, shown: bool, raw: bool) -> None:
        self._shown = shown
        self._raw = raw
        self.changed = 0

    def __call__(self, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
        """The lines."""
        cell = self._cell
        return lines([cell(value) for value in row] for row in chain([columns], rows))

    def _cell(self, value: Any) -> object:
        if value is None or isinstance(value, NUMBERS):
            return value
        written = value if isinstance(value, str) else str(portable(value))
        if self._raw:
            return written
        text = disarmed(written)
        text = harmless(text) if self._shown else text
        self.changed += text != written
        return text


def ndjson(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """An object a line."""
    for text in _objects(columns, rows):
        yield f"{text}\n"


def array(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """One JSON array of objects."""
    before = "["
    for text in _objects(columns, rows):
        yield before + text
        before = ",\n "
    yield "[]\n" if before == "[" else "]\n"


def markdown(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """A table of Markdown; texts are shown as they stand, without formatting."""
    yield _bars(columns)
    yield _bars("---" for _ in columns)
    for row in rows:
        yield _bars("" if value is None else _quoted(str(portable(value))) for value in row)


def portable(value: Any) -> Any:
    """A value as programs read it: times in ISO 8601, bytes as DuckDB writes them."""
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    if isinstance(value, bytes):
        return octets(value)
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)


def _objects(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    dumps: Callable[..., str] = functools.partial(json.dumps, default=portable, ensure_ascii=False, allow_nan=False)
    names = distinct(columns)
    for row in rows:
        found = dict(zip(names, row, strict=True))
        try:
            text = dumps(found)
        except (TypeError, ValueError):  # a number or a key that JSON does not have
            text = dumps(_in_json(found))
        yield in_json(text)


def _in_json(value: Any) -> Any:
    """A value in which NaN and infinity are null, and keys are text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(portable(key)): _in_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _bars(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _quoted(text: str) -> str:
    """A text that begins no formatting and ends no cell."""
    escaped = "".join(f"\\{char}" if char in "\\`*_[]<>|#~" else char for char in harmless(" ".join(text.split())))
    return escaped.replace("&", "&amp;")
