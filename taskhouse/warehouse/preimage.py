"""The blocks that DuckDB writes in place, kept beside its file for as long as it may be writing them.

DuckDB writes data into free blocks and then lets another header count. But a block of metadata that has room is written
where it is, though parts of it are in use. Whoever is killed or loses power in the midst of that leaves a block that is
half old and half new, and a file that nothing can open. So the metadata as of the header that counts is kept: until
another one does, it can be put back, and the log still holds what was committed since.

    <warehouse>.metadata    CRC-32 of the rest, size of a block, number of blocks, their ids, both headers, the blocks
"""

import fcntl
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import duckdb

_HEADERS = 3 * 4096
_LEAD = struct.Struct("<III")
_METADATA = "SELECT DISTINCT block_id FROM pragma_metadata_info() ORDER BY ALL"
_IN_MEMORY = 1 << 62
"""Ids of blocks that are not in the file yet are at least this large."""
_BLOCK = "SELECT block_size FROM pragma_database_size()"


def beside(path: Path) -> Path:
    """Where the blocks of a warehouse are kept."""
    return path.with_suffix(".metadata")


def keep(path: Path, file: BinaryIO, connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the metadata of a warehouse that is open, before anything is written to it.

    Args:
        path: The warehouse.
        file: A handle of it that stays open longer than the connection; to close one ends DuckDB's own lock.
        connection: The connection.
    """
    headers = os.pread(file.fileno(), _HEADERS, 0)
    if _headers(beside(path)) == headers:
        return
    size = connection.execute(_BLOCK).fetchall()[0][0]
    ids = [number for (number,) in connection.execute(_METADATA).fetchall() if number < _IN_MEMORY]
    blocks = [os.pread(file.fileno(), size, _HEADERS + number * size) for number in ids]
    there = [(number, block) for number, block in zip(ids, blocks, strict=True) if len(block) == size]
    numbers = struct.pack(f"<{len(there)}q", *(number for number, _ in there))
    rest = b"".join((numbers, headers, *(block for _, block in there)))
    with beside(path).open("wb") as kept:
        kept.write(_LEAD.pack(_crc(size, len(there), rest), size, len(there)))
        kept.write(rest)
        kept.flush()
        os.fsync(kept.fileno())


def mend(path: Path) -> int:
    """Put the kept metadata back where a write of it was cut short; how many blocks that were.

    Does nothing while another process has the warehouse open, or where it may not be written.
    """
    if not (beside(path).exists() and os.access(path, os.R_OK | os.W_OK)):
        return 0
    with path.open("rb+", buffering=0) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0
        if _headers(beside(path)) != os.pread(file.fileno(), _HEADERS, 0):
            return 0
        content = beside(path).read_bytes()
        crc, size, count = _LEAD.unpack_from(content)
        if _crc(size, count, content[_LEAD.size :]) != crc:
            beside(path).unlink()  # it was cut short itself, when nothing else had been written yet
            return 0
        ids = struct.unpack_from(f"<{count}q", content, _LEAD.size)
        start = _LEAD.size + count * 8 + _HEADERS
        mended = 0
        for place, number in enumerate(ids):
            block, at = content[start + place * size : start + (place + 1) * size], _HEADERS + number * size
            if os.pread(file.fileno(), size, at) != block:
                os.pwrite(file.fileno(), block, at)
                mended += 1
        if mended:
            os.fsync(file.fileno())
        return mended


def _crc(size: int, count: int, rest: bytes) -> int:
    return zlib.crc32(rest, zlib.crc32(_LEAD.pack(0, size, count)))


def _headers(kept: Path) -> bytes:
    """The headers that the kept metadata belongs to."""
    try:
        with kept.open("rb", buffering=0) as file:
            _, size, count = _LEAD.unpack(file.read(_LEAD.size))
            return os.pread(file.fileno(), _HEADERS, _LEAD.size + count * 8) if size else b""
    except (OSError, struct.error):
        return b""
