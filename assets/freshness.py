"""How old an asset may become: what its schedule brings in normal operation is never late."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

if TYPE_CHECKING:
    from taskhouse.settings import Settings

TICKS = 3
"""Ticks in a row that brought nothing are late, and no fewer."""

AT_LEAST = timedelta(hours=1)

VIEWS_REST = timedelta(hours=6)
"""How long views and reports are left as they are, at most, while nothing moves."""


def late(settings: "Settings", *names: str) -> timedelta:
    """How old something may become that is made at the ticks of these schedules together."""
    return max(AT_LEAST, *(TICKS * rest(settings.cron(name), settings.timezone) for name in names))


def fresh(settings: "Settings", *names: str, rests: timedelta = timedelta()) -> dg.FreshnessPolicy:
    """The same as a policy, for what is left out for a time while nothing moves."""
    return dg.FreshnessPolicy.time_window(fail_window=late(settings, *names) + rests)


def rest(cron: str, timezone: str) -> timedelta:
    """The longest time without a tick in a week, of those that hold a midnight, a noon, or six o'clock.

    Nothing where the schedule makes no sense: Dagster says so when it is made.
    """
    from dagster._utils.schedules import cron_string_iterator, is_valid_cron_string

    if not is_valid_cron_string(cron):
        return timedelta()
    monday = datetime(2024, 1, 1, 0, 0, 30, tzinfo=ZoneInfo(timezone))  # between two minutes, where no tick is
    looks = [(monday + timedelta(hours=6 * number)).timestamp() for number in range(28)]
    return max(
        next(cron_string_iterator(look, cron, timezone))
        - next(cron_string_iterator(look, cron, timezone, ascending=False))
        for look in looks
    )
