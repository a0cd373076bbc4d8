"""Pictures as SVG paths: built from numbers and our own letters only, so nothing in them needs escaping.

A state is a bar whose height says how far it is from ready, and whose colour says it again. A day without information
is hatched; a change of the server's classifier is a dashed line that cuts the strip.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from markupsafe import Markup

from taskhouse.report.model import BEFORE, CODES, MISSING, Day, RunCounts

WIDTH = 180
TALL = 20
HEIGHTS = {"r": 18, "p": 12, "d": 8, "n": 4, "u": 2, MISSING: 18}
"""Height of a state's bar. The style sheet gives the strokes the same widths."""

ORDER = (*CODES.values(), MISSING)
CHART = 100
"""Height of a chart, in its own units."""


def unit(days: int) -> int:
    """Width of one day, in the strip's own units."""
    return max(1, WIDTH // max(days, 1))


def strip(days: Sequence[Day]) -> Markup:
    """The paths of one strip: a step for each day."""
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
    breaks = "".join(f"M{number * step} 0v{TALL}" for number, day in enumerate(days) if day.broken)
    if breaks:
        drawn.append(f'<path class=sk d="{breaks}"/>')
    return Markup("").join(map(Markup, drawn))


def columns(days: Sequence[Mapping[str, int]], letters: Iterable[str], top: int) -> Markup:
    """Stacked columns, one for each day; ``top`` is the value at the full height."""
    step = unit(len(days))
    paths: list[str] = []
    floors = [0] * len(days)
    for letter in letters:
        parts = []
        for number, day in enumerate(days):
            value = day.get(letter, 0)
            if value:
                low, high = _y(floors[number], top), _y(floors[number] + value, top)
                parts.append(f"M{_n(number * step + step / 2)} {_n(low)}V{_n(high)}")
                floors[number] += value
        if parts:
            paths.append(f'<path class={_class(letter)} stroke-width={_n(_bar(step))} d="{"".join(parts)}"/>')
    return Markup("").join(map(Markup, paths))


def durations(days: Sequence[RunCounts], top: float) -> Markup:
    """A line from the median to the 90th percentile of each day, with a mark at the median."""
    step = unit(len(days))
    ranges, medians = [], []
    for number, day in enumerate(days):
        if day.p50_s is not None and day.p90_s is not None and top:
            middle = number * step + step / 2
            low, high = _y(day.p50_s, top), _y(day.p90_s, top)
            ranges.append(f"M{_n(middle)} {_n(low)}V{_n(high)}")
            medians.append(f"M{_n(middle - _bar(step) / 2)} {_n(low)}h{_n(_bar(step))}")
    wide = f'<path class=q9 stroke-width={_n(_bar(step) / 2)} d="{"".join(ranges)}"/>'
    return Markup(f'{wide}<path class=q5 d="{"".join(medians)}"/>')  # noqa: S704 - numbers


def _class(letter: str) -> str:
    return "sm" if letter == MISSING else f"s{letter}"


def _bar(step: int) -> float:
    """Width of a column: a hairline between days where there is room for one."""
    return step - 1 if step > 2 else step  # noqa: PLR2004 - narrower than that, there is none


def _y(value: float, top: float) -> float:
    return CHART - CHART * value / top if top else CHART


def _n(value: float) -> str:
    """A number as short as it can be written."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
