"""What a resource is, as data: everything that treats all resources alike is derived from it.

A spec says what is kept and how often; ``sync.py`` beside it says how it is read and what proves that it is complete.
Specs import nothing but this module, so any room may ask them.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["versions", "sightings", "snapshots", "captured"]

MOMENTS: dict[Kind, tuple[str, ...]] = {
    "versions": ("valid_from",),
    "sightings": ("first_seen_at", "last_seen_at", "absent_since"),
    "snapshots": ("observed_at",),
    "captured": ("received_at",),
}
"""Columns that hold a time of our own clock; the last observation of a thing is at the one of ``OBSERVED``."""

OBSERVED: dict[Kind, str] = {"versions": "valid_from", "sightings": "last_seen_at", "snapshots": "observed_at"}

VERSION_PER_CHANGE = "versions/changes"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of ``raw``.

    Attributes:
        name: Its name, without the schema.
        kind: ``versions`` of things that change, ``sightings`` (stretches of time in which a thing was listed),
            ``snapshots`` (answers that stand by themselves) or ``captured`` events and log entries.
        thing: Columns that name the thing that a row is about, beside ``project_id``.
        dated: Columns that complete the key.
        compared: Columns that make a row say something else than the one before it; none where rows never change.
        versioned: Columns of which any change makes a version, if those are others than ``compared``.
        refers: Column that names a thing, and the table that must hold it.
        where: Rows that have a key at all.
        keep: The statement below ``taskhouse/`` that keeps the rows of ``incoming`` that are new.
        extra: Columns of ``incoming`` that are not kept, with their types.
        first: Statements that come before ``keep``, if a row has one of the ``extra`` columns.
        then: Statements that follow it, each with the table that its rows go to.
        settles: Names in quarantine whose record a sighting of the same thing makes obsolete.
        shown_by: Views whose words hold for its columns too; the first that has a column describes it.
        counted_as: The name under which ``taskhouse status`` counts its rows, if that is not the resource's.
    """

    name: str
    kind: Kind
    thing: tuple[str, ...]
    dated: tuple[str, ...]
    compared: tuple[str, ...] = ()
    versioned: tuple[str, ...] = ()
    refers: tuple[str, str] | None = None
    where: str = "TRUE"
    keep: str = VERSION_PER_CHANGE
    extra: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ()
    then: tuple[tuple[str, str], ...] = ()
    settles: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()
    counted_as: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row, beside ``project_id``."""
        return (*self.thing, *self.dated)

    @property
    def begins(self) -> str | None:
        """Column in which the validity of a row begins, where rows are versions or stretches of time."""
        return self.dated[0] if self.kind in {"versions", "sightings"} else None

    @property
    def ends(self) -> str | None:
        """Column in which it ends; None where the next row of the same thing ends it."""
        return "absent_since" if self.kind == "sightings" else None

    @property
    def paged(self) -> bool:
        """Whether a row names the page that brought it, in ``ledger.pages``."""
        return self.kind != "captured"


def versions(name: str, thing: str, **more: object) -> Table:
    """A table of versions of one thing."""
    return Table(name, "versions", (thing,), ("valid_from",), **{"compared": ("content_hash",), **more})  # type: ignore[arg-type]


def sightings(name: str, *thing: str, settles: tuple[str, ...] = (), shown_by: tuple[str, ...] = ()) -> Table:
    """A table of the stretches of time in which a thing was listed; its last column is the key that the list gives."""
    return Table(name, "sightings", thing, ("first_seen_at",), settles=settles, shown_by=shown_by)


@dataclass(frozen=True, slots=True)
class Resource:
    """What is read from one or more endpoints in one pass.

    Attributes:
        name: Its name in commands, settings, the ledger and Dagster.
        about: What it holds and when a pass over it is complete, in Markdown.
        tables: Where its rows are; the first one is the resource's own.
        after: Resources that must be read before.
        optional: Whether it is off unless the setting of its name is on.
        alone: Whether nothing but its own passes writes to its tables.
        requests: How many requests each of its passes takes; 0 where that depends on what moved.
        passes_a_day: How many passes its schedule brings by default, where each takes so many requests.
        cron: When its schedule runs by default, in cron's five fields.
        cursors: Column that names the thing its cursors are about, if it has any.
        quarantines: Names under which its unreadable records are kept, beside its own.
        listed: Whether a complete pass read every record of its lists, so that one in quarantine that names nothing is
            settled by a later proof.
        shown: The view to show after a pass, if that is not the one of the same name.
        preview: Columns of that view to show.
        newest: Column of that view by which rows are newest.
        every_s: How old the last complete pass may become before that is worth a warning, in seconds.
        live: Whether rows are captured as they happen, so that how late they are is a figure.
        sees_runs: Whether a pass sees runs start and end.
        trend: A query whose days are drawn.
    """

    name: str
    about: str
    tables: tuple[Table, ...]
    after: tuple[str, ...] = ()
    optional: bool = False
    alone: bool = False
    requests: int = 0
    passes_a_day: int = 0
    cron: str = ""
    cursors: str = ""
    quarantines: tuple[str, ...] = ()
    listed: bool = False
    shown: str = ""
    preview: tuple[str, ...] = ()
    newest: str = ""
    every_s: float = 3600.0
    live: bool = False
    sees_runs: bool = False
    trend: str = ""
