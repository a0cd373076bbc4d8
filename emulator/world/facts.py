"""What a scan of each repository would find, from the seed; it improves as days go by, so that trends have a shape."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskhouse.emulator.world.world import World

MAX_CANDIDATES: Final = 80
MAX_READ: Final = 20
MAX_EVENT_NAMES: Final = 100
_SPREAD_DAYS: Final = (-60.0, 45.0)


@dataclass(slots=True)
class Sighting:
    """A captured event name: emitted every ``every_h`` hours since ``first``, until ``gone_at`` if that is known."""

    first: datetime
    every_h: float
    gone_at: datetime | None = None

    def seen(self, since: datetime, until: datetime) -> bool:
        """Whether the project received the event within the span."""
        until = until if self.gone_at is None else min(until, self.gone_at)
        if until < self.first:
            return False
        step = timedelta(hours=self.every_h)
        last = self.first + ((until - self.first) // step) * step
        return last >= since


@dataclass(slots=True)
class RepositoryFacts:
    """One repository as GitHub shows it. The ``…_at`` moments say since when the code holds a thing; None is never."""

    reachable: bool = True
    frontend_markers: int = 0
    backend_markers: int = 0
    frontend_files: int = 0
    backend_files: int = 0
    init_at: datetime | None = None
    capture_at: datetime | None = None
    errors_at: datetime | None = None
    events: list[Sighting] = field(default_factory=list)


def make_facts(world: World, repository: str, now: datetime) -> RepositoryFacts:
    """The facts of one repository; the same seed gives the same facts relative to the start."""
    rng = random.Random(f"facts-{repository}-{world.settings.seed}")

    def since(share: float) -> datetime | None:
        return now + timedelta(days=rng.uniform(*_SPREAD_DAYS)) if rng.random() < share else None

    facts = RepositoryFacts(
        reachable=rng.random() < 0.9,  # noqa: PLR2004
        frontend_markers=rng.choice((0, 0, 1, 2, 4)),
        backend_markers=rng.choice((0, 0, 1, 1, 3)),
        frontend_files=rng.choice((0, 6, 40, 300)),
        backend_files=rng.choice((0, 9, 70, 400)),
        init_at=since(0.7),
    )
    if facts.init_at is not None:
        later = timedelta(days=rng.uniform(0, 6))
        facts.capture_at = facts.init_at + later if rng.random() < 0.85 else None  # noqa: PLR2004
    facts.errors_at = since(0.5)
    if facts.capture_at is not None:
        for _ in range(rng.randrange(0, 14)):
            first = facts.capture_at + timedelta(days=rng.uniform(0, 5))
            facts.events.append(Sighting(first, rng.choice((1, 12, 60, 200, 500, 2000))))
    return facts
