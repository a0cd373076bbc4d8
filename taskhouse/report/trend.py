"""The trend of readiness, read once into a temporary table from which most queries of a report read."""

from datetime import date
from typing import Any

from taskhouse import marts
from taskhouse.reading import Snapshot
from taskhouse.report.options import Scope
from taskhouse.report.query import forget, run_query

TABLES = ("report_readiness", "report_recent")


def read(snapshot: Snapshot, scope: Scope) -> None:
    """Read it; until :func:`done`, queries find it in ``report_readiness`` and ``report_trend``."""
    run_query(snapshot, "trend", **scope.parameters)
    run_query(snapshot, "trend_wanted")


def changes(snapshot: Snapshot, scope: Scope, window: int, base: date, until: date) -> list[dict[str, Any]]:
    """Rows of ``readiness_changes`` over one window, after one day and up to another.

    The statement of the view runs over the few days that decide them: over all days it takes as long as the trend.
    """
    run_query(snapshot, "changes_recent", window=window, base=base)
    view = marts.text("readiness_changes").replace("main.readiness_trend", "report_recent")
    snapshot.records(f"CREATE OR REPLACE TEMP VIEW report_changes AS\n{view}")
    return run_query(snapshot, "changes", base=base, until=until, **scope.parameters)


def done(snapshot: Snapshot) -> None:
    """Let go of it."""
    snapshot.records("DROP VIEW IF EXISTS temp.report_changes")
    snapshot.records("DROP VIEW IF EXISTS temp.report_trend")
    forget(snapshot, *TABLES)
