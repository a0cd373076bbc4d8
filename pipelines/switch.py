"""The switch of all schedules: ``TASKHOUSE_SCHEDULES`` if it is set, else a file that the command line writes."""

from pathlib import Path

from taskhouse.home import ready
from taskhouse.settings import Settings


def switch_file(settings: Settings) -> Path:
    """The file that ``taskhouse schedule on`` writes."""
    return settings.home / "schedules.on"


def pinned(settings: Settings) -> bool:
    """Whether the environment decides, and the command line cannot."""
    return "schedules" in settings.model_fields_set


def is_on(settings: Settings) -> bool:
    """Whether the schedules run."""
    return settings.schedules if pinned(settings) else switch_file(settings).exists()


def turn(settings: Settings, *, on: bool) -> None:
    """Turn every schedule on or off, from its next tick on."""
    path = switch_file(settings)
    if on:
        ready(settings)
        path.touch()
    else:
        path.unlink(missing_ok=True)
