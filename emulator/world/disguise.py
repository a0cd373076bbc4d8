"""How a surprising server prints its rows: its times as that place writes them, beside fields that nobody knows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from taskhouse.emulator import odd

if TYPE_CHECKING:
    from taskhouse.emulator.settings import Surprise


def disguised(row: dict[str, Any], surprise: Surprise | None, place: str) -> dict[str, Any]:
    """A row as this server prints it: its times in the notation of their place, beside fields that nobody knows."""
    if surprise is None:
        return row
    made = dict(row)
    if "notation" in surprise.aspects:
        form = random.Random(f"notation-{place}-{surprise.seed}").choice(odd.NOTATIONS)
        made |= {name: odd.rewritten(value, form) for name, value in row.items() if name.endswith("_at") and value}
    if "fields" in surprise.aspects:
        rng = random.Random(f"fields-{surprise.seed}")
        made |= {f"field_of_tomorrow_{number}": odd.value(rng) for number in range(rng.randrange(3))}
    return made
