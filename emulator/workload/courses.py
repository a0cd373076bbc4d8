"""How the readiness of each repository moves over weeks, and why: what merged pull requests add, and what breaks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from taskhouse.emulator.world.facts import RepositoryFacts, Sighting

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

KINDS: Final = (
    "climbs", "ready", "slips", "partial", "climbs", "rare", "slips late", "climbs late", "basic", "bare", "lost",
    "quiet",
)  # fmt: skip
"""The courses of a project's repositories, the busiest first: what has most runs is set up first."""

_FRONTEND: Final = ("web", "app", "site", "system", "checkout", "landing", "frontend")
_CYCLE_DAYS: Final = 42


class Milestone(NamedTuple):
    """A change of what a scan finds. ``title`` is that of the task whose pull request brings it; empty if none does."""

    day: int
    change: str
    title: str = ""


class Course(NamedTuple):
    """What a scan finds at the start, and what changes it."""

    kind: str
    facts: RepositoryFacts
    milestones: list[Milestone]


def course(kind: str, repository: str, start: datetime, days: int, rng: Random) -> Course:
    """The course of one repository for the given number of days; the changes come again every six weeks."""
    name = repository.partition("/")[2]
    frontend = any(hint in name for hint in _FRONTEND)
    facts = RepositoryFacts(
        frontend_markers=3 if frontend else 0,
        backend_markers=0 if frontend else 2,
        frontend_files=rng.choice((24, 60, 300)) if frontend else 4,
        backend_files=3 if frontend else rng.choice((18, 70, 400)),
    )
    for change in _AT_START[kind]:
        apply(facts, change, start - timedelta(days=rng.uniform(12, 60)), rng)
    milestones = [
        Milestone(cycle + day + rng.randrange(3), change, title)
        for cycle in range(0, days, _CYCLE_DAYS)
        for day, change, title in (_LATER[kind] if cycle == 0 or kind in _AGAIN else ())
    ]
    return Course(kind, facts, milestones)


def apply(facts: RepositoryFacts, change: str, at: datetime, rng: Random) -> None:
    """Let a scan find something else from ``at`` on."""
    if change == "init":
        facts.init_at = at
    elif change == "capture":
        facts.capture_at = at
        facts.events = [
            Sighting(at + timedelta(hours=rng.uniform(2, 20)), rng.choice((1, 6, 12, 30)))
            for _ in range(rng.randint(3, 14))
        ]
    elif change == "rarely":
        facts.capture_at = at
        facts.events = [Sighting(at, rng.uniform(210, 280))]
    elif change == "errors":
        facts.errors_at = at
    elif change == "removed":
        facts.init_at = facts.capture_at = None
    elif change == "silent":
        for event in facts.events:
            event.gone_at = at
    elif change in {"hidden", "shown"}:
        facts.reachable = change == "shown"


_AT_START: Final = {
    "ready": ("init", "capture", "errors"),
    "climbs": (),
    "slips": ("init", "capture", "errors"),
    "partial": ("init", "capture"),
    "quiet": ("init", "capture", "errors"),
    "climbs late": ("init",),
    "slips late": ("init", "capture", "errors"),
    "bare": (),
    "lost": ("init", "capture", "errors"),
    "rare": ("init", "rarely", "errors"),
    "basic": (),
}
_LATER: Final[dict[str, tuple[tuple[int, str, str], ...]]] = {
    "ready": (),
    "climbs": (
        (4, "init", "Add PostHog to {name}"),
        (8, "errors", "Report exceptions of {name} to PostHog"),
        (13, "capture", "Capture the key events of {name}"),
    ),
    "slips": (
        (17, "removed", "Rewrite the entry point of {name}"),
        (29, "init", "Bring PostHog back to {name}"),
        (31, "capture", "Capture the key events of {name} again"),
    ),
    "partial": (),
    "quiet": ((5, "capture", "Capture more events of {name}"), (23, "silent", "")),
    "climbs late": (
        (22, "capture", "Capture the key events of {name}"),
        (35, "errors", "Report exceptions of {name} to PostHog"),
    ),
    "slips late": ((32, "removed", "Move {name} to another framework"),),
    "bare": (),
    "lost": ((9, "hidden", ""), (12, "shown", "")),
    "rare": (),
    "basic": ((13, "init", "Add PostHog to {name}"),),
}
"""By kind: day, change, title of the task that brings it."""
_AGAIN: Final = frozenset({"slips", "quiet", "lost"})
"""What happens again in every six weeks."""
