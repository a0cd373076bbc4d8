"""Which tables of a warehouse the lake has, as data.

What stays at home: where a read goes on (cursors), pages, segments and connections to streams. They are the working
papers of a proof, and no view reads them, except for the states of cursors, which the lake has.
"""

from dataclasses import dataclass

from taskhouse.marts.derivation import STORED
from taskhouse.resources.registry import TABLES

OURS = ("lake_shard", "lake_generation", "lake_row")
"""The columns that each row of the lake has besides those of the warehouse."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A table that the lake shares.

    Attributes:
        name: Its schema and name, the same in the warehouse and in the lake.
        grows: Whether its rows are never changed in place, so that those after the last one published are new.
        rows: The query that gives its rows, if they are not all of its rows and columns.
        unread: Columns that need not be compared, since the others identify what they hold.
    """

    name: str
    grows: bool = False
    rows: str = ""
    unread: tuple[str, ...] = ()

    @property
    def gone(self) -> str:
        """The table of its tombstones in the lake."""
        return f"{self.name}_gone"


SHARED: tuple[Shared, ...] = (
    *(Shared(f"raw.{table.name}", grows=table.kind != "sightings", unread=("payload",)) for table in TABLES),
    Shared("ledger.passes"),
    Shared("ledger.gaps"),
    Shared("ledger.quarantine"),
    Shared("ledger.drift"),
    Shared("ledger.origin", rows="lake_rows/origin"),
    Shared("ledger.cursors", rows="lake_rows/cursors"),
    Shared("mart.runs", rows="lake_rows/runs"),
)
"""In the order in which they are published."""

DERIVED: tuple[str, ...] = tuple(f"mart.{name}" for name in STORED)
"""What is computed from events. The lake has it of runs that ended, and it follows `mart.runs`: a row counts as long as
the row of its run counts that was published with it."""
