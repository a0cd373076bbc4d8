"""A badge as SVG, for a README or a page: a name and a state, readable in both themes, without a script or a font."""

from markupsafe import escape

from taskhouse.pages.formatting import brief

COLOURS = {"ready": "#1b5c99", "partial": "#3d7bb0", "detected": "#8f6514", "needs_setup": "#a8461a"}
"""White text on each of them has a contrast of at least 4.5 to 1."""

LABEL = "readiness"
"""What a badge of a repository says before the state."""

_UNKNOWN = "#5d6670"
_NARROW, _WIDE = set("fijlrt.,:;|!'()[]I "), set("mwMW@%")
_LONGEST = 60


def badge(label: str, state: str | None) -> str:
    """The badge of a state; a state that is not known here is shown in grey, as it is written."""
    name, value = _short(label), _short((state or "no information").replace("_", " "))
    left, right = _width(name), _width(value)
    whole, colour = left + right, COLOURS.get(state or "", _UNKNOWN)
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{width - 10}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for x, width, text in ((left / 2, left, name), (left + right / 2, right, value))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img"'
        f' aria-label="{escape(f"{name}: {value}")}"><title>{escape(f"{name}: {value}")}</title>'
        f'<clipPath id="r"><rect width="{whole}" height="20" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="20" fill="#3b424a"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '</g><g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f"{texts}</g></svg>\n"
    )


def _short(text: str) -> str:
    return brief(text.replace("\ufffe", " ").replace("\uffff", " "), _LONGEST)  # XML knows neither


def _width(text: str) -> int:
    """About the width of a text at 11 pixels, with room on both sides; ``textLength`` makes it fit."""
    return 10 + round(sum(3.9 if char in _NARROW else 10 if char in _WIDE else 6.9 for char in text))
