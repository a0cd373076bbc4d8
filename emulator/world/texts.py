"""Long texts that are made when they are asked for, from the task's seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskhouse.emulator.world.model import Task

_SENTENCES: Final = (
    "Customers reported this twice last week.",
    "Start with the failing test and keep the change small.",
    "The stack trace points at the serializer, but the cause may be older.",
    "Do not touch the generated files.",
    "See the linked thread for screenshots.",
    "Acceptance: the suite is green and the number matches the invoice.",
    "Prüfe auch die deutschen Texte.",
    "If the migration needs more than a minute, stop and ask.",
    'Logs say "connection reset by peer" every ten minutes.',
)
_LONG_IN: Final = 12


def description_of(task: Task) -> str:
    """The prompt of the task: some sentences, now and then some thousand characters."""
    rng = random.Random(task.seed)
    count = rng.randrange(20, 60) if task.seed % _LONG_IN == 0 else rng.randrange(1, 7)
    target = f" Repository: {task.repository}." if task.repository else ""
    return f"{task.title}.{target}\n\n" + " ".join(rng.choice(_SENTENCES) for _ in range(count))
