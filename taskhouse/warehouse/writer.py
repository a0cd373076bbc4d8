"""Which backups a home wrote itself: it removes no others from a folder that it shares with a twin.

A twin is a home that was copied, with the same id. ``<warehouse>.backups`` holds the SHA-256 of what was written, and
the inode of the home, which a copy of the folder does not have. Where even that is equal, as in the clone of a disk,
the list ends with what was written before the two parted, and that is in every later backup of either.

A home that was moved to another disk, or restored into a new folder, begins a new list: what it cannot prove stays.
"""

import contextlib
import json
from collections.abc import Collection
from pathlib import Path

from taskhouse.atomic import appearing


def wrote(warehouse: Path) -> list[str]:
    """SHA-256 of the backups that are known to be of this home, oldest first."""
    try:
        record = json.loads(_beside(warehouse).read_text(encoding="utf-8"))
        return [str(each) for each in record["sha256"]] if record["home"] == _home(warehouse) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def sign(warehouse: Path, sha256: str) -> None:
    """Remember a backup before it takes its place; if that finds no room, it counts as written by somebody else."""
    _keep(warehouse, [*wrote(warehouse), sha256])


def forget(warehouse: Path, removed: Collection[str]) -> None:
    """Forget backups that were removed."""
    _keep(warehouse, [each for each in wrote(warehouse) if each not in removed])


def _keep(warehouse: Path, digests: list[str]) -> None:
    with contextlib.suppress(OSError), appearing(_beside(warehouse)) as fresh:
        fresh.write_text(json.dumps({"home": _home(warehouse), "sha256": digests}), encoding="utf-8")


def _home(warehouse: Path) -> int:
    return warehouse.parent.stat().st_ino


def _beside(warehouse: Path) -> Path:
    return warehouse.with_suffix(".backups")
