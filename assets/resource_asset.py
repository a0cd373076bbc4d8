"""A resource as an asset: its key, its pool, and a version of the code that makes its rows."""

import functools
import hashlib
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from taskhouse.assets import keys
from taskhouse.resources.spec import Resource, Table

OWNERS = ["team:taskhouse"]
GROUP = "posthog_tasks"
MARK = "taskhouse/layer"
"""The tag that every asset of ours has, regardless of its group and prefix."""

ENGINE = ("capture", "passes", "posthog", "resources", "spool", "warehouse")
"""Folders below ``taskhouse/`` that shape the rows of every resource; of ``resources``, only its own modules."""


@dataclass(frozen=True, slots=True)
class ResourceAsset:
    """One asset.

    Attributes:
        resource: What it contains.
        every_s: How old the last complete pass may become before a warning, in seconds.
        prefix: Is put before the name of the asset and its pool.
    """

    resource: Resource
    every_s: float
    prefix: str = ""

    @property
    def name(self) -> str:
        """The asset's name, which is the resource's."""
        return self.resource.name

    @property
    def tables(self) -> tuple[Table, ...]:
        """Where its rows are; the first one is the asset's own."""
        return self.resource.tables

    @property
    def key(self) -> dg.AssetKey:
        """Its asset."""
        return keys.key(self.prefix, self.name)

    @property
    def pool(self) -> str:
        """The pool in which its passes wait for each other."""
        return keys.label(self.prefix, self.name)

    def column(self, table: Table, column: str) -> str:
        """The asset's name for a column: its name, with that of its table if that is not the asset's own."""
        return column if table is self.tables[0] else f"{table.name}.{column}"

    def code_version(self) -> str:
        """A fingerprint of everything that shapes the rows: the resource's folder, and the engine."""
        root = Path(str(importlib.resources.files("taskhouse")))
        digest = _engine(root).copy()
        for name, content in _files(root.joinpath("resources", self.name)):
            digest.update(name.encode() + b"\0" + content + b"\0")
        return digest.hexdigest()[:12]


@functools.cache
def _engine(root: Path) -> "hashlib._Hash":
    digest = hashlib.sha256()
    for room in ENGINE:
        for name, content in _files(root.joinpath(room), deep=room != "resources"):
            digest.update(f"{room}/{name}".encode() + b"\0" + content + b"\0")
    return digest


def _files(folder: Path, *, deep: bool = True) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in a folder, in the order of their names, and of those in folders below it."""
    for entry in sorted(folder.iterdir()):
        if entry.is_file():
            yield entry.name, entry.read_bytes()
        elif deep and entry.name != "__pycache__":
            yield from ((f"{entry.name}/{name}", content) for name, content in _files(entry))
