"""What compacting, rewriting, or publishing a shard anew did."""

from dataclasses import dataclass

from taskhouse.lake.damage import Damaged
from taskhouse.lake.publish import Tick


@dataclass(frozen=True, slots=True)
class Files:
    """The files of the newest snapshot.

    Attributes:
        count: How many.
        size: Their bytes.
    """

    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What compacting or rewriting did.

    Attributes:
        rows: Rows that were deleted.
        moved: Rows that were in the catalogue, and are in files now.
        before: The files that counted before.
        after: The files that count now.
        removed: How many files were removed from the disk.
    """

    rows: int
    moved: int
    before: Files
    after: Files
    removed: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What publishing a shard anew did.

    Attributes:
        tick: What was published.
        damaged: Files that could not be read, and are no longer part of the lake.
        others: Other shards that may have had rows in them, and publish these again with their next
            copy.
    """

    tick: Tick
    damaged: tuple[Damaged, ...]
    others: tuple[str, ...]
