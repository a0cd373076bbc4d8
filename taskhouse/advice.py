"""Errors of the machine, of missing packages, of Dagster and its PostgreSQL, and of encodings, as errors of taskhouse.

Each says what to do: about a full disk, a folder that may not be written, too many open files, a package that is not
installed, a database that does not respond, or a configuration that is not valid.
"""

import errno
import os
import re
from pathlib import Path

from taskhouse.errors import ConfigurationError, Full, TaskhouseError

_CANTOPEN, _IOERR = -1, -2
"""SQLite does not say why: the rights, a full disk, a broken one, or too many open files."""

_DANGLING = -3
"""A link where something was to be made; the system says no more than that the name is taken."""

_ELSEWHERE = "Choose another place (TASKHOUSE_HOME, --output), or"
SAID: dict[int, tuple[type[TaskhouseError], str, str]] = {
    errno.ENOSPC: (
        Full,
        "{} could not be written: the disk is full.",
        "Free some disk space, then run the command again. Everything that was committed is safe.",
    ),
    errno.EROFS: (ConfigurationError, "{} is on a read-only disk.", f"{_ELSEWHERE} mount the disk for writing."),
    errno.EACCES: (
        ConfigurationError,
        "{} cannot be used: permission denied.",
        f"{_ELSEWHERE} ask its owner for access.",
    ),
    errno.ENOTDIR: (ConfigurationError, "{} is a file, but a folder is needed.", f"{_ELSEWHERE} move the file away."),
    errno.EISDIR: (
        ConfigurationError,
        "{} is a folder, but a file is needed.",
        "Name a file in it. If taskhouse itself needs a file of that name, move the folder away.",
    ),
    _DANGLING: (
        ConfigurationError,
        "{} is a link whose target does not exist.",
        f"{_ELSEWHERE} create the target of the link.",
    ),
    errno.EMFILE: (
        TaskhouseError,
        "{} cannot be opened: this process has too many files open.",
        "Raise the limit in this shell with `ulimit -n 4096`, then run the command again.",
    ),
    _CANTOPEN: (
        TaskhouseError,
        "{} cannot be opened.",
        "Check its owner (`ls -l`), the free disk space (`df`) and the limit of open files (`ulimit -n`).",
    ),
    _IOERR: (
        TaskhouseError,
        "{} cannot be read or written: the disk is full or failed.",
        "Free some disk space (`df`), then run the command again. If the disk is not full, `dmesg` shows what failed.",
    ),
    errno.EIO: (
        TaskhouseError,
        "{} cannot be read or written: the disk failed.",
        "Check the disk; `dmesg` shows more.",
    ),
}
_ALIKE = {
    errno.EDQUOT: errno.ENOSPC,
    errno.EPERM: errno.EACCES,
    errno.EEXIST: errno.ENOTDIR,
    errno.ENFILE: errno.EMFILE,
}
_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EROFS,
    "unable to open database file": _CANTOPEN,
    "disk I/O error": _IOERR,
}
_MODULE = re.compile(r"(?:No module named|Couldn't import module) '?([\w.]+)'?")
_POSTGRES = "DagsterPostgresException"
_INVALID = "DagsterInvalidConfigError"
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")
_FILE = re.compile(r"(?:[\"'](?=/)|file \\?[\"'])([^\"'\\]+)")
"""A path; DuckDB quotes it once more where a thread of its own failed."""
_UNKNOWN = "A file"


def advised(problem: BaseException | str) -> TaskhouseError | None:
    """One of our errors for what the operating system, SQLite or DuckDB refused; None for anything else.

    Args:
        problem: The exception, or the text of one that came through a process or a log.
    """
    if isinstance(problem, UnicodeEncodeError):
        return ConfigurationError(
            f"The output contains characters that cannot be written in {problem.encoding}.",
            hint="Set PYTHONIOENCODING=utf-8, then run the command again.",
        )
    absent = _MODULE.search(str(problem))
    if absent:
        return ConfigurationError(
            f"The Python package {absent[1]} is not installed.",
            hint="Install it in the environment of taskhouse, or remove what needs it from dagster.yaml.",
        )
    if type(problem).__name__ == _POSTGRES:
        return TaskhouseError(
            f"Dagster's database does not respond: {problem}.",
            hint="Check that PostgreSQL is running, and check `storage` in dagster/dagster.yaml below TASKHOUSE_HOME.",
        )
    if type(problem).__name__ == _INVALID:
        cause = str(problem).partition(" Expected:")[0].rpartition("Error 1: ")[2]
        return ConfigurationError(
            f"Dagster's configuration is not valid: {cause[:300].rstrip('.')}.",
            hint="Fix dagster/dagster.yaml below TASKHOUSE_HOME. If you remove it, taskhouse writes its own again.",
        )
    number, where = _read(problem)
    kind, said, hint = SAID.get(_ALIKE.get(number, number), (None, "", ""))
    return kind(said.format(where), hint=hint) if kind else None


def interrupted(problem: BaseException | str) -> bool:
    """Whether a person stopped the program, in DuckDB's words too: in the midst of a statement it says no more."""
    said = str(problem).strip().removeprefix("RuntimeError: ")
    return isinstance(problem, KeyboardInterrupt) or (
        isinstance(problem, RuntimeError | str) and said == "Query interrupted"
    )


def _read(problem: BaseException | str) -> tuple[int, str]:
    """The number of an error, and what it is about."""
    if isinstance(problem, OSError):
        where = str(problem.filename2 or problem.filename or _UNKNOWN)
        dangling = problem.errno == errno.EEXIST and Path(where).is_symlink() and not Path(where).exists()
        return _DANGLING if dangling else problem.errno or 0, where
    text = str(problem)
    for words, number in _SQLITE.items():
        if words in text:
            return number, "A database in TASKHOUSE_HOME"
    for number in (*(known for known in SAID if known > 0), *_ALIKE):
        if os.strerror(number) in text:
            named = _FILE.search(text) or _QUOTED.search(text)
            return number, named[1] if named else _UNKNOWN
    return 0, ""
