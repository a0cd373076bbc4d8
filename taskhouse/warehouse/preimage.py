"""The blocks that DuckDB writes in place, kept beside its file for as long as it may be writing them.

DuckDB writes data into free blocks and then lets another header count. But a block of metadata that has room is written
where it is, though parts of it are in use. If such a write is cut short, the block is half old and half new, its
checksum fails, and nothing can open the file. So the metadata as of the header that counts is kept: until another one
does, it can be put back, and the log still holds what was committed since.

A repair cannot destroy anything. A block is put back only if its own checksum fails, if the file and the copy have the
same headers (DuckDB's identifier of the file is in them), and if the block agrees with the copy in every part that is
in use: so a repair changes only the checksum and parts that nothing refers to. What it overwrites is kept first.

    <warehouse>.metadata           MARK, CRC-32 of the rest, number of blocks, their ids and parts in use, both headers,
                                   the blocks
    <warehouse>.torn-<time>        the same of the blocks that a repair overwrote, until the housekeeping forgets them
"""

import contextlib
import fcntl
import logging
import os
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self

import duckdb

from taskhouse.atomic import naming
from taskhouse.clock import REAL, Clock
from taskhouse.errors import Corrupt, Full
from taskhouse.warehouse.blocks import ALL_PARTS, BLOCK, HEADERS, intact, offset, same_in_use, tested

MARK = b"taskhouse metadata 2\n"
_LEAD = struct.Struct(f"<{len(MARK)}sII")
_METADATA = "SELECT block_id, free_list FROM pragma_metadata_info() ORDER BY ALL"
_IN_MEMORY = 1 << 62
"""Ids of blocks that are not in the file yet are at least this large."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Blocks of a file as of its headers: id to the parts in use, one bit each, and the content."""

    headers: bytes
    blocks: dict[int, tuple[int, bytes]]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What was kept; None if there is nothing, or if it was cut short itself."""
        try:
            content = path.read_bytes()
            mark, crc, count = _LEAD.unpack_from(content)
        except (OSError, struct.error):
            return None
        rest = content[_LEAD.size :]
        start = count * 16 + HEADERS
        if mark != MARK or zlib.crc32(rest) != crc or len(rest) != start + count * BLOCK:
            return None
        numbers = struct.iter_unpack("<qQ", rest[: count * 16])
        blocks = {
            number: (used, rest[start + place * BLOCK : start + (place + 1) * BLOCK])
            for place, (number, used) in enumerate(numbers)
        }
        return cls(rest[count * 16 : start], blocks)

    def write(self, path: Path) -> None:
        """Keep it, on the disk."""
        numbers = b"".join(struct.pack("<qQ", number, used) for number, (used, _) in self.blocks.items())
        rest = b"".join((numbers, self.headers, *(block for _, block in self.blocks.values())))
        with naming(path), path.open("wb") as file:
            file.write(_LEAD.pack(MARK, zlib.crc32(rest), len(self.blocks)))
            file.write(rest)
            file.flush()
            os.fsync(file.fileno())


def beside(path: Path) -> Path:
    """Where the blocks of a warehouse are kept."""
    return path.with_suffix(".metadata")


def keep(path: Path, file: BinaryIO, connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the metadata of a warehouse that is open, before anything is written to it; DuckDB may write then.

    Args:
        path: The warehouse.
        file: A handle of it that stays open longer than the connection; to close one ends DuckDB's own lock.
        connection: The connection.
    """
    headers = os.pread(file.fileno(), HEADERS, 0)
    if tested(headers) and _headers(beside(path)) != headers:
        _keep(path, file, headers, connection)
    connection.execute("PRAGMA enable_checkpoint_on_shutdown")


def _keep(path: Path, file: BinaryIO, headers: bytes, connection: duckdb.DuckDBPyConnection) -> None:
    parts = connection.execute(_METADATA).fetchall()
    used = {number: ALL_PARTS & ~sum(1 << part for part in free) for number, free in parts if number < _IN_MEMORY}
    blocks = {number: os.pread(file.fileno(), BLOCK, offset(number)) for number in used}
    there = {number: (used[number], block) for number, block in blocks.items() if used[number] and len(block) == BLOCK}
    Kept(headers, there).write(beside(path))


