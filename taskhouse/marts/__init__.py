"""Views and macros for people, one ``.sql`` file each.

A view is a SELECT without CREATE, under the name of its file; a macro, below ``macros/``, is a CREATE MACRO statement.
A file begins with a comment: what one row is, the key of a view, an empty comment line, and a line ``name: text`` for
every column, in the order of the columns (a text goes on with an indent). It ends up beside the view and its columns in
the published copies, and in ``docs/views.md``. What is made before what follows from the names that a text uses;
nothing lists the files.
"""

import graphlib
import importlib.resources
import re

_FOLDER = importlib.resources.files(__name__)
_NAMED = re.compile(r"\bmain\.(\w+)")


def _texts(folder: str) -> dict[str, str]:
    files = _FOLDER.joinpath(folder).iterdir()
    return {file.name[:-4]: file.read_text("utf-8") for file in files if file.name.endswith(".sql")}


_VIEWS, _MACROS = _texts("."), _texts("macros")
_ALL = _VIEWS | _MACROS
_USES = {name: sorted({*_NAMED.findall(_ALL[name])} & _ALL.keys() - {name}) for name in sorted(_ALL)}


def _address(name: str) -> str:
    return name if name in _VIEWS else f"macros/{name}"


VIEWS = tuple(sorted(_VIEWS))
"""Names of the views."""

AS_OF = tuple(sorted(name for name, text in _MACROS.items() if " AS TABLE\n" in text))
"""Names of the macros that give a table."""

MACROS = tuple(sorted(_MACROS.keys() - {*AS_OF}))
"""Names of the macros that give a value."""

ORDER = tuple(map(_address, graphlib.TopologicalSorter(_USES).static_order()))
"""All of them in an order in which they can be made; those of macros begin with ``macros/``."""


ZONE = "macros/day_zone"
"""The macro that differs between warehouses of one version: it contains the time zone in which a day begins."""

VALUES = tuple(name for name in ORDER if name.removeprefix("macros/") in MACROS)
"""The macros that give a value, as in ``ORDER``."""


def text(name: str) -> str:
    """The text of a file, given as in ``ORDER`` or by its folder."""
    return _FOLDER.joinpath(f"{name}.sql").read_text("utf-8")


def uses(name: str) -> list[str]:
    """The views and macros that one names, given as in ``ORDER``."""
    return [_address(each) for each in _USES[name.removeprefix("macros/")]]
