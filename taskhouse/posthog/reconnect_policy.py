"""How a stream's connections ended, and what to do next: the follower's decisions, no I/O.

Where PostHog's own clients agree, the rules are theirs (API facts 10.1); otherwise they follow the server's code (API
facts 5.8):

- Only ``stream-end`` ends a stream. If only the connection ends, it is opened again, within a budget that data and
  keepalives reset.
- ``rotated`` means that the server ends connections after 15 minutes: reconnect, without using the budget.
- ``resync`` means that the event at the cursor was trimmed: connect again without a cursor, within the overall budget.
- An ``error`` frame stays in the stream, so every reconnect gets it again: it has its own budget, which only data
  resets.
- A cursor past the end never gets ``stream-end``: a connection that brought nothing but keepalives until it was
  rotated, or several that brought nothing at all, is a reason to ask for the run's status. If the run is terminal,
  one last connection is given until its first keepalive to bring something.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from taskhouse.posthog.retry import backoff
from taskhouse.posthog.sse import MAX_FRAME

TERMINAL = frozenset({"completed", "failed", "cancelled"})
"""Statuses of a run that has ended (API facts 8)."""


@dataclass(frozen=True, slots=True)
class FollowPolicy:
    """How patient a follower is; times in seconds.

    Attributes:
        watchdog_s: Longest silence, connecting included; keepalives come about every 20.
        healthy_s: A connection that lived this long clears what was counted before it.
        base_s: Upper bound of the first wait before a reconnect; it doubles each time.
        cap_s: Upper bound of every such wait.
        spread_s: Rotations are answered within this time, drawn evenly.
        transport: Broken connections in a row.
        errors: ``error`` frames in a row.
        total: Broken connections and errors together without a healthy connection between them.
        empty: Connections in a row that brought nothing, after which the run's status is asked.
        proxy: Connections to the agent proxy in a row that brought nothing, after which its leg is given up.
        asked_s: Longest ``Retry-After`` that is waited out.
        max_frame: Bytes of one event at most; a larger one leaves an ``Oversize`` mark.
    """

    watchdog_s: float = 90.0
    healthy_s: float = 60.0
    base_s: float = 0.5
    cap_s: float = 30.0
    spread_s: float = 2.0
    transport: int = 9
    errors: int = 5
    total: int = 30
    empty: int = 3
    proxy: int = 5
    asked_s: float = 300.0
    max_frame: int = MAX_FRAME


class End(StrEnum):
    """How one connection ended."""

    EOF = "eof"
    BROKEN = "broken"
    ROTATED = "rotated"
    RESYNC = "resync"
    ERROR = "error"
    STREAM_END = "stream_end"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Connect again after ``wait_s`` seconds; ask for the run's status before if ``check``."""

    wait_s: float
    check: bool = False


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A budget is used up; it says which one."""

    reason: str


@dataclass(slots=True)
class Contact:
    """Budgets over the connections of one run's stream."""

    policy: FollowPolicy
    draw: Callable[[], float] = random.random
    transport: int = 0
    errors: int = 0
    total: int = 0
    empty: int = 0
    data_here: bool = False
    sign_here: bool = False

    def connected(self) -> None:
        """A connection begins."""
        self.data_here = self.sign_here = False

    def data(self) -> None:
        """An event came."""
        self.data_here = self.sign_here = True
        self.transport = self.errors = self.empty = 0

    def keepalive(self) -> None:
        """A sign of life came."""
        self.sign_here = True
        self.transport = 0

    def resynced(self) -> Reconnect | Exhausted:
        """What follows the announcement that the cursor was trimmed away; a server that always says so is given up."""
        self.total += 1
        if self.total >= self.policy.total:
            return Exhausted(f"{self.total} resyncs, broken connections and errors without a healthy connection")
        return Reconnect(backoff(self.total, base_s=self.policy.base_s, cap_s=self.policy.cap_s, draw=self.draw))

    def ended(
        self, end: End, *, lived_s: float, asked_s: float | None = None, shared: bool = False
    ) -> Reconnect | Exhausted:
        """What follows a connection that ended otherwise than by ``stream-end``.

        Args:
            end: How it ended.
            lived_s: How long it had been open.
            asked_s: The wait that the server asked for, if it refused the connection.
            shared: Whether others fail at the same host, too. Then it costs this run nothing of its budgets, and the
                line in front of the host decides when it is tried again.
        """
        policy = self.policy
        healthy = lived_s >= policy.healthy_s
        if healthy:
            self.transport = self.total = 0
        if end is End.ROTATED and (healthy or self.data_here or self.sign_here):
            return Reconnect(self.draw() * policy.spread_s, check=not self.data_here)
        if asked_s is not None and asked_s > policy.asked_s:
            return Exhausted(f"the server asks to wait {asked_s:.0f} seconds")
        if shared and end is not End.ERROR:
            return Reconnect((asked_s or 0.0) + self.draw() * policy.base_s)
        self.total += 1
        if end is End.ERROR:
            self.errors += 1
            count, most, what = self.errors, policy.errors, "error frames"
        else:
            self.transport += 1
            count, most, what = self.transport, policy.transport, "broken connections"
        if count >= most:
            return Exhausted(f"{count} {what} in a row")
        if self.total >= policy.total:
            return Exhausted(f"{self.total} broken connections and errors without a healthy one")
        self.empty = self.empty + 1 if end is End.EOF and not self.sign_here else 0
        check = self.empty >= policy.empty
        if check:
            self.empty = 0
        wait = backoff(count, base_s=policy.base_s, cap_s=policy.cap_s, draw=self.draw)
        return Reconnect(wait if asked_s is None else asked_s + self.draw() * policy.base_s, check=check)
