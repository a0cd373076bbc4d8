"""Time is asked of one clock: no statement reads the wall clock, and the settings hand theirs down."""

import re
from datetime import UTC, datetime
from pathlib import Path

from taskhouse.clock import REAL, StoppedClock
from taskhouse.posthog.client import PostHog
from taskhouse.settings import Settings
from taskhouse.warehouse.clock import MOMENTS
from taskhouse.warehouse.opening import open_warehouse

ROOT = Path(__file__).parents[2]
MOMENT = datetime(2031, 3, 3, 6, tzinfo=UTC)

PRESENT = re.compile(
    r"\b(now|today|get_current_\w+|transaction_timestamp) *\(|\bcurrent_(date|time|timestamp|local\w+)\b",
    re.IGNORECASE,
)

SERVERS = {
    ("raw.task_versions", "created_at"),
    ("raw.task_versions", "updated_at"),
    ("raw.run_versions", "created_at"),
    ("raw.run_versions", "updated_at"),
    ("raw.run_versions", "completed_at"),
    ("raw.run_versions", "scheduled_at"),
    ("raw.readiness_snapshots", "generated_at"),
    ("raw.run_events", "occurred_at"),
    ("raw.run_log_entries", "occurred_at"),
    ("ledger.stream_connections", "connected_at"),
    ("ledger.stream_connections", "heard_at"),
}
"""Columns that hold a moment of the server's clock."""

MADE = {("ledger.migrations", "applied_at"), ("ledger.views", "built_at")}
"""Columns that nothing is compared with."""

MIGRATIONS = {"warehouse/schema/logs_unproved.sql", "warehouse/schema/pull_requests_unproved.sql"}
"""Released migrations, which look at a file of an older version once, and are never edited."""


def test_no_statement_reads_the_wall_clock() -> None:
    found = set()
    for folder in ("taskhouse", "assets", "pipelines"):
        for path in (ROOT / folder).rglob("*.sql"):
            code = re.sub(r"--.*|'[^']*'", "", path.read_text(encoding="utf-8"))
            if PRESENT.search(code):
                found.add("/".join(path.parts[-3:]))
    assert found == MIGRATIONS


def test_the_settings_hand_their_clock_down(tmp_path: Path) -> None:
    real = Settings(host="http://127.0.0.1:1", api_key="phx_x", home=tmp_path, _env_file=None)
    settings = real.with_clock(StoppedClock(MOMENT)).model_copy(update={"lock_wait_s": 1.0})
    assert (real.clock, settings.clock.now(), REAL.now().tzinfo) == (REAL, MOMENT, UTC)
    assert open_warehouse(settings).clock is PostHog(settings).clock is settings.clock
    with open_warehouse(settings).transaction("a test") as connection:
        moments = connection.execute(
            "SELECT created_at FROM ledger.origin UNION SELECT applied_at FROM ledger.migrations"
            " UNION SELECT built_at FROM ledger.views"
        ).fetchall()
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() JOIN duckdb_tables()"
            " USING (database_name, schema_name, table_name)"
            " WHERE schema_name NOT IN ('main', 'mart') AND data_type = 'TIMESTAMP WITH TIME ZONE' AND NOT temporary"
        ).fetchall()
    ours = {(table, column) for table, names in MOMENTS.items() for column in names}
    assert set(columns) - ours == {*SERVERS, *MADE}, "what `taskhouse restore --clock` moves"
    assert [moment.astimezone(UTC) for (moment,) in moments] == [MOMENT]
