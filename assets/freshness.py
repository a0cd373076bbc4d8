"""How old an asset may become; in normal operation, its schedule never makes it late."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

if TYPE_CHECKING:
    from taskhouse.settings import Settings

TICKS = 3
"""An asset is late after this number of ticks in a row without a result."""

AT_LEAST = timedelta(hours=1)

VIEWS_REST = timedelta(hours=6)
"""How long views and reports are left unchanged, at most, while nothing changes."""


def late(settings: "Settings", *names: str) -> timedelta:
    """How old something may become that is made at the ticks of these schedules together."""
    return max(AT_LEAST, *(TICKS * rest(settings.cron(name), settings.timezone) for name in names))


def fresh(settings: "Settings", *names: str, rests: timedelta = timedelta()) -> dg.FreshnessPolicy:
    """The same as a policy, for assets that are skipped for a time while nothing changes."""
    return dg.FreshnessPolicy.time_window(fail_window=late(settings, *names) + rests)


def rest(cron: str, timezone: str) -> timedelta:
    """The longest time without a tick in a week, among those that contain a midnight, a noon, or six o'clock.

    Zero if the schedule is not valid; Dagster reports that when the schedule is created.
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
