"""A small picture for the page of an asset: an SVG inside Markdown, made of numbers and our own letters only.

Dagster's UI shows Markdown of less than 1,000 characters in place, and hides anything longer behind a link.
"""

from collections.abc import Sequence
from urllib.parse import quote

HEIGHT, STEP = 48, 12
WHOLE, PART = "#b9bcc4", "#2f9e63"
PLAIN = "/:=,'"
"""What a link may hold as it is, beside letters and digits."""


def bars(days: Sequence[tuple[int, int]], about: str) -> str:
    """Markdown with a bar for each day: the whole in grey, a part of it in green; nothing where the whole is 0.

    Args:
        days: Of each day the whole and the part.
        about: What it shows, in our own words.
    """
    top = max((whole for whole, _ in days), default=0) or 1
    drawn = "".join(
        f"<path stroke='{colour}' stroke-width='{STEP - 2}' d='{_strokes(values, top)}'/>"
        for colour, values in zip((WHOLE, PART), zip(*days, strict=True) if days else ((), ()), strict=True)
    )
    size = f"width='{max(1, len(days)) * STEP}' height='{HEIGHT}'"
    text = f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{drawn}</svg>"
    return f"![{about}](data:image/svg+xml,{quote(text, safe=PLAIN)})"


def _strokes(values: Sequence[int], top: int) -> str:
    """An upright line for each value but 0, from the ground up."""
    return "".join(
        f"M{number * STEP + STEP // 2 - 1},{HEIGHT}V{HEIGHT - max(1, round(HEIGHT * value / top))}"
        for number, value in enumerate(values)
        if value
    )
