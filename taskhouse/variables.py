"""The names of the settings: what is read from the environment, and what looks as if it were meant to be."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

OURS, POSTHOG = "TASKHOUSE_", "POSTHOG_"
_SHARED = {"host": "POSTHOG_HOST", "api_key": "POSTHOG_PERSONAL_API_KEY", "project_ids": "POSTHOG_PROJECT_IDS"}
_ALIKE = 0.6
"""How alike two names must be, prefix aside, for one to be meant by the other; 1 is the same."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A variable that is set and that nothing reads.

    Attributes:
        name: As it is set.
        nearest: The documented name that is most like it; empty if none is.
        refused: Whether to go on would be wrong: the name can only be meant for taskhouse.
    """

    name: str
    nearest: str
    refused: bool


def variable(field: str) -> str:
    """The one environment variable of a field of the settings."""
    return _SHARED.get(field, f"{OURS}{field.upper()}")


def strays(names: Collection[str], documented: Collection[str]) -> Iterator[Stray]:
    """Names that are set and not read, in their order, where they seem to be meant for taskhouse.

    ``POSTHOG_…`` is everybody's: such a name is a stray only if it resembles a documented one that is not set.
    """
    for name in sorted(set(names) - set(documented)):
        upper = name.upper()
        if not upper.startswith((OURS, POSTHOG)):
            continue
        nearest = _nearest(upper, documented)
        refused = upper.startswith(OURS) or upper in documented
        if refused or (nearest and nearest not in names):
            yield Stray(name, nearest, refused)


def _nearest(name: str, documented: Collection[str]) -> str:
    alike = {each: SequenceMatcher(None, _bare(name), _bare(each)).ratio() for each in documented}
    best = max(documented, key=lambda each: (alike[each], each))
    return best if alike[best] >= _ALIKE else ""


def _bare(name: str) -> str:
    return name.removeprefix(OURS).removeprefix(POSTHOG)


def numbers(text: str, allowed: str) -> tuple[int, ...]:
    """Comma-separated whole numbers; the error says what is allowed and never what was there."""
    parts = [part for part in text.replace(" ", "").split(",") if part]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(allowed)
    return tuple(map(int, parts))
