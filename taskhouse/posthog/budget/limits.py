"""What a key may ask for: the server's two windows, the classes of requests, and the share of each. Pure."""

import hashlib
import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrate_limiter import Rate

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
RESERVE = 10
"""One of this many parts of the limits is never given out by a store that shards share: shards that are cut off use it.

Only ``LIVE`` can notice: the ceilings of all other classes are lower anyway.
"""


class Priority(Enum):
    """Class of a request, by the share of both windows that may be full for it to be served."""

    LIVE = 1.0
    LOG = 0.85
    CHANGES = 0.75
    READINESS = 0.6
    SWEEP = 0.45
    FIRST = 0.35


@dataclass(frozen=True, slots=True)
class Window:
    """One window of the budget: requests ``used`` in the last ``seconds``, of ``limit``; 0 means unlimited."""

    seconds: int
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per minute and per hour, 0 for no limit; ``ceiling`` is the most that any class may fill."""

    per_minute: float
    per_hour: float
    ceiling: float = 1.0

    def shared(self) -> "Limits":
        """What the shards give out together."""
        return Limits(self.per_minute, self.per_hour, 1 - 1 / RESERVE)

    def cut_off(self, shards: int) -> "Limits":
        """What each of a number of shards may use without asking.

        All of them together, and what was given out before, stay within the limits in every window.
        """
        return Limits(self.per_minute / (RESERVE * shards), self.per_hour / (RESERVE * shards))

    def rates(self, priority: Priority) -> "list[Rate]":
        """The limits of a class, as a bucket wants them."""
        return rates(self.per_minute, self.per_hour, min(priority.value, self.ceiling))

    def windows(self, minute: int, hour: int) -> tuple[Window, ...]:
        """Both windows with their use, the minute first."""
        return (
            Window(MINUTE_MS // 1000, minute, int(self.per_minute * self.ceiling)),
            Window(HOUR_MS // 1000, hour, int(self.per_hour * self.ceiling)),
        )


def fingerprint(key: str) -> str:
    """A name for a key that does not reveal it: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def rates(per_minute: float, per_hour: float, share: float = 1.0) -> "list[Rate]":
    """The limits of one class, as a bucket wants them; a limit that another one implies is left out.

    Less than one request in a window is one request in a longer window.
    """
    from pyrate_limiter import Rate  # noqa: PLC0415 - see FileWindows

    minute, minute_ms = _rate(per_minute, MINUTE_MS, share)
    hour, hour_ms = _rate(per_hour, HOUR_MS, share)
    found = []
    if minute and not (hour and hour <= minute):
        found.append(Rate(minute, minute_ms))
    if hour and not (minute and hour * minute_ms >= minute * hour_ms):
        found.append(Rate(hour, hour_ms))
    return found


def _rate(limit: float, span_ms: int, share: float) -> tuple[int, int]:
    if not limit:
        return 0, span_ms
    return (1, math.ceil(span_ms / limit)) if limit < 1 else (max(1, int(limit * share)), span_ms)
