"""The sentences at the top of a report: what a lead forwards, each with the place in the report that proves it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "even"]

MOST = 5
"""How many sentences a report begins with."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to know, as plain text.

    Attributes:
        text: A whole sentence. Texts of the server in it are as the server sent them; what draws it makes them inert.
        anchor: The id of the element that proves it, without ``#``.
        tone: Whether that is good.
        weight: What decides which sentences are picked: higher comes first, and of equals the earlier.
    """

    text: str
    anchor: str
    tone: Tone = "even"
    weight: float = 0.0


def pick(sentences: Iterable[Sentence]) -> list[Sentence]:
    """The sentences that weigh most, in the order in which they were given."""
    given = list(sentences)
    kept = sorted(sorted(range(len(given)), key=lambda at: -given[at].weight)[:MOST])
    return [given[at] for at in kept]
