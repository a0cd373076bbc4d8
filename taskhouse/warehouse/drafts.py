"""Files that are written under another name and take their place when they are whole.

A process that writes a draft holds a lock that keeps every other writer of the folder away. So a draft that is found is
what a killed process left, and is removed.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from taskhouse.errors import Full

DRAFT, LINK, FACTS = ".draft", ".link", ".json"
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
        raise full(folder, problem.strerror) from None
    finally:
        for left in (path, path.with_suffix(FACTS), Path(f"{path}.wal")):
            left.unlink(missing_ok=True)


def full(folder: Path, why: str | None = "No space left on device") -> Full:
    """The error if a draft could not be written to its end."""
    return Full(
        f"There is not enough disk space for another copy in {folder}: {why}.",
        hint="Free some disk space, then run the command again. Nothing was removed.",
    )


def publish(draft: Path, path: Path, facts: Mapping[str, Any]) -> None:
    """Let a draft take its place, with the facts about it beside it first."""
    beside = draft.with_suffix(FACTS)
    beside.write_text(json.dumps(facts), encoding="utf-8")
    beside.replace(path.with_suffix(FACTS))
    draft.replace(path)


def point(link: Path, name: str) -> None:
    """Let a link in a folder point to another file there, in one step."""
    fresh = link.with_name(f"{LINK}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(name)
    fresh.replace(link)


def clear(folder: Path, name: str) -> None:
    """Remove what killed writers left in a folder."""
    for path in folder.iterdir():
        alone = path.suffix == FACTS and path.name[0].isdigit() and not path.with_suffix(".duckdb").exists()
        if alone or path.name.startswith((f"{name}-", f"{LINK}-")):
            path.unlink()
