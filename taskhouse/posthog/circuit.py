"""A circuit breaker for each host: after the first failures, callers wait while one at a time tries the host.

While different callers fail and nothing succeeds, the circuit of a host is open: one at a time tries it, and the rest
wait in line. Once it answers they are let back in one after another, and the next failure stops them again. A failure
that only one caller meets is that caller's own trouble and opens nothing. A crowd is never let in all at once, so that
the first failures can be learned from: beyond a few callers without an answer, the next ones keep their distance.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

TICK_S = 0.001
"""The shortest wait, because the timer of an event loop may not be more precise."""


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """How an outage is recognized and probed; times in seconds.

    Attributes:
        different: Callers that fail, with no success in between, until the trouble is taken for the host's.
        base_s: Time between the first probes; it doubles with each.
        cap_s: Longest time between probes during the first ten minutes.
        late_s: Longest time between probes ever; it grows from ``cap_s`` with the age of the outage.
        pace_s: Time between two callers of a crowd, while none of them is answered.
        burst: Callers without an answer who need not keep that time.
        asked_s: Longest ``Retry-After`` that holds back others than the one who got it.
    """

    different: int = 2
    base_s: float = 0.5
    cap_s: float = 5.0
    late_s: float = 30.0
    pace_s: float = 0.04
    burst: int = 20
    asked_s: float = 60.0


@dataclass(slots=True)
class Circuit:
    """The state of one host, shared by all who use it; every method takes the current time in seconds."""

    policy: CircuitPolicy
    since: float | None = None
    _failed: set[str] = field(default_factory=set)
    _probes: int = 0
    _next: float = 0.0

    def turn(self, now: float) -> float:
        """Take a turn and return 0.0, or return after how many seconds to ask again."""
        policy = self.policy
        allowed = self._next if self.since is not None else self._next - policy.burst * policy.pace_s
        if now < allowed:
            return max(allowed - now, TICK_S)
        rest_s = policy.pace_s if self.since is None else self._rest_s(now - self.since)
        self._next = max(now, self._next) + rest_s
        return 0.0

    def failed(self, who: str, now: float, asked_s: float | None = None) -> None:
        """An attempt failed; ``asked_s`` is the wait that the server asked for."""
        self._failed.add(who)
        if self.since is None and len(self._failed) >= self.policy.different:
            self.since = now
            self._next = now + self._rest_s(0.0)
        if self.since is not None and asked_s is not None:
            self._next = max(self._next, now + min(asked_s, self.policy.asked_s))

    def answered(self, now: float) -> None:
        """The host answered, but that may not last: the next failure opens the circuit again."""
        if self.since is not None:
            self.since, self._next = None, now + (self.policy.burst + 1) * self.policy.pace_s

    def succeeded(self, now: float) -> None:
        """An attempt succeeded, so the next caller need not keep its distance from this one."""
        self.answered(now)
        self._next -= self.policy.pace_s
        self._failed.clear()
        self._probes = 0

    def _rest_s(self, age_s: float) -> float:
        policy = self.policy
        longest = min(policy.late_s, max(policy.cap_s, age_s / 120))
        self._probes += 1
        return min(longest, policy.base_s * 2.0 ** min(self._probes - 1, 32))


class Gate:
    """The queue for one host."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._circuit = Circuit(CircuitPolicy())
        self._line = asyncio.Lock()
        self._news = asyncio.Event()
        self._clock = clock
        self.signs = 0
        """How often the store behind the host's streams has shown that it answers."""

    @property
    def open(self) -> bool:
        """Whether the host is in trouble."""
        return self._circuit.since is not None

    async def turn(self) -> None:
        """Wait until the host may be tried; without trouble that is at once."""
        async with self._line:
            while (wait_s := self._circuit.turn(self._clock())) > 0:
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait_s)

    def failed(self, who: str, asked_s: float | None = None) -> None:
        """A try brought nothing."""
        self._circuit.failed(who, self._clock(), asked_s)

    def answered(self) -> None:
        """The host said something."""
        self._circuit.answered(self._clock())
        self._news.set()

    def succeeded(self) -> None:
        """An attempt succeeded."""
        self._circuit.succeeded(self._clock())
        self._news.set()
