"""Files that are written under another name and take their place when they are whole.

Whoever writes a draft holds a lock that keeps every other writer of the folder away. So a draft that is found is what a
killed process left, and is removed.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from taskhouse.errors import Full

DRAFT, LINK = ".draft", ".link"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextlib.contextmanager
def draft(folder: Path, name: str = DRAFT) -> Iterator[Path]:
    """The path of a new file in a folder, which is removed with the block unless it was renamed.

    Raises:
        Full: The disk has no room for it.
    """
    clear(folder, name)
    path = folder / f"{name}-{os.getpid()}"
    try:
        yield path
    except OSError as problem:
        if problem.errno not in NO_ROOM:
            raise
        raise Full(
            f"There is no room for another copy in {folder}: {problem.strerror}.",
            hint="Make room, then run it again. Nothing was removed.",
        ) from None
    finally:
        path.unlink(missing_ok=True)


def point(link: Path, name: str) -> None:
    """Let a link in a folder point to another file there, in one step."""
    fresh = link.with_name(f"{LINK}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(name)
    fresh.replace(link)


def clear(folder: Path, name: str) -> None:
    """Remove what killed writers left in a folder."""
    for path in folder.iterdir():
        if path.name.startswith((f"{name}-", f"{LINK}-")):
            path.unlink()
