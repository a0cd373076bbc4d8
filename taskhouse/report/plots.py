"""Pictures of differences and of campaigns as SVG: built from numbers alone, so nothing in them needs escaping."""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from taskhouse.pages.formatting import percent
from taskhouse.report import svg
from taskhouse.report.agents import Work
from taskhouse.report.campaigns import Progress
from taskhouse.report.intervals import Difference

WIDE, TALL = 200, 18
"""Of a whisker, in its own units."""

BAR, HIGH = 10, 100
"""Of a burn-down: the width of a week, and the height."""


def reach(differences: Iterable[Difference | None]) -> int:
    """Points from 0 to the end of a common axis: enough for every interval, in tens."""
    ends = [max(abs(one.low), abs(one.high)) for one in differences if one is not None]
    return min(100, 10 * math.ceil(10 * max(ends, default=0.1)))


def whisker(one: Difference, points: int) -> Markup:
    """A difference and its interval on an axis from ``-points`` to ``points``, with a line at 0."""
    ends = (100 * end / points for end in (one.low, one.value, one.high))
    low, value, high = (svg.short(WIDE / 2 * (1 + max(-1.0, min(1.0, end)))) for end in ends)
    middle, half = WIDE // 2, TALL // 2
    return Markup(  # noqa: S704 - numbers
        f'<svg class=whisker viewBox="0 0 {WIDE} {TALL}" preserveAspectRatio=none aria-hidden=true>'
        f'<path class=zero d="M{middle} 0v{TALL}"/><path class=line d="M{low} {half}H{high}"/>'
        f'<path class=dot d="M{value} {half}h0"/></svg>'
    )


def ended(periods: Sequence[Work]) -> Markup:
    """Runs that ended in each period, the oldest first: completed, failed and cancelled on top of each other."""
    columns = [[("sc", one.completed), ("sf", one.failed), ("sx", one.cancelled)] for one in reversed(periods)]
    wide, paths = svg.unit(len(periods)) * len(periods), svg.columns(columns, max(one.ended for one in periods))
    said = ", ".join(f"{one.ended}" for one in reversed(periods))
    return Markup(  # noqa: S704 - numbers
        f'<svg class=chart viewBox="0 0 {wide} {HIGH}" preserveAspectRatio=none role=img'
        f' aria-label="Runs that ended: {said}.">{paths}</svg>'
    )


def success(periods: Sequence[Work]) -> Markup:
    """The share that succeeds in each period with its interval, the oldest first, from 0 to all."""
    step = svg.unit(len(periods))
    lines, dots, said = [], [], []
    for number, one in enumerate(reversed(periods)):
        said.append(percent(one.success))
        if one.success is not None:
            middle = svg.short(step * (number + 0.5))
            low, high = (svg.short(HIGH * (1 - end)) for end in one.interval)
            lines.append(f"M{middle} {low}V{high}")
            dots.append(f"M{middle} {svg.short(HIGH * (1 - one.success))}h0")
    return Markup(  # noqa: S704 - numbers
        f'<svg class="chart rates" viewBox="0 0 {step * len(periods)} {HIGH}" preserveAspectRatio=none role=img'
        f' aria-label="Runs that succeed: {", ".join(said)}.">'
        f'<path class=half d="M0 {HIGH // 2}H{step * len(periods)}"/>'
        f'<path class=line d="{"".join(lines)}"/><path class=dot d="{"".join(dots)}"/></svg>'
    )


def burn_down(one: Progress) -> Markup:
    """What is left week by week, up to the last day, beside the straight way there."""
    weeks = len(one.points) + math.ceil(max(0.0, one.weeks_left))
    top = most(one)
    bars = "".join(
        f"M{svg.short(BAR * at + BAR / 2)} {HIGH}V{svg.short(HIGH - HIGH * point.left / top)}"
        for at, point in enumerate(one.points)
        if point.left
    )
    start = HIGH - HIGH * one.points[0].left / top
    said = f"Not there yet: {one.points[0].left} at first, {one.now.left} of {one.now.members} at the end."
    return Markup(  # noqa: S704 - numbers
        f'<svg class="chart burn" viewBox="0 0 {BAR * weeks} {HIGH}" preserveAspectRatio=none role=img'
        f' aria-label="{said}"><path class=sp stroke-width={BAR - 2} d="{bars}"/>'
        f'<path class=ideal d="M{BAR // 2} {svg.short(start)}L{BAR * weeks} {HIGH}"/></svg>'
    )


def most(one: Progress) -> int:
    """The most that were left at the end of a week."""
    return max(1, *(point.left for point in one.points))
