"""The process that publishes a shard: once, or again and again.

A restart of PostgreSQL can abort the process that has the lake open, and no code of ours runs then. So what publishes
again and again are two processes: one that has the lake open, and its parent, which never does and forks it anew when
it dies.
"""

import contextlib
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn, TypeVar

import duckdb
from filelock import FileLock, Timeout

from taskhouse.errors import ConfigurationError, Locked, Retryable, TaskhouseError
from taskhouse.lake.engine import Lake
from taskhouse.lake.leases import EVERYTHING, HELD_S, UPKEEP, Lease, Leases, new_holder
from taskhouse.lake.publish import Shard, Tick
from taskhouse.lake.refusals import is_of_lake
from taskhouse.settings import Settings
from taskhouse.warehouse import publish
from taskhouse.warehouse.identity import known_of

TRIES = 8
"""How often a publication is tried that another one, or a restart of the catalogue, disturbs."""

WAIT_S = 0.1
"""How long it waits before the second try; each further wait is twice as long."""

AGAIN_S = 30.0
"""Longest wait before a process that died is started anew."""

SHARE = 20
"""The next tick begins after 20 times as long as the last one took, or later: ticks take at most 5 % of the time."""

STOP_S = 5.0
"""How long a process that is stopped may take to give back its lease."""

LOCAL_WAIT_S = 3.0
"""How long a process waits for another one of the same home to end."""

LOOK_S = 10.0
"""How often a process that waits for another one looks whether that has ended."""

_WRONG = (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException, duckdb.ConversionException)
"""What no further try mends."""

Say = Callable[[str], None]
T = TypeVar("T")


def shard_of(settings: Settings) -> str:
    """The name of this home in the lake.

    Raises:
        ConfigurationError: It has none.
    """
    if not settings.shard:
        raise ConfigurationError(
            "TASKHOUSE_SHARD is not set, so this home has no name in the lake.",
            hint="Set it to a short name that no other home of the lake has, such as eu1.",
        )
    return settings.shard


def upkeep_lock(settings: Settings) -> FileLock:
    """The lock of the process of a home that compacts or rewrites the lake: a process that dies loses it."""
    return FileLock(settings.home / "lake.upkeep.lock", thread_local=False)


def again(lake: Lake, purpose: str, work: Callable[[], T], after: Callable[[], None] | None = None) -> T:
    """Do something until it is neither disturbed by others nor by a restart of the catalogue.

    Args:
        lake: The lake.
        purpose: What is done with the lake, for the error.
        work: Does it.
        after: Called after each time that failed.

    Raises:
        Retryable: It failed each time.
        ConfigurationError: It failed, and will again until a person does something.
    """
    for number in range(TRIES):
        try:
            return work()
        except (duckdb.Error, Retryable) as problem:
            if after is not None:
                after()
            said = problem if isinstance(problem, Retryable) else lake.failed(problem, purpose)
            is_wrong = isinstance(problem, _WRONG) and not is_of_lake(problem)
            if isinstance(said, ConfigurationError) or is_wrong or number == TRIES - 1:
                raise said from None
        time.sleep(WAIT_S * 2**number)
    raise AssertionError


@contextlib.contextmanager
def claimed(settings: Settings) -> Iterator["Publisher"]:
    """The right to publish the shard of the settings, until the end of the block.

    Raises:
        ConfigurationError: A setting is missing, or nothing was published in this home yet.
        Locked: Another process of this home publishes it.
    """
    name, lake = shard_of(settings), Lake.of(settings)
    publish.readable(settings.published)
    home = known_of(settings.warehouse, settings.published)
    lock = FileLock(settings.home / "lake.lock")
    try:
        lock.acquire(timeout=LOCAL_WAIT_S)
    except Timeout:
        raise Locked(
            f"Another process publishes shard {name} from {settings.home.absolute()}, to this lake or to another one.",
            hint="The shard is free when that process ends. One process publishes a home, to one lake: to change the"
            " lake, stop that process first.",
        ) from None
    spill = settings.home / "lake.tmp"
    shard = Shard(
        lake,
        name,
        settings.published,
        projects=settings.project_ids,
        clock=settings.clock,
        zone=settings.timezone,
        spill=spill,
    )
    place = f"{platform.node()}:{settings.home.absolute()}"
    publisher = Publisher(shard, home.id if home else "", place, upkeep_lock(settings))
    try:
        yield publisher
    finally:
        publisher.close()
        lock.release()


