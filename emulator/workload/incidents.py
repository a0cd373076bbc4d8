"""What happens to a whole project in six weeks: an outage, a switch, a lost token, a renamed and a removed repository.

Each incident is a list of moments (days and hours after the beginning of its cycle) with what to do then. What concerns
work happens on a weekday; what ends something comes three days later or on the same day, so it stays behind it. The
token is lost before the day begins, so at least one day is without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CYCLE_DAYS: Final = 42


class Incident(NamedTuple):
    """What happens ``hours`` after midnight of a day."""

    day: int
    hours: float
    what: str
    weekday: bool = True
    once: bool = False


INCIDENTS: Final = (
    Incident(8, 10.1, "long run begins"),
    Incident(8, 10.7, "server down"),
    Incident(8, 12.25, "server up"),
    Incident(14, 10.4, "exceptions off"),
    Incident(18, 14.2, "exceptions on"),
    Incident(21, 11.0, "repository renamed", once=True),
    Incident(26, 1.0, "token lost"),
    Incident(29, 7.6, "token back"),
    Incident(32, 15.2, "repository removed", once=True),
    Incident(11, 9.0, "run gets stuck"),
    Incident(14, 10.0, "stuck run cancelled"),
    Incident(39, 13.2, "run gets stuck"),
)


def incidents(days: int) -> Iterator[Incident]:
    """Those of the given number of days, with their days counted from the first one."""
    for cycle in range(0, days, CYCLE_DAYS):
        for incident in INCIDENTS:
            if cycle + incident.day < days and not (incident.once and cycle):
                yield incident._replace(day=cycle + incident.day)
