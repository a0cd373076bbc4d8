"""One pass of a resource at a time, across all processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from filelock import FileLock, Timeout

from taskhouse.errors import Locked
from taskhouse.settings import Settings


@contextlib.asynccontextmanager
async def holding(settings: Settings, project_id: int, resource: str) -> AsyncIterator[None]:
    """Hold the resource of the project for the length of the block.

    Raises:
        Locked: Another pass held it for ``pass_wait_s`` seconds.
    """
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{resource}-{project_id}.lock", thread_local=False)
    try:
        await asyncio.to_thread(lock.acquire, timeout=settings.lock_wait_s)
    except Timeout:
        raise Locked(
            f"A pass of {resource} for project {project_id} has been running for {settings.lock_wait_s:g} s.",
            hint="Only one runs at a time: wait, or raise TASKHOUSE_LOCK_WAIT_S. `taskhouse status` shows it.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(settings: Settings, project_id: int, resource: str) -> bool:
    """Whether a pass over the resource of the project is running; True if this cannot be determined."""
    path = settings.home / "locks" / f"{resource}-{project_id}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, thread_local=False).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True
