"""What people and agents wrote, as HTML that does nothing: Markdown without links, pictures and HTML."""

import functools
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from taskhouse.run_page import texts

ACTIVE = ("image", "link", "autolink", "html_inline", "html_block", "reference", "entity")
"""Rules that are off: what they would change in a text stays as it was written."""


def markdown(text: str) -> Markup:
    """A text in Markdown."""
    return Markup(_parser().render(texts.lines(text)))  # noqa: S704 - every text in it is escaped, and no link is made


def plain(text: str) -> Markup:
    """A text as it is written."""
    return Markup("<p class=w>{}</p>").format(texts.lines(text))


@functools.cache
def _parser() -> MarkdownIt:
    """Headings become paragraphs, so that a message does not change the outline of the page."""
    made = MarkdownIt("js-default", {"html": False, "breaks": True}).disable(list(ACTIVE))
    made.add_render_rule("heading_open", lambda *_: "<p><strong>")
    made.add_render_rule("heading_close", lambda *_: "</strong></p>\n")
    made.add_render_rule("fence", _code)
    made.add_render_rule("code_block", _code)
    return made


def _code(_renderer: Any, tokens: Sequence[Token], place: int, *_: Any) -> str:
    """Code without a class that an agent chose."""
    return f"<pre>{escape(tokens[place].content.rstrip())}</pre>\n"
