"""What a pass cost: requests, retries, bytes and waiting, counted by every call that is given the meter."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Meter:
    """Running totals.

    Attributes:
        requests: Attempts that were sent, retries and refused ones included.
        retries: Attempts after the first of a call.
        bytes: Body bytes received, after decompression.
        throttled_s: Seconds waited for the request budget and for ``Retry-After``.
        statuses: Answers by HTTP status; 0 counts attempts that got none.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    throttled_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Meter") -> None:
        """Add the totals of another meter."""
        self.requests += other.requests
        self.retries += other.retries
        self.bytes += other.bytes
        self.throttled_s += other.throttled_s
        self.statuses.update(other.statuses)
