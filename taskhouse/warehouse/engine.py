"""DuckDB, started once in a process; the warehouse file is attached to it for as long as a block needs the file.

To start DuckDB costs three times as much as to open a file with it (17 of 23 ms of processor time), and a pass opens
its warehouse a hundred times. A detached file is closed: its lock is free, and its log is in the file.
"""

import contextlib
import os
import threading
from pathlib import Path

import duckdb

from taskhouse import marts
from taskhouse.warehouse import sql

COMPATIBILITY = "v1.5.0"
"""Files stay readable for DuckDB 1.5 and MotherDuck."""

NAME = "warehouse"
MAGIC, MAGIC_AT = b"DUCK", 8

LARGE = "1MB"
"""From which size on a commit goes into the file at once; it is about that of 5,000 events."""

UNUSED = "macros/fingerprint"
"""Only views name it, and to make it takes 7 ms, since DuckDB compiles its patterns then."""

ROW_GROUP = 20_480
"""Rows of a row group. Each load adds a small one, and a checkpoint merges those at the end, together with two or three
full ones: with DuckDB's default of 122,880 rows, a load of 2,500 events sometimes rewrote 370,000, in half a second."""


def connect(path: Path | str = "", *, read_only: bool = False, **config: str) -> duckdb.DuckDBPyConnection:
    """Connect to a file, or to memory; nothing is downloaded for any file or statement.

    By default, DuckDB downloads extensions, for example that of SQLite to open such a file. The extensions that we use
    (Parquet, JSON, time zones) are built in. The downloads are turned off after the connection is made, not in its
    ``config``: a process that opens a file twice must pass the same ``config`` both times, and a person's notebook
    passes none.

    Raises:
        duckdb.Error: As ``duckdb.connect`` does: the file is held by another process, or is no DuckDB file.
    """
    _recognize(path)
    connection = duckdb.connect(str(path) or ":memory:", read_only=read_only, config=dict(config))
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        connection.execute(f"SET {setting} = false")
    _buffer_results(connection)
    return connection


def _buffer_results(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a result of any size wait in memory until it is read; each connection has this setting of its own.

    DuckDB 1 pauses a statement when 1 MB of its result waits. If another part of the statement has not ended by then,
    such as the other half of a UNION, it may never go on (with one thread `FROM run_timeline` did not). DuckDB 2 does.
    """
    if duckdb.__version__.startswith("1."):
        connection.execute("SET streaming_buffer_size = '100TB'")


def _recognize(path: Path | str) -> None:
    try:
        with Path(path).open("rb") as file:
            magic = file.read(MAGIC_AT + len(MAGIC))[MAGIC_AT:]
    except OSError:
        return  # a new file, or one that may not be read: DuckDB says so
    if magic != MAGIC:
        raise duckdb.IOException("it is no DuckDB file")


class Attached:
    """A file that is open: ``connection`` speaks to it alone, and ``close`` closes it.

    What is committed goes to its log. DuckDB brings that into the file no earlier than ``preimage.keep`` allows it, and
    then once: when it is told to, at the last commit (:func:`checkpoint_at_commit`), or when the file is closed.

    Raises:
        duckdb.Error: As ``duckdb.connect`` does: the file is held by another process, or is no DuckDB file.
    """

    def __init__(self, path: Path) -> None:
        _recognize(path)
        self._engine = _take(path)
        self.connection = self._engine.root.cursor()
        place = str(path).replace("'", "''")
        try:
            _buffer_results(self.connection)
            self.connection.execute("RESET threads")
            self.connection.execute("SET checkpoint_threshold = '1TB'")
            self.connection.execute("PRAGMA disable_checkpoint_on_shutdown")
            self.connection.execute(f"ATTACH '{place}' AS {NAME} (ROW_GROUP_SIZE {ROW_GROUP})")
            use(self.connection)
        except BaseException as problem:
            self.connection.close()
            if isinstance(problem, duckdb.IOException):  # nothing was attached; it may be tried again at once
                _give_back(self._engine)
            else:
                self._engine.root.close()
            raise

    def close(self) -> None:
        """Roll back what is not committed, and close the file. What may not, or cannot, be written stays in its log."""
        self.connection.close()
        root = self._engine.root
        try:
            root.execute(f"DETACH {NAME}")
        except duckdb.Error:
            root.close()
        else:
            _give_back(self._engine)


def use(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection speak to the attached file; what is not there, it finds in the memory of its DuckDB."""
    connection.execute(f"SET search_path = '{NAME},memory'")


def checkpoint_at_commit(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a large commit go into the file at once: for the last one while a file is attached.

    Otherwise it is written twice, into the log at the commit and into the file when that is closed. DuckDB estimates
    the size of a commit from its columns, not from its texts: by its default of 16 MiB, a load of up to 80,000 events
    would go through the log.
    """
    connection.execute(f"SET checkpoint_threshold = '{LARGE}'")


class _Engine:
    """One DuckDB, which serves one file at a time; what does not fit into memory is spilled beside the file.

    What holds for every connection is said once. Its memory has the macro ``newest``, and the macros of ``marts`` that
    give a value, since the statements of the warehouse use nearly all of them.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.process = path, os.getpid()
        self.root = connect(storage_compatibility_version=COMPATIBILITY, temp_directory=f"{path}.tmp")
        self.root.execute("SET GLOBAL TimeZone = 'UTC'")
        self.root.execute("SET GLOBAL python_enable_replacements = false")
        sql.run(self.root, "versions/newest")
        self.root.execute(";\n".join(marts.text(name) for name in marts.VALUES if name != UNUSED))


_idle: list[_Engine] = []
_lock = threading.Lock()


def release() -> None:
    """Close the DuckDB that waits for its next file, and with it the memory that it holds."""
    with _lock:
        while _idle:
            _idle.pop().root.close()


def _take(path: Path) -> _Engine:
    with _lock:
        while _idle:
            engine = _idle.pop()
            if engine.process != os.getpid():
                continue
            if engine.path == path:
                return engine
            engine.root.close()
    return _Engine(path)


def _give_back(engine: _Engine) -> None:
    with _lock:
        if not _idle:
            _idle.append(engine)
            return
    with contextlib.suppress(duckdb.Error):
        engine.root.close()
