"""What the assets have in common: a family is one asset, the tables behind it and everything that makes them."""

import hashlib
import importlib.resources
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import dagster as dg

from taskhouse.assets import keys

OWNERS = ["team:taskhouse"]
GROUP = "posthog_tasks"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of ``raw``, and what must hold in it.

    Attributes:
        name: Its name, without the schema.
        key: Columns that name a row, beside ``project_id``.
        begins: Column in which the validity of a row begins, where rows are versions or stretches of time.
        ends: Column in which it ends; None where the next row of the same thing ends it.
        segments: Whether rows come from spool segments: then only what a pass touched is looked at.
        where: Rows that have a key at all.
        compares: Columns that make a row say something else than the one before it; none where rows never change.
        refers: Column that names a thing, and the table that must hold it.
    """

    name: str
    key: tuple[str, ...]
    begins: str | None = None
    ends: str | None = None
    segments: bool = False
    where: str = "TRUE"
    compares: tuple[str, ...] = ()
    refers: tuple[str, str] | None = None

    @property
    def thing(self) -> tuple[str, ...]:
        """The key without the time in which a row begins."""
        return tuple(column for column in self.key if column != self.begins)


@dataclass(frozen=True, slots=True)
class Family:
    """One asset.

    Attributes:
        name: The asset's name, which is the resource's.
        about: Its description, in Markdown.
        tables: Where its rows are; the first one is the asset's own.
        after: Assets that must be read before.
        shown: The view to show after a pass, where it is not the one of the same name.
        preview: Columns of that view to show, newest first.
        newest: Column of that view by which rows are newest.
        made_by: Files and folders below ``taskhouse/`` that shape its rows; a change of one makes a new code version.
        every_s: How old the last complete pass may become before that is worth a warning.
        live: Whether rows are captured as they happen, so that how late they are is a figure.
        sees_runs: Whether a pass sees runs start and end.
        trend: A question whose days are drawn.
        quarantines: Names under which its unreadable records are kept, beside its own.
        prefix: Stands before the name of the asset and its pool.
    """

    name: str
    about: str
    tables: tuple[Table, ...]
    after: tuple[str, ...] = ()
    shown: str = ""
    preview: tuple[str, ...] = ()
    newest: str = ""
    made_by: tuple[str, ...] = ()
    every_s: float = 3600.0
    live: bool = False
    sees_runs: bool = False
    trend: str = ""
    quarantines: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def key(self) -> dg.AssetKey:
        """Its asset."""
        return keys.key(self.prefix, self.name)

    @property
    def pool(self) -> str:
        """The pool in which its passes wait for each other."""
        return keys.label(self.prefix, self.name)

    def column(self, table: Table, column: str) -> str:
        """What the asset calls a column: its name, and that of its table where that is not the asset's own."""
        return column if table is self.tables[0] else f"{table.name}.{column}"

    def code_version(self) -> str:
        """A fingerprint of everything that shapes the rows."""
        digest = hashlib.sha256()
        engine = importlib.resources.files("taskhouse")
        schemas = (f"warehouse/schema/raw/{table.name}.sql" for table in self.tables)
        for path in sorted({*self.made_by, *schemas}):
            for file in _files(engine.joinpath(path)):
                digest.update(f"{path} {file.name}".encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()[:12]


def _files(place: Traversable) -> list[Traversable]:
    if place.is_file():
        return [place]
    return sorted((file for file in place.iterdir() if file.is_file()), key=lambda file: file.name)
