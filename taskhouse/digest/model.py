"""A digest as plain values."""

from dataclasses import dataclass

from taskhouse.report.summary import Tone

MOST = 12
"""Lines of a digest, its title not counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as plain text; texts of the server in it are as the server sent them.

    Attributes:
        anchor: The id of the element of the report that proves it.
    """

    text: str
    anchor: str = ""
    tone: Tone = "even"


@dataclass(frozen=True, slots=True)
class Digest:
    """What happened in some days.

    Attributes:
        title: What it is about, in a few words.
        lines: At most ``MOST``.
        link: Where the report is on the web; None if it is not served.
    """

    title: str
    lines: tuple[Line, ...]
    link: str | None = None
