"""Texts of the server and tables in Markdown."""

import re
from collections.abc import Sequence

from taskhouse.pages import formatting

SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~>$])")


def escaped(text: object) -> str:
    """A server's text, inert and escaped for Markdown and HTML, with its writing direction isolated."""
    plain = " ".join(formatting.inert(text).split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;")
    return formatting.ISOLATE + SPECIAL.sub(r"\\\1", plain) + formatting.END


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
