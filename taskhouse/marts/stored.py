"""Columns of the tables of ``raw``: names and types from the statements that make a table, words from views over it."""

import functools
import importlib.resources
import re
from typing import NamedTuple

from taskhouse.marts.describe import describe
from taskhouse.resources.registry import OWNERS, TABLES

_COLUMN = re.compile(r"^\s+(?P<name>[a-z_0-9]+) (?P<type>[A-Z]+)\b(?P<rest>.*)$")
_OURS = {
    "content_hash": "Fingerprint of everything that makes a version.",
    "payload_sha256": "SHA-256 of the text that the server sent; of a run inside its task, that of the task.",
    "page": "The page of that pass, in `ledger.pages`.",
    "pass_id": "The pass that brought the row, in `ledger.passes`.",
    "last_pass_id": "The pass that saw it last.",
    "absent_pass_id": "The pass that found it gone.",
    "first_seen_at": "When this period began.",
    "last_seen_at": "When it was last seen in it.",
    "absent_since": "When a complete pass no longer saw it; NULL while it is there.",
}
"""Columns that no view shows under the same name."""


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: str
    filled: bool
    about: str


@functools.cache
def columns(table: str) -> tuple[Column, ...]:
    """Columns of a table, in their order."""
    package = importlib.resources.files("taskhouse")
    about = dict(_OURS)
    for view in reversed(next(each.shown_by for each in TABLES if each.name == table)):
        about |= describe(package.joinpath(f"marts/{view}.sql").read_text("utf-8")).columns
    folder = package.joinpath(f"resources/{OWNERS[table]}")
    added = sorted(file.name for file in folder.iterdir() if file.name.startswith(f"{table}_"))
    lines = [
        line for name in (f"{table}.sql", *added) for line in folder.joinpath(name).read_text("utf-8").splitlines()
    ]
    found = filter(None, map(_COLUMN.match, lines))
    return tuple(
        Column(match["name"], match["type"], "NOT NULL" in match["rest"], about.get(match["name"], ""))
        for match in found
    )
