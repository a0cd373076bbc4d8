"""A small picture for the page of an asset: an SVG inside Markdown, made of numbers and our own letters only."""

import base64
from collections.abc import Sequence

HEIGHT, STEP = 48, 12
WHOLE, PART = "#b9bcc4", "#2f9e63"


def bars(days: Sequence[tuple[int, int]], about: str) -> str:
    """Markdown with a bar for each day: the whole in grey, a part of it in green.

    Args:
        days: Of each day the whole and the part.
        about: What it shows, in our own words.
    """
    top = max((whole for whole, _ in days), default=0) or 1
    drawn = []
    for number, pair in enumerate(days):
        for value, colour in zip(pair, (WHOLE, PART), strict=True):
            tall = round(HEIGHT * value / top, 1)
            place = f'x="{number * STEP}" y="{HEIGHT - tall:g}" width="{STEP - 2}" height="{tall:g}"'
            drawn.append(f'<rect {place} fill="{colour}"/>')
    size = f'width="{max(1, len(days)) * STEP}" height="{HEIGHT}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{about}</title>{"".join(drawn)}</svg>'
    return f"![{about}](data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()})"
