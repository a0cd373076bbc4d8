"""The report's queries: SQL below ``queries/``."""

from typing import Any

from taskhouse.reading import Snapshot
from taskhouse.warehouse import sql


def run_query(snapshot: Snapshot, query: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of ``queries/<question>.sql``, each by column name."""
    return snapshot.records(sql.statement("taskhouse.report", f"queries/{query}"), **parameters)


def once(snapshot: Snapshot, query: str, table: str) -> None:
    """Run a query that makes a temporary table, unless the table is there: to plan the statement takes a while, too."""
    if not snapshot.records("SELECT 1 FROM duckdb_tables() WHERE temporary AND table_name = $table", table=table):
        run_query(snapshot, query)


def forget(snapshot: Snapshot, *tables: str) -> None:
    """Drop tables that queries made for later ones."""
    for table in tables:
        snapshot.records(f"DROP TABLE IF EXISTS temp.{table}")
