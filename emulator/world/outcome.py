"""What the server says of a run once it has ended: a summary, tags, a preview. All of it follows from its seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskhouse.emulator.world import words

if TYPE_CHECKING:
    from taskhouse.emulator.world.model import Run

_TAGS: Final = ((), ("bug",), ("bug", "frontend"), ("chore",), ("docs", "naïve"))
_SILENT_ONE_IN: Final = 4
_PREVIEW_ONE_IN: Final = 6


def task_summary(run: Run) -> str | None:
    """A sentence about what a completed run did; some have none."""
    if run.status != "completed" or run.seed % _SILENT_ONE_IN == 0:
        return None
    thing = words.THINGS[run.seed % len(words.THINGS)]
    return f"Changed the {thing} in {words.AREAS[run.seed % len(words.AREAS)]}."


def task_tags(run: Run) -> list[str]:
    """What the run is filed under."""
    return list(_TAGS[run.seed % len(_TAGS)]) if run.is_terminal() else []


def preview_available(run: Run) -> bool:
    """Whether what the run built can be looked at."""
    return run.status == "completed" and run.environment == "cloud" and run.seed % _PREVIEW_ONE_IN == 0
