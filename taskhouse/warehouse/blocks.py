"""What is known of the blocks of a DuckDB file: where they are, whether one is whole, which parts of it are in use.

Facts of DuckDB's storage, held against files of 1.5 and 2.0 by tests: three headers of 4,096 bytes, then blocks of
262,144 bytes. Headers and blocks begin with a checksum of 64 bits over the rest. A block of metadata holds 64 parts,
and a part is written once between two checkpoints: it is free or in use as of the header that counts.
"""

import struct
from collections.abc import Callable

HEADERS = 3 * 4096
BLOCK = 262_144
PARTS = 64
ALL_PARTS = (1 << PARTS) - 1

_CHECKSUM = 8
_PART = (BLOCK - _CHECKSUM) // PARTS // 8 * 8
_START, _FACTOR = 5381, 0xBF58476D1CE4E5B9

_NUMBER, _NOWHERE = (1 << 56) - 1, (1 << 64) - 1
"""A place in the metadata is the number of a block, and of a part of it in the highest byte."""

_MAIN = struct.Struct("<4sQ4Q")
_IDENTIFIER = slice(124, 140)
_DATABASE = struct.Struct("<QQQQQQQ")
_TESTED = {68: {7}}
"""Version of the file, and versions of its contents: what DuckDB 1.5 and 2.0 write for ``v1.5.0``."""


def offset(number: int) -> int:
    """Where a block begins in the file."""
    return HEADERS + number * BLOCK


def in_use(headers: bytes, read: Callable[[int], bytes]) -> list[int]:
    """The blocks that count as of the header that counts, in order; the others may be half written, or not there.

    Args:
        headers: Those of a file whose version is a tested one.
        read: Gives a block by its number, shorter or empty if the file ends before.

    Raises:
        ValueError: The list of free blocks cannot be read.
    """
    _, _, place, count, *_ = max(_DATABASE.unpack_from(headers, at + _CHECKSUM) for at in (4096, 8192))
    listed = bytearray()
    while place != _NOWHERE:
        start = _CHECKSUM + (place >> 56) * _PART
        part = read(place & _NUMBER)[start : start + _PART]
        if len(part) < _PART or len(listed) > count * _CHECKSUM + BLOCK:
            raise ValueError("the list of free blocks cannot be read")
        place = int.from_bytes(part[:8], "little")
        listed += part[8:]
    many = int.from_bytes(listed[:8], "little")
    if many * 8 + 8 > max(len(listed), 8):
        raise ValueError("the list of free blocks cannot be read")
    return sorted(set(range(count)).difference(struct.unpack_from(f"<{many}Q", listed, 8) if many else ()))


def intact(block: bytes) -> bool:
    """Whether a block is as DuckDB wrote it, by the checksum at its start."""
    import numpy as np  # noqa: PLC0415 - takes 70 ms, and most processes check no block

    if len(block) != BLOCK:
        return False
    words = np.frombuffer(block, "<u8")
    return int(np.bitwise_xor.reduce(words[1:] * np.uint64(_FACTOR))) ^ _START == int(words[0])


def same_in_use(one: bytes, other: bytes, used: int) -> bool:
    """Whether two blocks of metadata agree in every part whose bit is set."""
    spans = (slice(start, start + _PART) for start in range(_CHECKSUM, _CHECKSUM + PARTS * _PART, _PART))
    return all(one[span] == other[span] for number, span in enumerate(spans) if used >> number & 1)


def tested(headers: bytes) -> bool:
    """Whether headers are those of a plain file with an identity, in a version that these facts were tested with."""
    if len(headers) != HEADERS:
        return False
    magic, version, *flags = _MAIN.unpack_from(headers, _CHECKSUM)
    known = _TESTED.get(version, set())
    pages = [_DATABASE.unpack_from(headers, at + _CHECKSUM) for at in (4096, 8192)]
    return (
        magic == b"DUCK"
        and not any(flags)
        and any(headers[_IDENTIFIER])
        and all(size == BLOCK and contents in known for *_, size, _, contents in pages)
    )
