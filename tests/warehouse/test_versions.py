"""``newest`` is the one way to the newest versions of things."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskhouse.warehouse.connection import Warehouse

BEGUN = datetime(2026, 9, 1, tzinfo=UTC)
VERSIONS = [(1, "once", 0, "queued"), (1, "twice", 0, "queued"), (1, "twice", 5, None), (2, "twice", 9, "failed")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "FROM newest('raw.run_versions', run_id)",
            [(1, "once", "queued", None), (1, "twice", None, 5), (2, "twice", "failed", None)],
        ),
        ("FROM newest('raw.run_versions', run_id) WHERE project_id = 2", [(2, "twice", "failed", None)]),
        (
            "WITH known AS (FROM raw.run_versions WHERE status IS NOT NULL) FROM newest('known', run_id)",
            [(1, "once", "queued", None), (1, "twice", "queued", None), (2, "twice", "failed", None)],
        ),
    ],
)
def test_the_newest_version_of_each_run_is_whole_and_says_when_a_change_was_seen(
    warehouse: Warehouse, text: str, found: list[Any]
) -> None:
    with warehouse.transaction("versions of runs") as connection:
        connection.executemany(
            "INSERT INTO raw.run_versions BY NAME SELECT ? AS project_id, ? AS run_id, ? AS valid_from, ? AS status,"
            " 't' AS task_id, 'runs' AS observed_in, '' AS content_hash, 'p' AS pass_id, 1 AS page",
            [(project, run, BEGUN + timedelta(minutes=minute), status) for project, run, minute, status in VERSIONS],
        )
    with warehouse.reading("the newest versions") as connection:
        minute = f"date_diff('minute', TIMESTAMPTZ '{BEGUN}', changed_here_at)"
        rows = connection.execute(f"SELECT project_id, run_id, status, {minute} FROM ({text}) ORDER BY ALL").fetchall()
    assert rows == found
