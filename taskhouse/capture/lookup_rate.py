"""How often ``taskhouse tail`` looks for runs that move. Pure."""

from dataclasses import dataclass

SHARE = 0.15
"""Share of an hour's requests that looking may take."""

_WEIGHT = 1 / 8
HOUR_S = 3600


def per_request_s(per_hour: int, projects: int) -> float:
    """Seconds that one request of a look must last by the limit of the key, where 0 means that there is none."""
    return HOUR_S * projects / (SHARE * per_hour) if per_hour else 0.0


@dataclass(slots=True)
class Pace:
    """The pause after each look: what its requests may cost, spread over the looks that follow.

    Attributes:
        poll_s: The pause while looking costs little.
        request_s: Seconds that one request must last.
    """

    poll_s: float
    request_s: float
    _requests: float = 1.0

    def after(self, requests: int) -> float:
        """Seconds until the next look, after one of the given number of requests."""
        self._requests += (requests - self._requests) * _WEIGHT
        return max(self.poll_s, self._requests * self.request_s)
