"""Jinja environments of pages: every text is escaped and cleaned, and an unknown name is an error."""

import functools
import importlib.resources
import json
from typing import Any

import jinja2
from markupsafe import Markup

from taskhouse.pages import formatting

FILTERS = ("day", "short", "moment", "signed", "percent", "number", "span", "usd", "compact", "brief")


@functools.cache
def environment(package: str) -> jinja2.Environment:
    """The templates of ``<package>/templates``, and those that all pages share: ``head.html`` and ``base.css``.

    Functions of :mod:`taskhouse.pages.formatting` are filters named ``as_<function>``. The environment is made once for
    a package, so code that adds filters and globals of its own does so once.
    """
    folders = [importlib.resources.files(name) / "templates" for name in (package, "taskhouse.pages")]

    def source(name: str) -> str | None:
        found = next((folder.joinpath(name) for folder in folders if folder.joinpath(name).is_file()), None)
        return found.read_text(encoding="utf-8") if found else None

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: formatting.clean(value) if type(value) is str else value,
    )
    made.filters.update({f"as_{name}": getattr(formatting, name) for name in FILTERS})
    return made


def embedded(value: Any) -> Markup:
    """JSON that cannot end its script element, or begin a comment in it."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - no markup is left in it