class Publisher:
    """A shard whose lease this process has."""

    def __init__(self, shard: Shard, home: str, place: str, upkeep: FileLock) -> None:
        self.shard, self.home, self.place, self.holder = shard, home, place, new_holder()
        self.upkeep = upkeep
        self.leases: Leases | None = None
        self.has_claimed = False
        self.lease_s = HELD_S

    def publish(self) -> Tick:
        """Publish what is new.

        Raises:
            ConfigurationError: The shard is another home's, or the lake has more of it than this home.
            Locked: Another process publishes it, or somebody rewrites the lake.
            Retryable: The catalogue did not answer, or was busy each time.
        """
        return again(self.shard.lake, "Publishing to", self._publish, self.drop)

    def renew(self, seconds: float) -> None:
        """Have the lease for so long from now on; raises as :meth:`publish`."""
        self.lease_s = seconds
        again(self.shard.lake, "Opening", self.claim, self.drop)

    def _publish(self) -> Tick:
        leases = self.claim()
        other = leases.busy(EVERYTHING)
        if other and not self._freed(leases, other):
            raise Locked(
                f"The lake is being compacted or rewritten by a process on {other.place}.",
                hint=f"It is free when that process ends, or within {max(other.left_s, 1):.0f} s if it died."
                " `taskhouse lake publish --every 10` waits by itself.",
            )
        return self.shard.tick()

    def _freed(self, leases: Leases, other: Lease) -> bool:
        """Give back what a process of this home has that died while it looked after the lake; whether there was one."""
        if other.place != self.place:
            return False
        with contextlib.suppress(Timeout), self.upkeep.acquire(timeout=0):
            left = Leases(leases.catalogue, "", other.place, other.holder)
            left.release(EVERYTHING)
            left.release(UPKEEP)
            return True
        return False

    def claim(self, *, any_home: bool = False) -> Leases:
        """Take or renew the lease of the shard; with ``any_home`` also that of another home that gave it up."""
        if self.leases is None:
            self.shard.catalogue.prepare()
            self.leases = Leases(self.shard.catalogue, self.home, self.place, self.holder)
        self.leases.claim(self.shard.name, any_home=any_home, seconds=self.lease_s)
        self.has_claimed = True
        return self.leases

    def drop(self) -> None:
        """Let go of a connection that may be broken; the lease stays."""
        self.shard.close()
        self.leases = None

    def close(self) -> None:
        """Give back the lease, if the catalogue answers; else it ends by itself. An error may have closed the lake."""
        with contextlib.suppress(duckdb.Error, TaskhouseError):
            if self.has_claimed:
                Leases(self.shard.catalogue, self.home, self.place, self.holder).release(self.shard.name)
        self.drop()


def publish_once(settings: Settings) -> Tick:
    """Publish what is new; raises what :func:`claimed` and :meth:`Publisher.publish` raise."""
    with claimed(settings) as publisher:
        return publisher.publish()


def publish_for_ever(settings: Settings, every_s: float, say: Say, complain: Callable[[Exception], int]) -> int:
    """Publish again and again, until a signal comes; returns the exit code.

    Args:
        settings: The settings.
        every_s: Seconds between two ticks.
        say: Called with what happens.
        complain: Called with an error of ours that ends it; gives the exit code.
    """
    child, wait_s = 0, 1.0

    def stop(*_: object) -> None:
        if child:
            _stopped(child)
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    parent = os.getpid()
    while True:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        began = time.monotonic()
        child = os.fork()
        if not child:
            _exit(lambda: _work(settings, every_s, say, complain, parent))
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status)
        wait_s = 1.0 if time.monotonic() - began > AGAIN_S else min(2 * wait_s, AGAIN_S)
        say(f"The process that had the lake open died (signal {os.WTERMSIG(status)}); starting again in {wait_s:g} s.")
        time.sleep(wait_s)


def _stopped(child: int) -> None:
    """End the process that has the lake open; it loses nothing, since each of its transactions is all or nothing."""
    until = time.monotonic() + STOP_S
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGTERM)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.02)


def _exit(work: Callable[[], int]) -> NoReturn:
    """Work until SIGTERM, and end this process with what that returns in any case: the CLI is its parent's."""
    code, ending = 1, list[int]()

    def end(number: int, _: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # a second one would stop it from giving back its lease
        ending.append(number)
        raise SystemExit

    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, end if number == signal.SIGTERM else signal.SIG_IGN)
        code = work()
    except BaseException:  # noqa: BLE001 - DuckDB turns SystemExit into a RuntimeError if a statement runs
        if not ending:
            traceback.print_exc()
        code = 0 if ending else 1
    finally:
        os._exit(code)


def _work(settings: Settings, every_s: float, say: Say, complain: Callable[[Exception], int], parent: int) -> int:
    def rest(seconds: float) -> None:
        _rest(seconds, parent)

    try:
        while publish.current(settings.published) is None:
            rest(every_s)
        with contextlib.ExitStack() as stack:
            publisher = _when_free(lambda: stack.enter_context(claimed(settings)), every_s, say, rest)
            while True:
                done = _when_free(publisher.publish, every_s, say, rest)
                if done.rows or done.gone:
                    rows = f"{done.rows:,} rows, {done.gone:,} tombstones"
                    say(f"commit {done.generation}: {rows} in {done.seconds:.2f} s")
                rest_s = max(every_s, SHARE * done.seconds)
                if rest_s > HELD_S / 2:
                    _when_free(partial(publisher.renew, 2 * rest_s), every_s, say, rest)
                rest(rest_s)
    except TaskhouseError as problem:
        return complain(problem)


def _when_free(work: Callable[[], T], every_s: float, say: Say, rest: Callable[[float], None]) -> T:
    """Do something as soon as the catalogue answers and no other process has what it needs, which is said once."""
    waits = False
    while True:
        try:
            return work()
        except Locked as problem:
            if not waits:
                say(f"Waiting. {problem}")
            waits = True
            rest(min(every_s, LOOK_S))
        except Retryable as problem:
            say(str(problem))
            waits = False
            rest(every_s)


def _rest(seconds: float, parent: int) -> None:
    """Wait, but not without a parent that would start this process anew."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(min(left, 0.5))
