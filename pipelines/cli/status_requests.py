"""What ``taskhouse status`` says about the request budget of the key."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskhouse.errors import TaskhouseError
from taskhouse.pipelines.cli.exits import complain, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskhouse.posthog.budget import Window
    from taskhouse.settings import Settings


@dataclass(frozen=True, slots=True)
class Used:
    """How much of the budget is used.

    Attributes:
        windows: The minute and the hour; empty if there is no key, no limit or no budget yet.
        place: Where shards share it; empty if they do not.
        outage: Why it cannot be asked there: then the windows are those of this machine alone.
        least: What this machine may make as long as that lasts.
        problem: Why its file on this machine cannot be read, which stops every sync.
    """

    windows: "Sequence[Window]" = ()
    place: str = ""
    outage: str = ""
    least: str = ""
    problem: TaskhouseError | None = None


def used(settings: "Settings") -> Used:
    """How full the windows are; making no request of PostHog."""
    if settings.api_key is None or not (settings.budget or settings.budget_file.exists()):
        return Used()
    from taskhouse.posthog.budget import KeyWindows

    with contextlib.closing(KeyWindows.of(settings)) as windows:
        try:
            found = windows.peek()
        except TaskhouseError as problem:
            return Used(problem=problem)
        return Used(found, windows.shared_at, windows.outage, windows.least if windows.outage else "")


def show(used: Used) -> None:
    """Print it."""
    from taskhouse.pipelines.cli import screen

    shown = ", ".join(
        f"{window.used:,} of {window.limit:,} in the last {screen.age(window.seconds)}" for window in used.windows
    )
    if used.problem:
        complain(used.problem)
    elif used.outage:
        say(
            f"The request budget {used.place} does not answer ({used.outage}). Until it does, this machine makes at"
            f" most {used.least}."
        )
    elif shown:
        where = f", shared in {used.place}" if used.place else ""
        screen.results().print(f"Requests of this key{where}: {shown}")
