"""The file of the index: opened by one writer at a time, or by any number of readers.

It has no write-ahead log, so somebody who may only read the folder can read it. A process that is killed leaves a
journal, which the next one that may write here rolls back.
"""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from taskhouse.advice import advised
from taskhouse.errors import ConfigurationError, Corrupt, Locked, TaskhouseError
from taskhouse.warehouse import sql

NAME = "search.sqlite"
FORMAT = 1
"""An index of another format is built again."""

WAIT_S = 10.0
"""How long a reader waits for the end of a commit, and a commit for readers."""

CACHE_KB = 64_000
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
Row = Mapping[str, Any]


class Damaged(Corrupt):
    """The index holds what SQLite cannot have written: a process that may write it builds another one."""


def statement(name: str) -> str:
    """The text of ``queries/<name>.sql``."""
    return sql.statement("taskhouse.search", f"queries/{name}")


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """The index beside the published copies of a folder, for reading.

    Raises:
        ConfigurationError: There is none, or this Python's SQLite lacks FTS5.
        Corrupt: It is damaged.
        Locked: A process that was killed left it in the middle of a commit, and this one may not write it.
    """
    path = folder / NAME
    if not path.is_file():
        raise _absent(folder)
    mode = "rw" if os.access(path, os.W_OK) and os.access(folder, os.W_OK) else "ro"  # to roll a journal back
    with _said(path), contextlib.closing(_connect(path, mode)) as connection:
        if _format(connection) != FORMAT:
            raise _absent(folder)
        yield connection


@contextlib.contextmanager
def writing(folder: Path, *, check: bool = False) -> Iterator[sqlite3.Connection]:
    """The index, for the one process that may change it; made if it is not there or has another format.

    Args:
        folder: The published copies.
        check: Read all of it first, and make it anew if a part is damaged.

    Raises:
        ConfigurationError: This Python's SQLite lacks FTS5.
        Damaged: A part that was read is damaged.
        Full: The disk has no room for it.
        Locked: Another process is changing it.
    """
    path = folder / NAME
    lock = FileLock(path.with_suffix(".lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Locked(f"Another process is updating {path}.", hint="Wait for it to finish.") from None
    try:
        with _said(path):
            yield from _opened(path, check=check)
    finally:
        lock.release()


def _opened(path: Path, *, check: bool) -> Iterator[sqlite3.Connection]:
    if not _is_sound(path, check=check):
        remove(path)
    with contextlib.closing(_connect(path, "rwc")) as connection:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        if _format(connection) != FORMAT:
            path.chmod(0o640 if path.parent.stat().st_mode & stat.S_ISGID else 0o600)
            connection.executescript(f"BEGIN;\n{statement('schema')}\nPRAGMA user_version = {FORMAT};\nCOMMIT;")
        yield connection


def remove(path: Path) -> None:
    """Remove an index; everything in it is in the copies too. Who has it open keeps it."""
    for each in (path, path.with_name(f"{path.name}-journal")):
        each.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction: committed when the block ends, rolled back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite did it, as on a full disk
            connection.execute("ROLLBACK")
        raise


def _is_sound(path: Path, *, check: bool) -> bool:
    """Whether there is a database of this format, or none at all; its pages are read only to check it."""
    if not path.exists():
        return True
    try:
        with contextlib.closing(_connect(path, "rw")) as connection:
            return _format(connection) == FORMAT and not (check and _is_damaged(connection))
    except sqlite3.DatabaseError as problem:
        if not isinstance(_advised(path, problem), Corrupt):
            raise
        return False


def _is_damaged(connection: sqlite3.Connection) -> bool:
    """Whether its pages are not what they should be; that FTS5's own words do not fit its texts is an exception."""
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    connection.execute("INSERT INTO documents (documents) VALUES ('integrity-check')")
    return bool(said != "ok")


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()["user_version"])


def _absent(folder: Path) -> ConfigurationError:
    return ConfigurationError(
        f"There is no search index in {folder.absolute()} yet, or it is that of another version.",
        hint="`taskhouse search --build` builds it; the owner of the folder has to run it. Syncs then update it.",
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=WAIT_S,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say what SQLite refused as one of our errors."""
    try:
        yield
    except sqlite3.Error as problem:
        raise _advised(path, problem) from None


def _advised(path: Path, problem: sqlite3.Error) -> TaskhouseError:
    said = str(problem)
    if "fts5" in said and "no such module" in said:
        return ConfigurationError(
            f"The SQLite {sqlite3.sqlite_version} of this Python has no full-text search (FTS5).",
            hint="Use a Python whose module sqlite3 has FTS5, such as those of python.org and of most distributions.",
        )
    if "readonly" in said or "locked" in said:
        return Locked(
            f"{path} is being updated, or an update of it was interrupted.",
            hint="Search again in a moment. The next update, or `taskhouse search` by its owner, completes it.",
        )
    found = advised(problem) or Corrupt(
        f"{path} cannot be read: {said}.",
        hint="`taskhouse search --build` by its owner checks it, and builds another one. Nothing else is in it.",
    )
    is_damaged = getattr(problem, "sqlite_errorcode", 0) & 0xFF in DAMAGE
    return Damaged(found.args[0], hint=found.hint) if is_damaged else found
