"""Column names, types and descriptions of a table: from the statement that makes it, and from the views over it."""

import functools
import importlib.resources
import re
from typing import NamedTuple

_COLUMN = re.compile(r"^\s+(?P<name>[a-z_0-9]+) (?P<type>[A-Z]+)\b(?P<rest>.*)$")
_OURS = {
    "content_hash": "Fingerprint of everything that makes a version.",
    "payload_sha256": "SHA-256 of the text that the server sent.",
    "page": "The page of that pass, in `ledger.pages`.",
    "pass_id": "The pass that brought the row, in `ledger.passes`.",
    "last_pass_id": "The pass that saw it last.",
    "absent_pass_id": "The pass that found it gone.",
}
"""Columns that no view shows."""


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: str
    filled: bool
    about: str


@functools.cache
def columns(table: str, views: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Columns of a table of ``raw``, in their order, described by the first of the views that has them."""
    from taskhouse.marts.describe import describe

    package = importlib.resources.files("taskhouse")
    about = dict(_OURS)
    for view in reversed(views):
        about |= describe(package.joinpath(f"marts/{view}.sql").read_text("utf-8")).columns
    text = package.joinpath(f"warehouse/schema/raw/{table}.sql").read_text("utf-8")
    found = filter(None, map(_COLUMN.match, text.splitlines()))
    return tuple(
        Column(match["name"], match["type"], "NOT NULL" in match["rest"], about.get(match["name"], ""))
        for match in found
    )
