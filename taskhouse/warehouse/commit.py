"""What a page brings, committed at once: versions, sightings, the page itself, bad records and cursors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from taskhouse.marts import derivation
from taskhouse.resources.registry import OWNERS, TABLES
from taskhouse.resources.spec import Table
from taskhouse.warehouse import sql
from taskhouse.warehouse.staging import of_table, stage

Row = Mapping[str, Any]
Rows = Sequence[Row]

CLOSES_NOTHING = frozenset({"summaries"})
"""Where a version may come from that says nothing of the record in quarantine: a summary is only half a task."""

CURSOR = ("project_id", "resource", "key")
"""The key of a cursor."""

SEEN = {"project_id": "BIGINT", "seen_at": "TIMESTAMPTZ", "pass_id": "VARCHAR", "page": "INTEGER"}
GOOD = {
    "project_id": "BIGINT",
    "resource": "VARCHAR",
    "key": "VARCHAR",
    "seen_at": "TIMESTAMPTZ",
    "since": "TIMESTAMPTZ",
}
CLOSED = {
    "project_id": "BIGINT",
    "resource": "VARCHAR",
    "reason": "VARCHAR",
    "payload": "VARCHAR",
    "replayed_at": "TIMESTAMPTZ",
    "outcome": "VARCHAR",
}


@dataclass(slots=True)
class WriteBatch:
    """Everything that one commit brings; each list holds rows shaped like the table it goes to.

    Attributes:
        rows: By table of ``raw``, the rows for it.
        seen: By table of sightings, rows of ``project_id, key, seen_at, pass_id, page``, and of what else names the
            thing.
        absent: The same, for what a complete pass proved absent.
        pages: Rows for ``ledger.pages``.
        quarantine: Rows for ``ledger.quarantine``.
        good: Other keys of the quarantine than those of the rows, of which nothing is wrong any more; ``since`` a time
            if a record from before it can still be replayed.
        closed: What leaves the quarantine: its key there, ``replayed_at`` and ``outcome``.
        drift: Rows for ``ledger.drift``.
        cursors: Rows for ``ledger.cursors``, replacing those of the same key; of two of one key, the later one counts.
        completing: What is still to be compared with the warehouse, by what does it (``Pass.complete_in``).
    """

    rows: dict[Table, list[Row]] = field(default_factory=dict)
    seen: dict[Table, list[Row]] = field(default_factory=dict)
    absent: dict[Table, list[Row]] = field(default_factory=dict)
    pages: list[Row] = field(default_factory=list)
    quarantine: list[Row] = field(default_factory=list)
    good: list[Row] = field(default_factory=list)
    closed: list[Row] = field(default_factory=list)
    drift: list[Row] = field(default_factory=list)
    cursors: list[Row] = field(default_factory=list)
    completing: dict[Any, list[tuple[Any, ...]]] = field(default_factory=dict)

    def add(self, table: Table, row: Row) -> None:
        """One more row of a table."""
        self.rows.setdefault(table, []).append(row)

    def see(self, table: Table, sighting: Row) -> None:
        """A thing was seen."""
        self.seen.setdefault(table, []).append(sighting)

    def extend(self, other: "WriteBatch") -> None:
        """All that a later batch brings as well."""
        for name in ("rows", "seen", "absent", "completing"):
            mine = getattr(self, name)
            for key, added in getattr(other, name).items():
                mine.setdefault(key, []).extend(added)
        for name in ("pages", "quarantine", "good", "closed", "drift", "cursors"):
            getattr(self, name).extend(getattr(other, name))


def commit(connection: duckdb.DuckDBPyConnection, batch: WriteBatch) -> dict[str, int]:
    """Write a batch inside the caller's transaction; returns the rows added, by table.

    The batch has no ``rows`` any more afterwards: they give up their memory as soon as DuckDB has them.
    """
    added = Counter({table.name: 0 for table in TABLES if table.paged})
    _close_quarantined(connection, batch)
    for table in TABLES:
        if table.kind == "sightings":
            added[table.name] += _sightings(connection, table, batch.seen.get(table, ()), batch.absent.get(table, ()))
        elif rows := batch.rows.pop(table, None):
            added.update(_keep(connection, table, rows))
    _insert(connection, batch.pages, "ledger.pages", "ledger/pages")
    added["quarantine"] = _insert(connection, batch.quarantine, "ledger.quarantine", "ledger/quarantine")
    added["drift"] = _insert(connection, batch.drift, "ledger.drift", "ledger/drift")
    if batch.cursors:
        newest = {tuple(row[name] for name in CURSOR): row for row in batch.cursors}
        stage(connection, "incoming", list(newest.values()), of_table(connection, "ledger.cursors"))
        _changes(connection, "ledger/cursors_since")
        _changes(connection, "ledger/cursors_delete")
        _changes(connection, "ledger/cursors_insert")
    return dict(added)


def _keep(connection: duckdb.DuckDBPyConnection, table: Table, rows: list[Row]) -> Counter[str]:
    """Keep the rows of a table that are new, with what its spec does before and after."""
    before = table.first if any(row.get(column) for row in rows for column, _ in table.extra) else ()
    after = table.then if table.then and any(row["observed_in"] != table.told_in for row in rows) else ()
    stage(connection, "incoming", rows, {**of_table(connection, f"raw.{table.name}"), **dict(table.extra)})
    rows.clear()
    for step in before:
        _changes(connection, step)
    added = Counter({table.name: _changes(connection, table.keep, **_names(table))})
    if table.name in derivation.PER_RUN:
        sql.run(connection, "derive/mark_versions")
    for step, other in after:
        added[other] += _changes(connection, step)
    return added


def _names(table: Table) -> dict[str, str]:
    """What a statement that serves several tables calls them and their columns."""
    return {
        "table": f"raw.{table.name}",
        "key": ", ".join(table.thing),
        "compared": ", ".join(table.versioned or table.compared),
        "incoming_key": ", ".join(f"incoming.{column}" for column in table.thing),
        "incoming_compared": ", ".join(f"incoming.{column}" for column in table.versioned or table.compared),
        "extra": "".join(f", {column}" for column, _ in table.extra),
    }


def _sightings(connection: duckdb.DuckDBPyConnection, table: Table, seen: Rows, absent: Rows) -> int:
    key = table.thing[-1]
    columns = {**SEEN, **dict.fromkeys(table.thing, "VARCHAR")}
    names = {
        "table": table.name,
        "key": ", ".join(table.thing),
        "same": " AND ".join(f"held.{column} = seen.{column}" for column in ("project_id", *table.thing)),
    }
    added = 0
    if seen:
        stage(connection, "seen", [{**row, key: row["key"]} for row in seen], columns)
        _changes(connection, "versions/sightings_seen", **names)
        added = _changes(connection, "versions/sightings_new", **names)
    if absent:
        stage(connection, "seen", [{**row, key: row["key"]} for row in absent], columns)
        _changes(connection, "versions/sightings_absent", **names)
    return added


def _close_quarantined(connection: duckdb.DuckDBPyConnection, batch: WriteBatch) -> None:
    """Close what waits in quarantine: what was replayed, and what a good record of the same key has made obsolete."""
    if batch.closed:
        stage(connection, "closed", batch.closed, CLOSED)
        _changes(connection, "ledger/replayed")
    if not _changes(connection, "ledger/waiting"):
        return
    good: list[Row] = [
        {
            "project_id": row["project_id"],
            "resource": OWNERS[table.name],
            "key": row[table.thing[0]],
            "seen_at": row["valid_from"],
        }
        for table, rows in batch.rows.items()
        if table.kind == "versions"
        for row in rows
        if row["observed_in"] not in CLOSES_NOTHING
    ]
    good += batch.good
    good += [
        {**row, "resource": resource} for table, rows in batch.seen.items() for resource in table.closes for row in rows
    ]
    if good:
        stage(connection, "good", good, GOOD)
        _changes(connection, "ledger/superseded")


def _insert(connection: duckdb.DuckDBPyConnection, rows: Rows, table: str, path: str) -> int:
    """Stage rows of the ledger as ``incoming`` and run the statement; nothing is staged when there are none."""
    if not rows:
        return 0
    stage(connection, "incoming", rows, of_table(connection, table))
    return _changes(connection, path)


def _changes(connection: duckdb.DuckDBPyConnection, path: str, **names: str) -> int:
    text = sql.query(path)
    rows = connection.execute(text.format(**names) if names else text).fetchall()
    return int(rows[0][0]) if rows else 0
