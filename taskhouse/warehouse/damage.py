"""Whether a file can be read: its length, and every block of it.

A file is compared with the length that its header asks for whenever it is opened. All blocks are read before a copy
replaces another one, and before a copy or a backup is restored: that costs 0.2 s of CPU a gigabyte.

``<warehouse>.checked`` records when that was last done and what was found. If damage was found, only
``taskhouse restore`` opens the file.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import duckdb

from taskhouse.atomic import appearing
from taskhouse.warehouse import blocks, sql
from taskhouse.warehouse.engine import connect

_SAID = ("Corrupt database file", "Could not read enough bytes")


def cut(file: BinaryIO) -> str:
    """What is wrong with the length of a file; empty if nothing is, or if its version is not known."""
    return _cut(file, _in_use(file))


def within(file: BinaryIO, connection: duckdb.DuckDBPyConnection | None = None) -> str:
    """What is wrong with a file that does not change meanwhile; empty if everything in use can be read.

    If the version of the file is not known, or a checksum is wrong, DuckDB reads all tables, and its answer counts.

    Args:
        file: The file.
        connection: One that has it open; without it, one is opened if it is needed.
    """
    used = _in_use(file)
    if wrong := _cut(file, used):
        return wrong
    if used and all(blocks.intact(_block(file, number)) for number in used):
        return ""
    try:
        with contextlib.ExitStack() as stack:
            if connection is None:
                connection = stack.enter_context(connect(str(file.name), read_only=True))
            return next((f"{table}: {wrong}" for table, _, wrong in tables(connection) if wrong), "")
    except duckdb.Error as problem:
        return first_line(problem)


def _in_use(file: BinaryIO) -> list[int]:
    headers = os.pread(file.fileno(), blocks.HEADERS, 0)
    try:
        return blocks.in_use(headers, partial(_block, file)) if blocks.tested(headers) else []
    except ValueError:
        return []


def _block(file: BinaryIO, number: int) -> bytes:
    return os.pread(file.fileno(), blocks.BLOCK, blocks.offset(number))


def _cut(file: BinaryIO, used: list[int]) -> str:
    there = os.fstat(file.fileno()).st_size
    needed = blocks.offset(used[-1] + 1) if used else 0
    return f"it ends after {there:,} bytes, and its data go on to {needed:,}" if there < needed else ""


def of(path: Path) -> str:
    """What is wrong with a copy or a backup; empty if everything in use can be read."""
    with path.open("rb") as file:
        return within(file)


def tables(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int, str]]:
    """Read every table in full: its name, its rows, and what DuckDB says if it cannot read them."""
    for (table,) in sql.run(connection, "catalog/tables").fetchall():
        try:
            rows = connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {table} AS t").fetchall()[0][0]  # noqa: S608 - our own name
        except duckdb.Error as problem:
            yield table, 0, first_line(problem)
        else:
            yield table, rows, ""


def said(problem: BaseException) -> bool:
    """Whether DuckDB says that a file is damaged."""
    return isinstance(problem, duckdb.SerializationException) or (
        isinstance(problem, duckdb.Error) and any(words in str(problem) for words in _SAID)
    )


def first_line(problem: Exception) -> str:
    """What DuckDB says, without its advice to programmers."""
    return str(problem).splitlines()[0][:200].rstrip(".")


def state(path: Path) -> dict[str, int]:
    """What identifies a file that has not been written since."""
    found = path.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def note(path: Path, found: Mapping[str, int], wrong: str, now: datetime) -> None:
    """Record beside a warehouse that all of it was read, and what is wrong with it; then nothing more is written."""
    if not wrong and noted(path):
        return  # it was found meanwhile
    record = {"state": found, "wrong": wrong, "read_at": now.isoformat()}
    with contextlib.suppress(OSError), appearing(_beside(path)) as fresh:
        fresh.write_text(json.dumps(record), encoding="utf-8")


def read_at(path: Path) -> datetime | None:
    """When every block of a warehouse, or of a copy of it, was last read; None if that is not known."""
    try:
        return datetime.fromisoformat(json.loads(_beside(path).read_text(encoding="utf-8"))["read_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def noted(path: Path) -> str:
    """What was found wrong with a warehouse that has not been written since; empty if nothing was."""
    try:
        record = json.loads(_beside(path).read_text(encoding="utf-8"))
        return str(record["wrong"]) if record["state"] == state(path) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def forget(path: Path) -> None:
    """Delete the record of what was found wrong."""
    _beside(path).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_suffix(".checked")
