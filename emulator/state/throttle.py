"""The two request limits of a personal API key: 480 a minute and 4,800 an hour, in sliding windows."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskhouse.emulator.clock import Clock

_US: Final = 1_000_000
RATES: Final = ((480, 60), (4800, 3600))
"""(requests, seconds) of `burst` and `sustained`."""


class Throttle:
    """Counts requests per key. A window that refuses a request does not count it; the other may."""

    def __init__(self, clock: Clock, rates: tuple[tuple[int, int], ...] = RATES) -> None:
        self._clock = clock
        self._rates = rates
        self._seen: dict[tuple[str, int], deque[int]] = {}

    def wait_s(self, key: str) -> int | None:
        """Count one request; None, or the whole seconds after which the refusing window (the slower one) is free."""
        now = self._clock.now_us()
        waits = []
        for most, seconds in self._rates:
            seen = self._seen.setdefault((key, seconds), deque())
            while seen and seen[0] <= now - seconds * _US:
                seen.popleft()
            if len(seen) < most:
                seen.append(now)
            else:
                waits.append(seconds * _US - (now - seen[0]))
        return math.ceil(max(waits) / _US) if waits else None
