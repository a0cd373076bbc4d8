"""Where moments lie from left to right on the charts of a run. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

WIDTH = 1000
PAUSE_MS = 10 * 60 * 1000
"""A time without any event that is longer than this is drawn short."""

PAUSE_WIDTH = 16


class Axis:
    """Moments, in milliseconds, to places from 0 to ``WIDTH``; long pauses are drawn short.

    Attributes:
        pauses: Where they are, each as its place and its length in seconds.
    """

    def __init__(self, moments: Iterable[int]) -> None:
        known = sorted(set(moments)) or [0]
        steps = [after - before for before, after in pairwise(known)]
        long = [step for step in steps if step > PAUSE_MS]
        narrow = min(PAUSE_WIDTH, WIDTH // 3 / max(len(long), 1))
        active = sum(steps) - sum(long)
        scale = (WIDTH - narrow * len(long)) / active if active else 0
        self._known, self._places = known, [0.0]
        self.pauses: list[tuple[float, float]] = []
        for step in steps:
            width = narrow if step > PAUSE_MS else step * scale
            if step > PAUSE_MS:
                self.pauses.append((self._places[-1] + width / 2, step / 1000))
            self._places.append(self._places[-1] + width)

    def place(self, moment: int) -> float:
        """The place of a moment."""
        at = bisect_right(self._known, moment)
        if at == 0:
            return 0
        if at == len(self._known):
            return self._places[-1]
        before, after = self._known[at - 1], self._known[at]
        share = (moment - before) / (after - before)
        return self._places[at - 1] + share * (self._places[at] - self._places[at - 1])
