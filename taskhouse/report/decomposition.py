"""What a change of the share of runs that succeed is made of: exact parts, which add up to the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CARRIES = 0.5
"""The part of a change from which on something carries most of it."""

BEYOND = 1.5
"""How many times its share of the runs a model or a repository has to have of the change: all runs explain nothing."""

Key = tuple[str | None, ...]
"""What names a thing: a repository, a fingerprint, or a model with its agent."""


ENDS = ("failure", "cancelled")
"""Kinds of parts that are ways not to complete."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Runs that ended, and those of them that completed."""

    ended: int = 0
    completed: int = 0

    @property
    def success(self) -> float:
        """The share that completed; 0 without runs."""
        return self.completed / self.ended if self.ended else 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one model, repository or failure adds to a change, as shares of one.

    Attributes:
        kind: `model`, `repository`, `failure` or `cancelled`.
        mix: By having more or fewer of the runs than before.
        rate: By succeeding more or less often than before.
        share: Its share of the runs, before and after on average.
        growth: By how much that share is larger than before.
    """

    kind: str
    key: Key
    mix: float
    rate: float
    share: float
    growth: float

    @property
    def points(self) -> float:
        """Both, in percentage points."""
        return 100 * (self.mix + self.rate)


def total(counts: Mapping[Key, Counts]) -> Counts:
    """All of them together."""
    return Counts(sum(one.ended for one in counts.values()), sum(one.completed for one in counts.values()))


def parts(kind: str, now: Mapping[Key, Counts], then: Mapping[Key, Counts]) -> list[Part]:
    """What each of the things that runs have is to a change (Kitagawa 1955): both sides need runs.

    A model that has runs on one side only succeeds on the other as it does on this, so all that it adds is mix.
    """
    all_now, all_then = total(now), total(then)
    usual = (all_now.success + all_then.success) / 2
    found = []
    for key in dict.fromkeys((*now, *then)):
        one, other = now.get(key, Counts()), then.get(key, Counts())
        share_now, share_then = one.ended / all_now.ended, other.ended / all_then.ended
        rate_now = one.success if one.ended else other.success
        rate_then = other.success if other.ended else one.success
        mix = (share_now - share_then) * ((rate_now + rate_then) / 2 - usual)
        rate = (share_now + share_then) / 2 * (rate_now - rate_then)
        found.append(Part(kind, key, mix, rate, (share_now + share_then) / 2, share_now - share_then))
    return found


def ends(
    now: Mapping[tuple[str, Key], int], then: Mapping[tuple[str, Key], int], all_now: int, all_then: int
) -> list[Part]:
    """What each way not to complete, given as its kind and name, adds: the fall of its share of all runs."""
    found = []
    for kind, key in dict.fromkeys((*now, *then)):
        after, before = now.get((kind, key), 0) / all_now, then.get((kind, key), 0) / all_then
        found.append(Part(kind, key, 0.0, before - after, (before + after) / 2, after - before))
    return found


def middle(periods: Sequence[Counts]) -> list[int]:
    """Which periods make the median of the success of several: one, or the two in the middle, of those with runs."""
    ranked = sorted((one.success, at) for at, one in enumerate(periods) if one.ended)
    half = len(ranked) // 2
    return [at for _, at in ranked[half - (len(ranked) % 2 == 0) : half + 1]] if ranked else []


def mean(several: Sequence[Sequence[Part]]) -> list[Part]:
    """The mean of the parts of several changes, so that they add up to the mean of the changes."""
    keys = dict.fromkeys((part.kind, part.key) for found in several for part in found)
    by_key = [{(part.kind, part.key): part for part in found} for found in several]
    made = []
    for kind, key in keys:
        here = [found[kind, key] for found in by_key if (kind, key) in found]
        names = ("mix", "rate", "share", "growth")
        made.append(Part(kind, key, *(sum(getattr(part, name) for part in here) / len(several) for name in names)))
    return made


def carrying(change: float, found: Sequence[Part]) -> Part | None:
    """The part that carries most of a change, given in percentage points; None if none does.

    Of a model or a repository, it has to be much more of the change than it has of the runs.
    """
    fit = [
        part
        for part in found
        if part.points / change >= CARRIES
        and (part.kind in ENDS or (part.key[0] is not None and part.points / change >= BEYOND * part.share))
    ]
    return max(fit, key=lambda part: abs(part.points), default=None)
