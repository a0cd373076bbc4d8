"""A history of a year beside a project: runs that have ended, of tasks that no longer exist.

It has their events, logs and cursors, the passes of that year, and the segments that brought the events.
"""

import duckdb

from benchmarks.contenders import made_year
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings
from taskhouse.warehouse.derive import MANY_LINES, derive
from taskhouse.warehouse.opening import open_warehouse
from taskhouse.warehouse.publish import publish

LIVE, REPOSITORIES = 20, 20
"""Runs that emit at the same time, and repositories."""

ENDED = "UPDATE life SET status = 'completed' WHERE status = 'in_progress'"
ABSENT = """
UPDATE raw.{table} SET absent_since = last_seen_at + INTERVAL 1 HOUR, absent_pass_id = 'pass' WHERE pass_id = 'pass'
"""
CURSORS = """
INSERT INTO ledger.cursors BY NAME
WITH read AS (
    SELECT run_id, 'run_stream' AS resource, arg_max(stream_id, stream_ms) AS position, 'django' AS leg,
        'stream_end' AS state
    FROM raw.run_events
    WHERE segment = 'segment'
    GROUP BY run_id
    UNION ALL BY NAME
    SELECT run_id, 'run_log' AS resource, CAST(max(position) AS VARCHAR) AS position, 'settled' AS state
    FROM raw.run_log_entries
    WHERE segment = 'segment'
    GROUP BY run_id
    UNION ALL BY NAME
    SELECT run_id, 'run_gaps' AS resource, '' AS position, 'judged' AS state
    FROM life
)
SELECT
    1 AS project_id, read.resource, read.run_id AS key, read.position, read.leg, read.state,
    life.ended_at + INTERVAL 3 DAY AS updated_at, life.ended_at + INTERVAL 3 DAY AS state_since, 'made' AS updated_by
FROM read JOIN life ON read.run_id = life.run_id
"""
PASSES = """
INSERT INTO ledger.passes BY NAME
SELECT
    resource || number AS pass_id, 1 AS project_id, resource,
    year_start() + to_seconds(number * (31500000 // $passes)) AS started_at,
    started_at + INTERVAL 2 SECOND AS finished_at, 5 AS requests, 2 AS pages, 100 AS rows_seen, 100 AS rows_distinct,
    'complete' AS verdict, 'as many as the server counts' AS reason, 'listed' AS proof, started_at AS proven_at,
    false AS interrupted, 0 AS resumes, 0 AS retries, 0 AS bytes, 0 AS throttled_s, 0 AS duplicates, 0 AS rows_added,
    0 AS rows_absent, 0 AS ids_requested, 0 AS ids_returned, 0 AS ids_absent, 0 AS quarantined
FROM range($passes) AS passes (number), unnest($resources) AS names (resource)
"""
PAGES = """
INSERT INTO ledger.pages BY NAME
SELECT
    pass_id, project_id, page, 'list' AS request, 100 * page AS row_offset, 100 AS row_count, 200 AS server_count,
    md5(pass_id) AS sha256, started_at AS fetched_at
FROM ledger.passes, range(2) AS pages (page)
WHERE rows_seen = 100 AND verdict = 'complete' AND reason = 'as many as the server counts'
"""
SEGMENTS = """
INSERT INTO ledger.segments BY NAME
SELECT
    'live-made-' || number AS segment, 'live' AS layer, 100000 AS bytes, 200 AS lines, 200 AS inserted, 0 AS duplicates,
    0 AS quarantined, 0 AS control_lines, year_ms() AS first_ms, year_ms() + 1000 AS last_ms,
    year_start() + to_seconds(number * (31500000 // $passes)) AS loaded_at, 200 AS held
FROM range($passes) AS segments (number)
"""


def store(settings: Settings, runs: int, events: int) -> None:
    """Store a history of ``runs`` runs with ``events`` events each, and what follows from it; publish a copy."""
    warehouse = open_warehouse(settings)
    with warehouse.transaction("making a history") as connection:
        _make(connection, runs, events)
    derive(warehouse, within_s=1e6, everything=True, most=MANY_LINES)
    publish(warehouse, settings.published, force=True)


def _make(connection: duckdb.DuckDBPyConnection, runs: int, events: int) -> None:
    made_year.add(connection, runs, events, LIVE, REPOSITORIES, change=ENDED)
    for table in ("task_sightings", "repository_sightings"):
        connection.execute(ABSENT.format(table=table))
    connection.execute(CURSORS)
    passes = {"passes": runs * 10}
    connection.execute(PASSES, {**passes, "resources": [name for name in RESOURCES if not RESOURCES[name].optional]})
    connection.execute(PAGES)
    connection.execute(SEGMENTS, passes)
