"""What ``taskhouse status`` says of the copy that readers see, and of when every block was last read."""

from typing import TYPE_CHECKING

from taskhouse.pipelines.cli.health import Copy
from taskhouse.pipelines.cli.status_answers import Held

if TYPE_CHECKING:
    from taskhouse.settings import Settings
    from taskhouse.warehouse.publish import Published

AT_LEAST_S = 3600.0
"""No copy is late before."""


def copy(settings: "Settings", held: Held | None) -> Copy:
    """The newest copy, against what is held."""
    from taskhouse.warehouse import publish
    from taskhouse.warehouse.identity import Identity

    last = publish.current(settings.published)
    waiting = (held or {}).get("unpublished") or [{"waits_s": None}]
    waits_s = waiting[0]["waits_s"]
    newest, copied = Identity.beside(settings.warehouse), Identity.beside(last.path) if last else None
    known = newest is not None and copied is not None and newest.id == copied.id
    return Copy(
        age_s=(settings.clock.now() - last.made_at).total_seconds() if last else None,
        behind=max(0, newest.generation - copied.generation) if known and newest and copied else None,
        method=last.method if last else None,
        seconds=last.seconds if last else None,
        waits_s=waits_s,
        late=waits_s is not None and _late(settings, waits_s, last),
    )


def read_age_s(settings: "Settings") -> float | None:
    """How long ago every block of the warehouse, or of a copy of it, was read; None if that is not known."""
    from taskhouse.warehouse import damage

    last = damage.read_at(settings.warehouse)
    return None if last is None else (settings.clock.now() - last).total_seconds()


def _late(settings: "Settings", waits_s: float, last: "Published | None") -> bool:
    """Whether a sync waits for longer than three ticks of the schedule, and the rest after a long copy, explain."""
    rests_s = last.rest_s if last else 0.0
    if waits_s <= AT_LEAST_S + rests_s:
        return False
    from taskhouse.assets import freshness, published

    return waits_s > freshness.late(settings, published.NAME).total_seconds() + rests_s
