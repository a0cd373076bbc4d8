"""Files that appear whole or not at all, and errors of the operating system that name the file they are about."""

import contextlib
import errno
import glob
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Another path to write to, which takes the place of ``target`` when the block ends and is removed if it raises.

    What a killed process left of the same target is removed.

    Raises:
        IsADirectoryError: The target is a folder; it is said before anything is written.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    for left in target.parent.glob(f".{glob.escape(target.name)}.*"):
        if not lives(left.suffix[1:]):
            left.unlink(missing_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with naming(target):
            yield draft
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write(target: Path, text: str) -> None:
    """Write a file in UTF-8, line ends as they are, and make the folders that it lies in."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with appearing(target) as draft:
        draft.write_bytes(text.encode())


def update(target: Path, text: str) -> bool:
    """Write a file only if its text differs, so that a copy of the folder transfers no more than what changed.

    Returns whether it was written.
    """
    if target.is_file() and target.read_bytes() == text.encode():
        return False
    write(target, text)
    return True


def lives(process: str) -> bool:
    """Whether a process is there, by its number; also true for what is none."""
    if not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an ``OSError`` of a write, which names no file, the name of this one."""
    try:
        yield
    except OSError as problem:
        if problem.errno and not problem.filename:
            problem.filename = str(path)
        raise
