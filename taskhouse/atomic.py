"""Files that appear whole or not at all, and errors of the operating system that name the file they are about."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Another path to write to, which takes the place of ``target`` when the block ends and is removed if it raises.

    Raises:
        IsADirectoryError: The target is a folder; it is said before anything is written.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with naming(target):
            yield draft
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an ``OSError`` of a write, which names no file, the name of this one."""
    try:
        yield
    except OSError as problem:
        if problem.errno and not problem.filename:
            problem.filename = str(path)
        raise
