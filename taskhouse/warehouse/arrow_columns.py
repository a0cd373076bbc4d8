"""Columns of Arrow made from Python values, and tables of them, which DuckDB scans where they are."""

import itertools
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import nanoarrow as na
from nanoarrow.c_array import CArray
from nanoarrow.c_array_stream import CArrayStream

LARGE_TEXT = na.large_string()
"""Texts whose bytes may be more than 2 GB all together."""


class Table:
    """Arrays of the same columns, which DuckDB may scan several times."""

    def __init__(self, arrays: Sequence[CArray]) -> None:
        self.arrays = arrays

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        stream = CArrayStream.from_c_arrays(list(self.arrays), self.arrays[0].schema)
        return stream.__arrow_c_stream__(requested_schema)


def table(columns: Mapping[str, CArray], count: int) -> Table:
    """A table of columns with ``count`` values each."""
    schema = na.struct({name: column.schema for name, column in columns.items()})
    return Table([parent(schema, count, [], list(columns.values()))])


def parent(schema: na.Schema, count: int, buffers: Sequence[Any], children: Sequence[CArray]) -> CArray:
    """An array of ``count`` structs or lists, of which none is NULL."""
    return na.c_array_from_buffers(schema, count, [None, *buffers], null_count=0, children=children)


def buffered(schema: na.Schema, *buffers: Any, length: int | None = None, valid: bytes | None = None) -> CArray:
    """An array over buffers; ``length`` if that is not the length of the first one."""
    count = len(buffers[0]) if length is None else length
    return na.c_array_from_buffers(schema, count, [valid, *buffers], null_count=-1 if valid else 0)


def large_texts(values: Sequence[str | None]) -> CArray:
    """An array of texts; a lone surrogate becomes a question mark."""
    valid = validity(values)
    known = values if valid is None else ["" if value is None else value for value in values]
    together = "".join(known)  # type: ignore[arg-type]
    if together.isascii():
        texts, sizes = together.encode(), map(len, known)  # type: ignore[arg-type]
    else:
        encoded = [value.encode("utf-8", "replace") for value in known]  # type: ignore[union-attr]
        texts, sizes = b"".join(encoded), map(len, encoded)
    return buffered(LARGE_TEXT, ends(sizes, "q"), texts, length=len(values), valid=valid)


def ends(sizes: Iterable[int], kind: str = "i") -> bytes:
    """Where each of several texts begins and ends, as numbers of a kind that ``struct`` knows."""
    numbers = list(itertools.accumulate(sizes, initial=0))
    return struct.pack(f"{len(numbers)}{kind}", *numbers)


def validity(values: Sequence[object]) -> bytes | None:
    """A bit for each value, set if it is known; None if all are."""
    if None not in values:
        return None
    bits = bytearray(b"\xff" * ((len(values) + 7) // 8))
    for index, value in enumerate(values):
        if value is None:
            bits[index >> 3] &= ~(1 << (index & 7))
    return bytes(bits)
