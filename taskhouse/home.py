"""Who may read what taskhouse keeps: its owner, and of the published copies a group, if the settings name one.

Everything below the home is made under a umask that leaves nothing to others, the files of DuckDB, SQLite and Dagster
included. So is what the commands write elsewhere, such as an export: it holds the same prompts and messages.
"""

import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from taskhouse import files
from taskhouse.advice import advised
from taskhouse.errors import ConfigurationError

if TYPE_CHECKING:
    from taskhouse.settings import Settings

CLOSED = 0o077
OURS = (
    *("warehouse", ".warehouse", "budget.sqlite", "schedules.on"),
    *("spool", "published", "dagster", "locks", "pages", "reports", "runs", "demo", "lake", "views-", ".views."),
)
"""How the names begin of all that taskhouse makes in its home: nothing else there is touched."""


INDEX = "search."
"""How the names of the search index begin, which is the only file among the copies that changes."""


def close() -> None:
    """From now on this process, and all that it starts, makes files that only their owner can read."""
    os.umask(CLOSED)


@contextlib.contextmanager
def closed() -> Iterator[None]:
    """The same for a block, in a process that is not taskhouse's alone."""
    before = os.umask(CLOSED)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def writing(target: Path, name: str = "--output") -> Iterator[None]:
    """Write a file or folder that somebody named, as the setting or argument ``name``.

    Raises:
        ConfigurationError: It cannot be written there.
    """
    try:
        yield
    except OSError as problem:
        raise advised(problem) or ConfigurationError(
            f"{target} cannot be written: {problem.strerror}.", hint=f"Choose another {name}."
        ) from None


def require_folder(target: Path) -> None:
    """Look if the folder is there in which somebody wants a file or a new folder; a mistyped one is not made.

    Raises:
        ConfigurationError: It is not.
    """
    folder = target.absolute().parent
    if not os.path.lexists(folder) and not any(path.is_file() for path in folder.parents):
        raise ConfigurationError(f"There is no folder {folder}.", hint="Create it, or name another place.")


def ready(settings: "Settings") -> None:
    """Make the home, or tighten one that others may read, and say so.

    Raises:
        ConfigurationError: The group of the settings does not exist, or the owner of the home is not a member; or the
            home is no folder that this process may write.
        TaskhouseError: This process may open too few files to work in it.
    """
    files.allowed()
    home, group = settings.home, _group(settings.readers_group)
    usable(home)
    with writing(home, "TASKHOUSE_HOME"):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.stat().st_uid != os.geteuid():
        return
    wanted = 0o700 if group is None else 0o710
    inside = list(home.iterdir())
    shared = not all(path.name.startswith(OURS) for path in inside)
    if shared or _mode(home) != wanted:
        ours = [path for path in inside if path.name.startswith(OURS) and path != settings.published]
        loose = [path for path in _all(ours) if _tighten(path)]
        if loose:
            logging.getLogger("taskhouse").warning(
                "Others could read %d files and folders in %s; from now on only their owner can.", len(loose), home
            )
    _copies(settings, group)
    if not shared:
        _give(home, wanted, group, settings.readers_group)


@contextlib.contextmanager
def asking(settings: "Settings") -> Iterator["Settings"]:
    """The settings of a command that asks a server and keeps nothing: a home that is not there yet is not made.

    For want of it the count of requests has another one, which is gone with the block.

    Raises:
        ConfigurationError: The home is no folder that this process may write, nor can it become one.
    """
    if settings.home.is_dir():
        ready(settings)
        yield settings
        return
    files.allowed()
    usable(settings.home)
    with tempfile.TemporaryDirectory(prefix="taskhouse-") as folder:
        yield settings.model_copy(update={"home": Path(folder)})


def usable(home: Path) -> None:
    """Look if the home is a folder that this process may write, or can become one; makes nothing.

    Raises:
        ConfigurationError: It is not.
    """
    there = possible(home)
    if not os.access(there, os.W_OK | os.X_OK):
        raise _unusable(home, there, "is read-only" if _read_only(there) else "may not be written by this user")


def possible(home: Path) -> Path:
    """The home, or the nearest folder above it that is there; another machine may be the one that writes it.

    Raises:
        ConfigurationError: The home is no folder, nor can it become one.
    """
    there = next(path for path in (home, *home.absolute().parents) if os.path.lexists(path))
    if not there.exists():
        raise _unusable(home, there, "is a link to a folder that is not there")
    if not there.is_dir():
        raise _unusable(home, there, "is a file")
    return there


def _unusable(home: Path, there: Path, wrong: str) -> ConfigurationError:
    state = f"it {wrong}" if there == home else f"{there} {wrong}"
    return ConfigurationError(
        f"TASKHOUSE_HOME is {home}, and {state}.", hint="Set TASKHOUSE_HOME to a folder that you can write to."
    )


def _read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _copies(settings: "Settings", group: int | None) -> None:
    """Let the group of the settings read the published copies, and nobody else."""
    folder = settings.published
    if group is None and not folder.exists():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    wanted = 0o700 if group is None else 0o2750  # new copies are of the folder's group
    if _mode(folder) == wanted and group in {None, folder.stat().st_gid}:
        return
    for path in folder.iterdir():
        if not path.is_symlink():
            mode = 0o400 if group is None else 0o440
            _give(path, mode | 0o200 if path.name.startswith(INDEX) else mode, group, settings.readers_group)
    _give(folder, wanted, group, settings.readers_group)


def _give(path: Path, mode: int, group: int | None, name: str) -> None:
    if group is not None and path.stat().st_gid != group:
        try:
            os.chown(path, -1, group)
        except PermissionError:
            raise ConfigurationError(
                f"TASKHOUSE_READERS_GROUP is {name}, but {path} cannot be assigned to that group.",
                hint="Run taskhouse as a member of the group.",
            ) from None
    if _mode(path) != mode:
        path.chmod(mode)


def _group(name: str) -> int | None:
    if not name:
        return None
    import grp  # noqa: PLC0415 - only where there are groups

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigurationError(
            "TASKHOUSE_READERS_GROUP is not a group on this machine.", hint="`getent group` lists the groups."
        ) from None


def _all(paths: list[Path]) -> Iterator[Path]:
    """The paths and all that is below them; what a link points to is not."""
    for path in paths:
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _all(list(path.iterdir()))


def _tighten(path: Path) -> bool:
    """Leave a file or folder to its owner alone; whether it was open to others."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        if not path.is_symlink() and _mode(path) & CLOSED:
            path.chmod(_mode(path) & ~CLOSED)
            return True
    return False


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
