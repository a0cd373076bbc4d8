"""The description of a resource as data, from which everything common to all resources is derived.

A spec says what is stored and how often; ``sync.py`` beside it says how it is read and what proves that it is complete.
Specs import only this module, so any part of the engine may use them.
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
"""Columns that contain a time of our own clock; the last observation of a thing is at the one of ``OBSERVED``."""

OBSERVED: dict[Kind, str] = {"versions": "valid_from", "sightings": "last_seen_at", "snapshots": "observed_at"}

VERSION_PER_CHANGE = "versions/changes"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of ``raw``.

    Attributes:
        name: Its name, without the schema.
        kind: ``versions`` of things that change, ``sightings`` (periods of time in which a thing was listed),
            ``snapshots`` (independent answers) or ``captured`` events and log entries.
        thing: Columns that identify the thing that a row is about, besides ``project_id``.
        dated: Columns that complete the key.
        compared: Columns in which a row differs from the previous one; none if rows never change.
        versioned: Columns whose change creates a version, if they are not the same as ``compared``.
        refers: A column that refers to a thing, and the table that must contain it.
        where: The rows that have a key at all.
        keep: The statement below ``taskhouse/`` that stores the new rows of ``incoming``.
        extra: Columns of ``incoming`` that are not stored, with their types.
        first: Statements that come before ``keep``, if a row has one of the ``extra`` columns.
        then: Statements that follow it, each with the table that its rows go to.
        told_in: Where a row may come from (``observed_in``) that ``then`` has nothing to do for.
        closes: Names in quarantine whose record becomes obsolete when the same thing is seen.
        shown_by: Views whose descriptions also apply to its columns; the first one with a column describes it.
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
    told_in: str = ""
    closes: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()
    counted_as: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row, beside ``project_id``."""
        return (*self.thing, *self.dated)

    @property
    def begins(self) -> str | None:
        """Column in which the validity of a row begins, if rows are versions or periods of time."""
        return self.dated[0] if self.kind in {"versions", "sightings"} else None

    @property
    def ends(self) -> str | None:
        """Column in which it ends; None if the next row of the same thing ends it."""
        return "absent_since" if self.kind == "sightings" else None

    @property
    def paged(self) -> bool:
        """Whether a row names the page that brought it, in ``ledger.pages``."""
        return self.kind != "captured"


def versions(name: str, thing: str, **more: object) -> Table:
    """A table of versions of one thing."""
    return Table(name, "versions", (thing,), ("valid_from",), **{"compared": ("content_hash",), **more})  # type: ignore[arg-type]


def sightings(name: str, *thing: str, closes: tuple[str, ...] = (), shown_by: tuple[str, ...] = ()) -> Table:
    """A table of the periods of time in which a thing was listed.

    ``thing`` is what identifies it: the last column is its key in the list, and those before it say whose list it is,
    such as ``"viewer", "task_id"``. Such a table has no other attributes; what changes about a thing is in versions.
    """
    return Table(name, "sightings", thing, ("first_seen_at",), closes=closes, shown_by=shown_by)


@dataclass(frozen=True, slots=True)
class Resource:
    """What is read from one or more endpoints in one pass.

    Attributes:
        name: Its name in commands, settings, the ledger and Dagster.
        about: What it contains and when a pass over it is complete, in Markdown.
        tables: Where its rows are; the first one is the resource's own.
        after: Resources that must be read before.
        optional: Whether it is off unless the setting of its name is on.
        alone: Whether only its own passes write to its tables, so that ``taskhouse verify`` expects as many rows of a
            complete pass as it counted. Runs are not alone, because a pass over tasks stores some of them too.
        requests: How many requests each of its passes takes if nothing changed, including the one that asks whose key
            it is; 0 if that depends on what is due, which ``estimate.py`` then has to calculate.
        passes_a_day: How many passes its schedule makes by default, if each takes that number of requests.
        cron: When its schedule runs by default, in cron's five fields.
        cursors: Column that identifies the thing of its cursors, if it has any.
        quarantines: Names under which its unreadable records are stored, besides its own.
        listed: Whether a complete pass reads every record of its lists, so that a later proof closes records in
            quarantine that cannot be identified.
        preview: Columns of its own table to show after a pass.
        newest: Column of that table that shows which rows are newest.
        every_s: How old the last complete pass may become before a warning, in seconds.
        live: Whether rows are captured as they happen, so that their delay is measured.
        sees_runs: Whether a pass sees runs start and end.
        trend: A query whose days are shown as a chart.
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
    preview: tuple[str, ...] = ()
    newest: str = ""
    every_s: float = 3600.0
    live: bool = False
    sees_runs: bool = False
    trend: str = ""
