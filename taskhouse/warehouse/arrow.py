"""The lines of spool segments as Arrow arrays, which DuckDB scans where they are: a table with a row for each line.

A segment's bytes are the buffer of the texts, so no text is copied or parsed: only where each one begins is computed.
What lies between the texts of two lines is an entry as well, because the texts of an Arrow array have no gaps; its
number is -1. Lines that have their text as JSON come in an array of their own.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import nanoarrow as na
from nanoarrow.c_array import CArray

from taskhouse.spool import line
from taskhouse.warehouse.arrow_columns import Table, buffered, ends, parent, validity

_TEXT, _LONG, _BYTE = na.string(), na.int64(), na.int8()

OF_LINE = {"segment": _TEXT, "k": _TEXT, "p": _LONG, "t": _TEXT, "r": _TEXT, "l": _TEXT, "a": _LONG}
"""The columns of a line: its segment, and what its format calls so (``spool/line.py``)."""

OF_ENTRY = {"n": _LONG, "i": _TEXT, "o": _LONG, "x": _BYTE, "h": _LONG, "d": _TEXT}
"""The columns with a list of what each of its entries has. Of what is not known, ``o`` and ``h`` are -1. The upper half
of the bits of ``n`` is the number of the segment."""

COLUMNS = OF_LINE | {name: na.list_(schema) for name, schema in OF_ENTRY.items()}


@contextmanager
def registered(
    connection: duckdb.DuckDBPyConnection, name: str, segments: Iterable[tuple[str, bytes]]
) -> Iterator[frozenset[str]]:
    """A table with the lines of segments, each of which has a name and its content; gives the kinds of these lines.

    If the block fails, the transaction may be aborted, and then the empty table can only be replaced by the next one.
    """
    made, kinds = arrays(segments)
    table = Table(made)
    connection.register(name, table)
    try:
        yield kinds
        connection.unregister(name)
    finally:
        table.arrays = []


def arrays(segments: Iterable[tuple[str, bytes]]) -> tuple[list[CArray], frozenset[str]]:
    """Arrays of lines with the columns ``COLUMNS``, and the kinds of these lines."""
    made, others, texts = [], _Lines(), list[bytes]()
    for number, (name, content) in enumerate(segments):
        found, end, base = _Lines(), 0, number << 32
        for facts, texts_at in line.headers(content):
            if texts_at is None:
                text = facts["d"].encode()
                others.add(name, facts["k"], base, 0, _as_several(facts, len(text)))
                texts.append(text)
            else:
                end += found.add(name, "event", base, texts_at - end, facts)
        if found.of_line:
            made.append(found.over(content))
    kinds = {kind for _, kind, *_ in others.of_line} | ({"event"} if made else set())
    return [*made, others.over(b"".join(texts))], frozenset(kinds)


def _as_several(facts: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The members of a line with one entry as those of a line with several."""
    position = None if facts["o"] is None else [facts["o"]]
    cut = [0] * facts["x"]
    return {**facts, "i": [facts["i"]], "o": position, "x": cut, "h": [facts.get("h", -1)], "z": [size]}


class _Lines:
    """Lines whose texts are in one buffer; before the texts of each line, there are bytes that are none."""

    def __init__(self) -> None:
        self.of_line: list[tuple[Any, ...]] = []
        self.ends = [0]
        self.numbers: list[int] = []
        self.ids: list[str | None] = []
        self.positions: dict[int, list[int]] = {}
        self.redacted: list[int] = []
        self.sums: list[int] = []
        self.sizes: list[int] = []

    def add(self, segment: str, kind: str, base: int, gap: int, facts: Mapping[str, Any]) -> int:
        """One line; returns its bytes, with those before its texts. A live one may have a single event."""
        sizes: list[int] = facts["z"]
        first, at = base + facts["n"], len(self.numbers) + 1
        self.numbers += (-1, *range(first, first + len(sizes)))
        self.ids += ("", *facts["i"])
        self.sums += (-1, *facts["h"])
        self.sizes += (gap, *sizes)
        self.ends.append(at + len(sizes))
        if facts["o"] is not None:
            self.positions[at] = facts["o"]
        if facts["x"]:
            self.redacted += [at + index for index in facts["x"]]
        self.of_line.append((segment, kind, facts["p"], facts["t"], facts["r"], facts["l"], facts["a"]))
        return gap + sum(sizes)

    def over(self, texts: bytes) -> CArray:
        """The array."""
        count, columns = len(self.numbers), list(zip(*self.of_line, strict=True)) or [()] * len(OF_LINE)
        positions, redacted = array("q", [-1]) * count, bytearray(count)
        for at, own in self.positions.items():
            positions[at : at + len(own)] = array("q", own)
        for at in self.redacted:
            redacted[at] = 1
        of_entry = (
            buffered(_LONG, array("q", self.numbers)),
            _texts(self.ids),
            buffered(_LONG, positions),
            buffered(_BYTE, redacted),
            buffered(_LONG, array("q", self.sums)),
            buffered(_TEXT, ends(self.sizes), texts, length=count),
        )
        children = [
            _texts(values) if schema is _TEXT else _longs(values)
            for schema, values in zip(OF_LINE.values(), columns, strict=True)
        ]
        of_lines = array("i", self.ends)
        for schema, entries in zip(OF_ENTRY.values(), of_entry, strict=True):
            children.append(parent(na.list_(schema), len(self.of_line), [of_lines], [entries]))
        return parent(na.struct(COLUMNS), len(self.of_line), [], children)


def _longs(values: Sequence[int | None]) -> CArray:
    return buffered(_LONG, array("q", [value or 0 for value in values]), valid=validity(values))


def _texts(values: Sequence[str | None]) -> CArray:
    encoded = [(value or "").encode() for value in values]
    return buffered(_TEXT, ends(map(len, encoded)), b"".join(encoded), length=len(encoded), valid=validity(values))
