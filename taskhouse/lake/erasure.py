"""Runs and tasks that were erased from the lake: nothing publishes them again.

Their ids stay in the catalogue. What a shard publishes, and what `verify` compares with the lake, leaves them out, even
if the warehouse of the shard still has them.
"""

from collections.abc import Iterable

import duckdb

from taskhouse.lake.catalogue import Catalogue
from taskhouse.lake.tables import DERIVED, Shared
from taskhouse.warehouse import sql

ABOUT: dict[str, tuple[str, ...]] = {
    **{f"raw.{name}": ("task_id",) for name in ("task_versions", "task_sightings", "task_usage", "pinned_sightings")},
    **{f"raw.{name}": ("run_id", "task_id") for name in ("run_versions", "run_events", "run_log_entries")},
    **dict.fromkeys(("ledger.gaps", *DERIVED), ("run_id",)),
    "ledger.cursors": ("key",),
    "mart.runs": ("run_id", "task_id"),
}
"""By table, the columns that say which run or task a row is about."""

MENTIONS = {"raw.task_versions": "latest_run_id", "raw.run_versions": "resume_from_run_id"}
"""By table, the column that names another run."""

SPECIAL = {"ledger.quarantine": "lake_erasure/quarantine", "ledger.passes": "lake_erasure/passes"}
"""By table, the query of what is left where a text of a row may name a run or a task."""


def remember(catalogue: Catalogue, ids: Iterable[str]) -> None:
    """Note that nothing may publish these runs and tasks again."""
    rows = ", ".join(f"({sql.literal(each)})" for each in ids)
    catalogue.run(sql.query("lake_catalogue/erase").format(rows=rows))


def remembered(catalogue: Catalogue) -> list[str]:
    """The ids of all runs and tasks that were erased."""
    if not catalogue.has("taskhouse_erased"):
        return []
    return [each for (each,) in catalogue.ask(sql.query("lake_catalogue/erased_ids"))]


def recall(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> bool:
    """List what was erased, and the runs that the attached copy has of erased tasks, in the table `temp.erased`.

    Returns whether there is any.
    """
    if ids := remembered(catalogue):
        sql.run(connection, "lake_erasure/copied", ids=ids)
    return bool(ids)


def left(table: Shared, rows: str) -> str:
    """What is left of rows of a table without what `temp.erased` lists; both are queries."""
    for column in ABOUT.get(table.name, ()):
        rows = sql.query("lake_erasure/left").format(rows=rows, column=column)
    if table.name in MENTIONS:
        rows = sql.query("lake_erasure/unmentioned").format(rows=rows, column=MENTIONS[table.name])
    if table.name in SPECIAL:
        rows = sql.query(SPECIAL[table.name]).format(rows=rows)
    return rows
