"""One writer at a time, across processes: a bounded lock around commits that names its holder."""

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from taskhouse.errors import Locked


@contextlib.contextmanager
def commit_lock(path: Path, *, purpose: str, wait_s: float) -> Iterator[None]:
    """Hold the commit lock of the warehouse at ``path`` for the length of the block.

    Raises:
        Locked: Another holder kept it for ``wait_s`` seconds; names its process, its purpose and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".lock.json")
    lock = FileLock(path.with_suffix(".lock"), thread_local=False)
    try:
        lock.acquire(timeout=wait_s, poll_interval=0.01)
    except Timeout:
        raise Locked(
            f"The warehouse {path} has been busy for {wait_s:g} s: {_describe(holder)}.",
            hint="Wait for it to end, or raise TASKHOUSE_LOCK_WAIT_S. Captured events stay in the spool.",
        ) from None
    try:
        holder.write_text(
            json.dumps({"pid": os.getpid(), "purpose": purpose, "since": datetime.now(UTC).isoformat()}),
            encoding="utf-8",
        )
        yield
    finally:
        lock.release()


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {who['pid']} holds it for {who['purpose']} since {who['since']}"
    except (OSError, ValueError, KeyError):
        return "its holder did not leave a name"
