"""Whether an expression is one of cron's: checked where settings are read, before a scheduler would trip over it."""

import re

ALLOWED = "must be five fields of cron, such as */5 * * * * (minute, hour, day of month, month, day of week)"
NEVER = "names a date that no year has, such as 30 February: it would never come"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?", re.ASCII)
_SPECIAL = {2: re.compile(r"\?|l"), 4: re.compile(r"\?|(?:[0-7]|[a-z]{3})#[1-5]|l[0-7]")}
"""What stands for days that no list of numbers can: any, the last, the second Monday."""
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def wrong(expression: str) -> str:
    """What is wrong with an expression: fields that hold no numbers or names in their range, or a day of no year."""
    fields = expression.lower().split()
    if len(fields) != len(_FIELDS):
        return ALLOWED
    met = [
        set(range(low, high + 1)) if _special(place, text, names) else _field(text, low, high, names)
        for place, (text, (low, high, names)) in enumerate(zip(fields, _FIELDS, strict=True))
    ]
    if not all(met):
        return ALLOWED
    weekday_decides = not fields[4].startswith(("*", "?"))
    comes = weekday_decides or any(min(met[2]) <= _LONGEST[month - 1] for month in met[3])
    return "" if comes else NEVER


def _special(place: int, text: str, names: tuple[str, ...]) -> bool:
    known = place in _SPECIAL and _SPECIAL[place].fullmatch(text) is not None
    name = text.partition("#")[0]
    return known and (len(name) != 3 or name in names)  # noqa: PLR2004 - names of days have three letters


def _field(text: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    """The numbers that a field stands for; none where it makes no sense."""
    met: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            return set()
        first, last, step = found.groups()
        start = low if first is None else _number(first, low, names)
        end = _number(last, low, names) if last else (start if first is not None and step is None else high)
        if not (low <= start <= high and low <= end <= high) or step in {"0", "00"}:
            return set()
        wrapped = high - low + 1 if start > end else 0
        met |= {low + (at - low) % (high - low + 1) for at in range(start, end + wrapped + 1, int(step or 1))}
    return met


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    """A number, or a name as its number; -1 for a name that is none."""
    if text.isdigit():
        return int(text)
    return names.index(text) + low if text in names else -1
