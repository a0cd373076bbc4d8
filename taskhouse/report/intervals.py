"""Shares of runs, and how far they can be trusted: intervals that hold the truth in 19 of 20 cases.

All of them are closed formulas, so the same counts give the same ends:

- one share: the score interval of Wilson (1927);
- the difference of two shares: Newcombe's hybrid of two score intervals (1998, method 10), which never leaves -1 to 1
  and has a width even where nothing, or everything, succeeded;
- the common difference of several strata: Mantel and Haenszel's weighted mean of the differences. Its variance is the
  larger of two: that of Sato (1989), which holds for many small strata as well as for few large ones if all have one
  difference, and that of the strata around their mean, which holds if they differ. A bootstrap would need a seed, and
  says little of a stratum with one run on a side.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Z = 1.959963984540054
"""The normal quantile of an interval of 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Runs of one repository before and after a moment, and how many of them completed."""

    completed_before: int
    before: int
    completed_after: int
    after: int

    @property
    def weight(self) -> float:
        """What it weighs among others, after Mantel and Haenszel; 0 if a side has no run."""
        return self.before * self.after / (self.before + self.after) if self.before and self.after else 0.0

    @property
    def difference(self) -> float:
        """The share after, minus the share before; both sides need a run."""
        return self.completed_after / self.after - self.completed_before / self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two shares of one, from -1 to 1, and the ends of its interval of 95 %."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def wilson(found: int, of: int) -> tuple[float, float]:
    """The ends of the interval of a share, from 0 to 1; everything if there is nothing to count."""
    if not of:
        return 0.0, 1.0
    share, square = found / of, Z * Z / of
    middle = share + square / 2
    reach = Z * math.sqrt((share * (1 - share) + square / 4) / of)
    return max(0.0, (middle - reach) / (1 + square)), min(1.0, (middle + reach) / (1 + square))


def newcombe(sides: Sides) -> Difference:
    """The difference of two shares; both sides need a run."""
    before, after = sides.completed_before / sides.before, sides.completed_after / sides.after
    low_before, high_before = wilson(sides.completed_before, sides.before)
    low_after, high_after = wilson(sides.completed_after, sides.after)
    value = after - before
    return Difference(
        value,
        value - math.hypot(after - low_after, high_before - before),
        value + math.hypot(high_after - after, before - low_before),
    )


def common(strata: Iterable[Sides]) -> Difference | None:
    """The common difference of strata, None if none of them has runs on both sides."""
    used = [one for one in strata if one.weight]
    if not used:
        return None
    variance = variance_of(used)
    if variance <= 0:
        return newcombe(
            Sides(
                completed_before=sum(one.completed_before for one in used),
                before=sum(one.before for one in used),
                completed_after=sum(one.completed_after for one in used),
                after=sum(one.after for one in used),
            )
        )
    return around(mean(used), variance)


def mean(strata: Sequence[Sides]) -> float:
    """The weighted mean of the differences of strata that all have runs on both sides."""
    return sum(one.weight * one.difference for one in strata) / sum(one.weight for one in strata)


def around(value: float, variance: float) -> Difference:
    """A difference with the interval that its variance gives."""
    reach = Z * math.sqrt(variance)
    return Difference(value, max(-1.0, value - reach), min(1.0, value + reach))


def variance_of(strata: Sequence[Sides]) -> float:
    """The variance of :func:`mean`; 0 if everything, or nothing, succeeded on both sides."""
    value, total = mean(strata), sum(one.weight for one in strata)
    slope = rest = around_mean = 0.0
    for one in strata:
        n, m = one.after, one.before
        a, c, both = one.completed_after, one.completed_before, one.after + one.before
        slope += (n * n * c - m * m * a + n * m * (m - n) / 2) / (both * both)
        rest += (a * (m - c) + c * (n - a)) / (2 * both)
        around_mean += (one.weight * (one.difference - value)) ** 2
    return max(value * slope + rest, clustered(around_mean, len(strata))) / (total * total)


def clustered(squares: float, count: int) -> float:
    """The variance of a sum over some groups, from the squares of what each adds beyond the mean; 0 for one group."""
    return squares * count / (count - 1) if count > 1 else 0.0
