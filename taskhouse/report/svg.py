"""Pictures as SVG paths: built from numbers and our own letters only, so nothing in them needs escaping.

A state is a bar whose height says how far it is from ready, and whose colour says it again. A day without information
is hatched; a change of the server's classifier is a dashed line that cuts the strip.
"""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from taskhouse.report.model import BEFORE, CODES, MISSING, STATES, Count, Day

WIDTH = 180
TALL = 20
HEIGHTS = {"r": 18, "p": 12, "d": 8, "n": 4, "u": 2, MISSING: 18}
"""Height of a state's bar. The style sheet gives the strokes the same widths."""

CHART = 100
"""Height of a chart, in its own units."""

Values = Sequence[tuple[str, float]]
"""What a column is made of, from the bottom up: classes and values."""


def unit(days: int) -> int:
    """Width of one day, in the strip's own units."""
    return max(1, WIDTH // max(days, 1))


def strip(days: Sequence[Day], period: int) -> Markup:
    """The paths of one strip: a step for each day; the last days, those of the period, have a ground of their own."""
    step = unit(len(days))
    paths: dict[str, str] = {}
    ends: dict[str, int] = {}
    at = 0
    for letter, stretch in groupby(day.code for day in days):
        length = len(list(stretch))
        if letter == BEFORE:
            at += length
            continue
        if letter in paths:
            paths[letter] += f"m{(at - ends[letter]) * step} 0h{length * step}"
        else:
            paths[letter] = f"M{at * step} {TALL - HEIGHTS[letter] // 2}h{length * step}"
        at = ends[letter] = at + length
    drawn = [f'<path class={_class(letter)} d="{path}"/>' for letter, path in paths.items()]
    if period < len(days):
        drawn.insert(0, f'<path class=gr d="M{(len(days) - period) * step} {TALL // 2}H{len(days) * step}"/>')
    breaks = "".join(f"M{number * step} 0v{TALL}" for number, day in enumerate(days) if day.is_break)
    if breaks:
        drawn.append(f'<path class=sk d="{breaks}"/>')
    return Markup("").join(map(Markup, drawn))


def states(counts: Sequence[Count], top: float) -> Markup:
    """Repositories by state in stacked columns; those that count with an older state are hatched, from the top down."""
    columns_ = [[(f"s{CODES[state]}", count.states.get(state, 0.0)) for state in reversed(STATES)] for count in counts]
    hatched = [[("", count.known - count.carried), ("sm", count.carried)] for count in counts]
    return columns(columns_, top) + columns(hatched, top)


def columns(values: Sequence[Values], top: float) -> Markup:
    """Stacked columns; ``top`` is the value at the full height. A part without a class is left empty."""
    step = unit(len(values))
    paths: dict[str, list[str]] = {}
    for number, column in enumerate(values):
        floor = 0.0
        for name, value in column:
            if value and name:
                low, high = _y(floor, top), _y(floor + value, top)
                paths.setdefault(name, []).append(f"M{short(number * step + step / 2)} {short(low)}V{short(high)}")
            floor += value
    wide = short(_bar(step))
    drawn = [f'<path class={name} stroke-width={wide} d="{"".join(parts)}"/>' for name, parts in paths.items()]
    return Markup("").join(map(Markup, drawn))


def _class(letter: str) -> str:
    return "sm" if letter == MISSING else f"s{letter}"


def _bar(step: int) -> float:
    """Width of a column, with a gap between columns where there is room for one."""
    return step - max(1, step // 6) if step > 2 else step  # noqa: PLR2004 - narrower than that, there is none


def _y(value: float, top: float) -> float:
    return CHART - CHART * value / top if top else CHART


def short(value: float) -> str:
    """A number as short as it can be written."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
