"""A clock that was ahead leaves moments that are still to come, and nothing can be observed before them.

They are all moved back by the same time, so that the last of them is the present: their order and the time between them
stay, and none is further from the truth than how long ago the clock was put right. Other things may have been observed
since, such as events of a tail that went on; of one thing nothing was, since a late observation is refused.
"""

from datetime import UTC, datetime, timedelta

import duckdb

from taskhouse.errors import ConfigurationError
from taskhouse.resources import spec
from taskhouse.resources.registry import TABLES
from taskhouse.warehouse import derive, sql

MOMENTS = {
    **{f"raw.{table.name}": spec.MOMENTS[table.kind] for table in TABLES},
    "ledger.passes": ("started_at", "finished_at", "proven_at"),
    "ledger.pages": ("fetched_at",),
    "ledger.cursors": ("updated_at", "state_since"),
    "ledger.segments": ("loaded_at",),
    "ledger.stream_connections": ("ended_at",),
    "ledger.gaps": ("detected_at",),
    "ledger.drift": ("first_seen_at",),
    "ledger.quarantine": ("first_seen_at", "replayed_at"),
    "ledger.origin": ("created_at",),
}
"""Columns that hold a moment of our own clock, by table; all others are the server's, or computed from these."""


ONE_THING = {
    "ledger.passes": ("started_at", "project_id, resource"),
    **{
        f"raw.{table.name}": (spec.OBSERVED[table.kind], ", ".join(("project_id", *table.thing)))
        for table in TABLES
        if table.kind in spec.OBSERVED
    },
}
"""The moment that orders what was observed of one thing, and what names the thing, by table."""


def set_back(connection: duckdb.DuckDBPyConnection, now: datetime) -> timedelta:
    """Move what is still to come back to the present, inside the caller's transaction; returns by how much.

    Raises:
        ConfigurationError: Nothing is still to come, or the same thing was observed since and would come after it.
    """
    each = " UNION ALL ".join(
        f"SELECT {column} AS moment FROM {table}"  # noqa: S608 - our own names
        for table, columns in MOMENTS.items()
        for column in columns
    )
    bounds = connection.execute(sql.query("clock/bounds").format(moments=each), {"now": now}).fetchall()[0]
    first, last = (moment and moment.astimezone(UTC) for moment in bounds)
    if last is None:
        raise ConfigurationError(
            f"It is {now:%Y-%m-%d %H:%M:%S} here, and nothing was recorded after that.",
            hint="There is nothing to move back.",
        )
    back: timedelta = last - now
    for table, (column, keys) in ONE_THING.items():
        text = sql.query("clock/conflicts").format(table=table, column=column, keys=keys)
        for _, past in connection.execute(text, {"now": now, "back": back}).fetchall():
            raise ConfigurationError(
                f"Records from {first:%Y-%m-%d %H:%M:%S} on cannot be moved back: {table} has an observation of the"
                f" same thing at {past.astimezone(UTC):%Y-%m-%d %H:%M:%S}, which would then be the later one.",
                hint="`taskhouse restore FILE` restores an earlier backup; a sync then fetches what PostHog still has.",
            )
    for table, columns in MOMENTS.items():
        moved = ", ".join(f"{name} = CASE WHEN {name} > $now THEN {name} - $back ELSE {name} END" for name in columns)
        late = " OR ".join(f"{name} > $now" for name in columns)
        connection.execute(f"UPDATE {table} SET {moved} WHERE {late}", {"now": now, "back": back})  # noqa: S608
    derive.forget(connection)
    return back
