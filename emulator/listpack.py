"""The listpacks that Redis keeps a stream in: what an entry takes there decides where a trim falls."""

from dataclasses import dataclass


@dataclass(slots=True)
class Node:
    """One listpack of the stream: how many entries, how many bytes, and the id that others are relative to."""

    ms: int
    seq: int
    count: int = 0
    size: int = 21


def int_size(value: int) -> int:
    """Bytes of an integer in a listpack."""
    if 0 <= value < 1 << 7:
        return 2
    for bits, size in ((12, 3), (15, 4), (23, 5), (31, 6)):
        if -(1 << bits) <= value < 1 << bits:
            return size
    return 10


def text_size(length: int) -> int:
    """Bytes of a string of ``length`` bytes in a listpack."""
    size = length + (1 if length < 64 else 2 if length < 4096 else 5)  # noqa: PLR2004 - the format's own steps
    return size + (1 if size < 128 else 2 if size < 16383 else 3)  # noqa: PLR2004
