"""Column names, types and descriptions of a table, read from the statement that creates it.

A description is the comment behind a column: ``title VARCHAR, -- What the task is called.``
"""

import functools
import importlib.resources
import re
from typing import NamedTuple

_COLUMN = re.compile(
    r"^\s+(?P<name>[a-z_0-9]+) (?P<type>[A-Z]+[A-Z0-9(), ]*?)(?P<filled> NOT NULL)?(?: USING COMPRESSION \w+)?"
    r"(?: NOT NULL)?,?\s*(?:-- (?P<about>.*))?$"
)


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: str
    filled: bool
    about: str


@functools.cache
def columns(table: str) -> tuple[Column, ...]:
    """Columns of a table of ``raw``, in their order."""
    text = importlib.resources.files("taskhouse.warehouse").joinpath(f"schema/raw/{table}.sql").read_text("utf-8")
    found = (_COLUMN.match(line) for line in text.splitlines())
    return tuple(
        Column(match["name"], match["type"].strip(), "NOT NULL" in match[0], (match["about"] or "").strip())
        for match in found
        if match
    )
