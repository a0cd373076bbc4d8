"""Opens a capture: until the last follower has ended, its spool is synced, sealed and loaded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from taskhouse.capture.capture import Capture
from taskhouse.capture.loader import Loader
from taskhouse.errors import UNAVAILABLE, Full, TaskhouseError
from taskhouse.passes.lifecycle import Pass
from taskhouse.spool.folder import Spool
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import publish

TICK_S = 0.25

ROOM_EVERY_S = 10.0
"""How often the free disk space is checked."""

NAMES = 10
"""How many unknown kinds of frames a verdict names."""

FEW_EVENTS = 100
SELDOM = 3
"""While a load brings fewer than 100 events, the pause before the next one is three times as long: a small commit costs
as much as a large one."""

REST_S = 0.1
"""The shortest pause between two loads, in which another process can have the warehouse."""

MANY = 40_000
"""As many new events as this are loaded at once, without a pause: their rows cost more than their commit."""

SEARCH_EVERY_S = 5.0
"""How often gaps are searched for while a capture goes on: runs that ended meanwhile are searched together."""

SEARCH_SHARE = 50
"""They are searched for at most every 50 times as long as the last search took: the next load waits for it."""

PUBLISH_EVERY_S = 1.0
"""How often it is checked whether a copy is due."""


@contextlib.asynccontextmanager
async def capturing(the_pass: Pass) -> AsyncIterator[Capture]:
    """Open the spool, sync, seal and load it while the block captures, and load the rest at the end.

    If another process has locked the warehouse, only the load is delayed.

    Raises:
        Full: There was no room left; everything captured until then is safe.
        Locked: The warehouse was still locked at the end; everything captured is in the spool.
    """
    settings = the_pass.context.settings
    spool = Spool(settings.spool / str(the_pass.context.project_id))
    _room(the_pass, spool)
    recovered = spool.recover()
    for path in recovered.damaged:
        the_pass.doubt("damaged", f"a spool file was damaged and is kept as {path}")
    seal_s = SELDOM * the_pass.context.load_every_s
    due, busy = asyncio.Event(), asyncio.Event()
    writer = SpoolWriter(spool, seal_seconds=seal_s, clock=settings.clock, many=MANY, on_many=due.set, on_open=busy.set)
    with Loader(the_pass, spool, writer) as loader:
        with writer:
            try:
                async with _working(loader, due, busy) as capture:
                    yield capture
            except BaseExceptionGroup as several:
                raise _first(several) from None
        await loader.find_gaps()
    if ignored := ", ".join(f"{count:,} `{name}`" for name, count in capture.unknown.most_common(NAMES)):
        the_pass.note(f"frames of an unknown kind were ignored: {ignored}")
    if capture.full is not None:
        raise capture.full


@contextlib.asynccontextmanager
async def _working(loader: Loader, due: asyncio.Event, busy: asyncio.Event) -> AsyncIterator[Capture]:
    """Housekeeping goes on until the last follower has ended.

    ``due`` is set when there is much to load, and ``busy`` from the first entry that is spooled until all that is
    spooled is safe.
    """
    async with asyncio.TaskGroup() as housekeeping:
        done = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                capture = Capture(loader.the_pass, loader, group)
                housekeeping.create_task(_safe(capture, done, busy))
                housekeeping.create_task(_loaded(capture, done, due, busy))
                housekeeping.create_task(_published(capture, done, busy))
                yield capture
        finally:
            done.set()
            due.set()
            busy.set()


def _first(several: BaseExceptionGroup) -> BaseException:
    """The error to show of those that ended a capture: one of ours if there is one."""
    ours, others = several.split(TaskhouseError)
    left: BaseException = ours or others or several
    while isinstance(left, BaseExceptionGroup):
        left = left.exceptions[0]
    return left


def _room(the_pass: Pass, spool: Spool) -> None:
    spool.require_room(free_bytes=the_pass.context.settings.spool_free_gb * 1e9)


async def _safe(capture: Capture, done: asyncio.Event, busy: asyncio.Event) -> None:
    """Sync and seal what is due, and check the disk from time to time; never waits for the warehouse."""
    clock = capture.the_pass.context.settings.clock
    looked_at = clock.monotonic()
    while not await _pause_over(done, busy, TICK_S, ROOM_EVERY_S):
        await asyncio.to_thread(capture.writer.tick)
        if capture.writer.quiet and not done.is_set():
            busy.clear()
        if clock.monotonic() - looked_at >= ROOM_EVERY_S:
            looked_at = clock.monotonic()
            try:
                _room(capture.the_pass, capture.spool)
            except Full as full:
                capture.full = full
                capture.stop.set()
        capture.the_pass.tell(capture.the_pass.stats.captured, None, "events")


async def _loaded(capture: Capture, done: asyncio.Event, due: asyncio.Event, busy: asyncio.Event) -> None:
    """Load what has come when it is much, and at intervals; while the warehouse is locked or damaged, keep trying.

    While nothing comes, it looks at longer intervals for what other processes left behind and for runs to search.
    """
    clock = capture.the_pass.context.settings.clock
    every = rest = capture.the_pass.context.load_every_s
    search_at = clock.monotonic() + SEARCH_EVERY_S
    while not await _over(done, rest, due):
        due.clear()
        before, began = capture.the_pass.stats.loaded, clock.monotonic()
        loaded = False
        with contextlib.suppress(*UNAVAILABLE):
            if began < search_at:
                await capture.loader.load()
            else:
                search_at = began + SEARCH_EVERY_S
                search_at += SEARCH_SHARE * await capture.loader.find_gaps(portions=1)
            loaded = True
        seldom = 1 if capture.the_pass.stats.loaded - before >= FEW_EVENTS else SELDOM
        rest = max(REST_S, every * seldom - (clock.monotonic() - began))
        if loaded and await _over(done, SEARCH_EVERY_S, busy):
            return


async def _published(capture: Capture, done: asyncio.Event, busy: asyncio.Event) -> None:
    """Publish what was loaded, if the copy can be a clone; the next load waits only while the clone is made."""
    while not await _pause_over(done, busy, PUBLISH_EVERY_S, SEARCH_EVERY_S):
        await asyncio.to_thread(publish.follow, capture.the_pass.context.warehouse)


async def _pause_over(done: asyncio.Event, busy: asyncio.Event, often_s: float, seldom_s: float) -> bool:
    """Whether it is done, after the shorter time while entries come; else after the longer one, or once one comes."""
    return await (_over(done, often_s) if busy.is_set() else _over(done, seldom_s, busy))


async def _over(done: asyncio.Event, seconds: float, sooner: asyncio.Event | None = None) -> bool:
    """Whether it is done, after some seconds or as soon as either event is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for((sooner or done).wait(), seconds)
    return done.is_set()
