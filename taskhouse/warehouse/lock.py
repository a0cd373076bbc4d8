"""One writer at a time, across processes: a bounded and fair lock around commits that names its holder.

Fair by a turnstile: a process that waits for the lock stands in a gate, and the one that just released it must pass
that gate again, so that a busy process cannot take the lock twice while another one waits at its head.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from taskhouse.errors import Locked

POLL_S = 0.01


@contextlib.contextmanager
def commit_lock(path: Path, *, purpose: str, wait_s: float) -> Iterator[None]:
    """Hold the commit lock of the warehouse at ``path`` for the length of the block.

    Raises:
        Locked: Another holder kept it for ``wait_s`` seconds; names its process, its purpose and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".lock.json")
    lock = FileLock(path.with_suffix(".lock"), thread_local=False)
    gate = FileLock(path.with_suffix(".gate"), thread_local=False)
    until = time.monotonic() + wait_s
    try:
        with gate.acquire(timeout=wait_s, poll_interval=POLL_S):
            lock.acquire(timeout=max(0.0, until - time.monotonic()), poll_interval=POLL_S)
    except Timeout:
        raise Locked(
            f"The warehouse {path} has been busy for {wait_s:g} s: {_describe(holder)}.",
            hint="Wait for it to finish, or raise TASKHOUSE_LOCK_WAIT_S. Captured events stay in the spool.",
        ) from None
    try:
        with contextlib.suppress(OSError):  # a note for processes that wait: a full disk keeps nobody from reading
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
