"""When agents are set to work: in waves, more on weekdays than on weekends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from random import Random

_OF_WEEKDAY: Final = (0.9, 1.2, 1.1, 1.15, 0.75, 0.16, 0.2)
"""How much is done from Monday to Sunday."""
_SATURDAY: Final = 5
_RUNS_A_REPOSITORY: Final = 0.9
_NIGHTLY: Final = {0: 0.4, 3: 0.3}
"""On which weekdays automation works in the morning, and its share of an ordinary day."""
_EARLY: Final = timedelta(hours=5, minutes=35)
_WORKING: Final = (
    (timedelta(hours=8, minutes=50), 1.0),
    (timedelta(hours=12, minutes=45), 1.0),
    (timedelta(hours=15, minutes=40), 0.5),
)
"""When people begin a wave: in the morning, after lunch, in the afternoon; with the chance that they do."""
_UNATTENDED: Final = 0.4
"""How many of the waves of weekends are automation's."""
_VARIES_MIN: Final = 25.0
_WITHIN_MIN: Final = 6.0
_MORNING: Final = timedelta(hours=8, minutes=15)
_EVENING: Final = timedelta(hours=17, minutes=30)


class Wave(NamedTuple):
    """Runs that begin within some minutes."""

    at: datetime
    runs: int
    automatic: bool


def waves(midnight: datetime, repositories: int, rng: Random) -> list[Wave]:
    """The waves of a day, earliest first; a project with more repositories has more runs."""
    usual = repositories * _RUNS_A_REPOSITORY * rng.lognormvariate(0.0, 0.12)
    busy = usual * _OF_WEEKDAY[midnight.weekday()]
    nightly = _NIGHTLY.get(midnight.weekday(), 0.0)
    made = [Wave(midnight + _EARLY, _around(usual * nightly, rng), automatic=True)]
    if midnight.weekday() >= _SATURDAY:
        at = midnight + timedelta(hours=9 + rng.random() * 8)
        made.append(Wave(at, _around(busy, rng), automatic=rng.random() < _UNATTENDED))
    else:
        begun = [begins for begins, chance in _WORKING if rng.random() < chance]
        for begins in begun:
            at = midnight + begins + timedelta(minutes=rng.random() * _VARIES_MIN)
            made.append(Wave(at, _around(busy * rng.uniform(0.8, 1.2) / len(begun), rng), automatic=False))
    return [wave for wave in made if wave.runs]


def _around(number: float, rng: Random) -> int:
    """A whole number near this one, so that the mean is right."""
    return int(number + rng.random())


def moment(wave: Wave, rng: Random) -> datetime:
    """When one of its runs begins."""
    return wave.at + timedelta(minutes=rng.random() * _WITHIN_MIN)


def working(at: datetime) -> datetime:
    """The moment, or the next one at which somebody works."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if at - midnight > _EVENING:
        midnight += timedelta(days=1)
        at = midnight + _MORNING + (at - midnight + timedelta(days=1)) % timedelta(hours=1)
    elif at - midnight < _MORNING:
        at = midnight + _MORNING + (at - midnight) % timedelta(hours=1)
    while at.weekday() >= _SATURDAY:
        at += timedelta(days=1)
    return at


def weekday(midnight: datetime) -> datetime:
    """The day, or the Monday after a weekend."""
    while midnight.weekday() >= _SATURDAY:
        midnight += timedelta(days=1)
    return midnight
