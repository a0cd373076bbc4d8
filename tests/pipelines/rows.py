"""Rows that a test puts into a warehouse by itself, and an engine that brings none."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from taskhouse.pipelines import home
from taskhouse.pipelines.reports import report
from taskhouse.settings import Settings

NOW = datetime.now(UTC)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The configuration of a run that prints nothing."""

EMPTY = {"VARCHAR": "", "BOOLEAN": False, "TIMESTAMP WITH TIME ZONE": NOW}


def put(connection: Any, table: str, **values: Any) -> None:
    """Insert a row; what may not be NULL and is not given is empty."""
    needed = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name || '.' || table_name = ? AND NOT is_nullable",
        [table],
    ).fetchall()
    row = {**{name: EMPTY.get(kind, 0) for name, kind in needed}, "project_id": 1, **values}
    if table == "ledger.segments":
        del row["project_id"]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )


@contextlib.contextmanager
def dagster(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of a home, after the sensor for syncs has ticked."""
    with dg.DagsterInstance.from_config(str(home.prepare(settings))) as instance:
        report(instance, settings)
        yield instance


class Still:
    """An engine that asks no server."""

    tries_again = 0
    copies_now = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def settings(self) -> Settings:
        return self._settings

    def reworded(self, text: str) -> str:
        return text

    def sync(self, project_id: int, resource: str) -> Any:
        raise AssertionError(f"{resource} of {project_id} was asked for")
