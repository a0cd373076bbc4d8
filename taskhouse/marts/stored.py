"""Columns of the tables of ``raw``: names and types from the statements that make a table, words from views over it."""

import functools
import importlib.resources
import re
from typing import NamedTuple

from taskhouse.marts.describe import describe
from taskhouse.resources.registry import RESOURCES

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

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "task_versions": ("task_history", "tasks"),
    "task_sightings": ("task_history", "tasks"),
    "repository_sightings": ("repositories",),
    "readiness_snapshots": ("readiness",),
    "run_versions": ("run_history",),
    "run_events": ("run_events", "events_once"),
    "run_log_entries": ("run_events", "events_once"),
    "task_usage": ("task_cost_history",),
}
"""Every table, and the views whose words hold for its columns too; the first that has a column describes it."""


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
    for view in reversed(SHOWN_BY[table]):
        about |= describe(package.joinpath(f"marts/{view}.sql").read_text("utf-8")).columns
    folder = next(
        package.joinpath(f"resources/{resource.name}")
        for resource in RESOURCES.values()
        if table in {each.name for each in resource.tables}
    )
    added = sorted(file.name for file in folder.iterdir() if file.name.startswith(f"{table}_"))
    lines = [
        line for name in (f"{table}.sql", *added) for line in folder.joinpath(name).read_text("utf-8").splitlines()
    ]
    found = filter(None, map(_COLUMN.match, lines))
    return tuple(
        Column(match["name"], match["type"], "NOT NULL" in match["rest"], about.get(match["name"], ""))
        for match in found
    )