def mend(path: Path, clock: Clock = REAL) -> int:
    """Put the kept metadata back if a write of it was cut short; returns the number of blocks.

    Does nothing while another process has the warehouse open, or if it may not be written.

    Raises:
        Corrupt: A block is damaged in another way than a write that was cut short; nothing was changed.
        Full: There is no room to keep the blocks that would be overwritten; nothing was changed.
    """
    if not (beside(path).exists() and os.access(path, os.R_OK | os.W_OK)):
        return 0
    with path.open("rb+", buffering=0) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0
        headers = os.pread(file.fileno(), HEADERS, 0)
        if not tested(headers) or _headers(beside(path)) != headers:
            return 0
        if _unchanged(file, beside(path)):
            return 0
        kept = Kept.read(beside(path))
        if kept is None:
            beside(path).unlink()  # it was cut short itself, when nothing else had been written yet
            return 0
        torn = _torn(path, file, kept)
        if torn:
            _put_back(path, file, kept, torn, clock.now())
        return len(torn)


def forget(path: Path, before: datetime) -> int:
    """Forget what repairs before a moment overwrote; returns how many files that were."""
    old = [saved for saved in path.parent.glob(f"{path.stem}.torn-*") if saved.suffix < _torn_at(before)]
    for saved in old:
        saved.unlink()
    return len(old)


def _unchanged(file: BinaryIO, kept: Path) -> bool:
    """Whether what was kept is whole and all of it is in the file, as at nearly every opening.

    Block after block takes a fifth of the time that it takes to read all of it into memory first.
    """
    with contextlib.suppress(OSError, struct.error), kept.open("rb", buffering=0) as copy:
        _, crc, count = _LEAD.unpack(copy.read(_LEAD.size))
        numbers = copy.read(count * 16)
        found = zlib.crc32(copy.read(HEADERS), zlib.crc32(numbers))
        for number, _ in struct.iter_unpack("<qQ", numbers):
            block = copy.read(BLOCK)
            if block != os.pread(file.fileno(), BLOCK, offset(number)):
                return False
            found = zlib.crc32(block, found)
        return found == crc and not copy.read(1)
    return False


def _torn(path: Path, file: BinaryIO, kept: Kept) -> dict[int, bytes]:
    """The blocks whose write was cut short, as they are in the file."""
    torn: dict[int, bytes] = {}
    damaged = []
    for number, (used, block) in kept.blocks.items():
        there = os.pread(file.fileno(), BLOCK, offset(number))
        if there == block:
            continue
        ours = len(there) == BLOCK and same_in_use(there, block, used)
        if intact(there):
            if not ours:  # the copy is that of a twin, whose headers are the same: it is of no use here
                beside(path).unlink()
                return {}
        elif ours and intact(block):
            torn[number] = there
        else:
            damaged.append(number)
    if damaged:
        raise Corrupt(
            f"The warehouse {path} is damaged in blocks {', '.join(map(str, damaged))}, and the metadata next to it"
            " does not match them. Nothing was changed.",
            hint="`taskhouse restore` restores the newest copy, and keeps this file next to it.",
        )
    return torn


def _put_back(path: Path, file: BinaryIO, kept: Kept, torn: dict[int, bytes], now: datetime) -> None:
    saved = path.with_suffix(_torn_at(now))
    try:
        Kept(kept.headers, {number: (kept.blocks[number][0], block) for number, block in torn.items()}).write(saved)
    except OSError as problem:
        saved.unlink(missing_ok=True)
        raise Full(
            f"The warehouse {path} has blocks to repair, but they cannot be saved first: {problem.strerror}.",
            hint="Free some disk space, then start again. Nothing was changed.",
        ) from None
    for number in torn:
        os.pwrite(file.fileno(), kept.blocks[number][1], offset(number))
    os.fsync(file.fileno())
    logging.getLogger("taskhouse").warning(
        "A write to the warehouse %s had been cut short; it is repaired: %d block(s). What they held is in %s.",
        path,
        len(torn),
        saved.name,
    )


def _torn_at(moment: datetime) -> str:
    """The suffix of what a repair overwrites; it says when."""
    return f".torn-{moment:%Y%m%dT%H%M%S%f}Z"


def _headers(kept: Path) -> bytes:
    """The headers that the kept metadata belongs to."""
    try:
        with kept.open("rb", buffering=0) as file:
            mark, _, count = _LEAD.unpack(file.read(_LEAD.size))
            return os.pread(file.fileno(), HEADERS, _LEAD.size + count * 16) if mark == MARK else b""
    except (OSError, struct.error):
        return b""
