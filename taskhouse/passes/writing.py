"""Batches that are written one after the other in another thread, while the pass reads on.

At most one batch waits while another one is written. If it does, the file stays open between the two.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from taskhouse.warehouse.connection import Warehouse

T = TypeVar("T")

MOST = 8
"""Transactions after which another process may have its turn with the file."""


class Writing(Generic[T]):
    """The writing of one pass.

    Args:
        warehouse: Where to.
        purpose: What waits for the file is told that it is used for this.
        write: Writes one batch; gets the connection in a transaction.
    """

    def __init__(self, warehouse: Warehouse, purpose: str, write: Callable[[Any, T], None]) -> None:
        self._warehouse, self._purpose, self._write = warehouse, purpose, write
        self._waiting: deque[tuple[T, Future[None]]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._threads: list[asyncio.Future[None]] = []
        self._newest: Future[None] | None = None
        self._problem: BaseException | None = None

    async def put(self, batch: T) -> None:
        """Hand over a batch, and wait until the one before it is written.

        Raises:
            Exception: What went wrong with one before; then nothing more is written, because a bookmark may not pass
                over rows.
        """
        before, done = self._newest, Future[None]()
        with self._lock:
            if self._problem is not None:
                raise self._problem
            self._newest = done
            self._waiting.append((batch, done))
            idle, self._busy = not self._busy, True
        if idle:
            self._threads.append(asyncio.ensure_future(asyncio.to_thread(self._run)))
        if before is not None:
            await _ended(before)

    async def done(self) -> None:
        """Wait until everything is written and the file is closed, also when this was interrupted before.

        Raises:
            Exception: What went wrong.
        """
        if not self._threads:
            return
        await asyncio.wait(self._threads)
        threads, self._threads, self._newest = self._threads, [], None
        for problem in filter(None, [thread.exception() for thread in threads]):
            raise problem

    def _run(self) -> None:
        try:
            while self._goes_on():
                with self._warehouse.transactions(self._purpose) as begin:
                    for _ in range(MOST):
                        if not self._next(begin):
                            break
        except BaseException as problem:
            with self._lock:
                self._busy, self._problem = False, problem
                for _, done in self._waiting:
                    done.set_exception(problem)
                self._waiting.clear()
            raise

    def _goes_on(self) -> bool:
        """Whether anything waits; if not, the next batch gets a thread of its own."""
        with self._lock:
            self._busy = bool(self._waiting)
            return self._busy

    def _next(self, begin: Callable[..., Any]) -> bool:
        """Write the next batch; False if there is none."""
        with self._lock:
            if not self._waiting:
                return False
            batch, done = self._waiting[0]
        with begin() as connection:
            self._write(connection, batch)
        with self._lock:
            self._waiting.popleft()
        done.set_result(None)
        return True


async def _ended(done: Future[None]) -> None:
    """Wait for a result of another thread, which goes on if this is interrupted."""
    ended, _ = await asyncio.wait([asyncio.wrap_future(done)])
    ended.pop().result()
