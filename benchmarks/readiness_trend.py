"""How long the readiness views take over a year of three windows of a thousand repositories: a million snapshots.

    python benchmarks/readiness_trend.py [--repositories 1000] [--days 365] [--repeat 7]

The snapshots are made inside DuckDB: states that stand for 40 to 190 days, two days in a hundred without an answer, two
with an answer that is no information, and a repository in fifty that is reclassified.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from taskhouse.warehouse import migrate, views

SNAPSHOTS = """
INSERT INTO raw.readiness_snapshots BY NAME
WITH pair AS (
    SELECT
        repository,
        window_days,
        day,
        CAST(hash(repository, window_days) % 150 AS INTEGER) AS slowness,
        hash(repository, window_days, day) % 100 AS dice
    FROM
        range($repositories) AS repositories (repository),
        (VALUES (7), (14), (30)) AS windows (window_days),
        range($days) AS days (day)
),

made AS (
    SELECT
        *,
        CAST((day + slowness) // (40 + slowness) % 4 AS INTEGER) + 1 AS phase,
        make_timestamptz(1735711200000000 + day * 86400000000 + (repository * 3 + window_days) * 1000000) AS moment
    FROM
        pair
)

SELECT
    1 AS project_id,
    'acme/repository-' || repository AS repository,
    window_days,
    moment AS generated_at,
    moment + INTERVAL 1 SECOND AS observed_at,
    CASE WHEN dice < 2 THEN 'needs_setup' ELSE ['needs_setup', 'detected', 'partial', 'ready'][phase] END AS overall,
    CASE
        WHEN repository % 50 = 7 AND day > 200 THEN 'backend_service'
        ELSE ['frontend_js', 'backend_service', 'unknown'][CAST(repository % 3 AS INTEGER) + 1]
    END AS classification,
    false AS excluded,
    ['needs_setup', 'detected', 'waiting_for_data', 'ready'][phase] AS core_suggestions_state,
    CASE WHEN repository % 3 = 0 THEN ['needs_setup', 'detected', 'ready', 'ready'][phase] ELSE 'not_applicable' END
        AS replay_insights_state,
    ['needs_setup', 'detected', 'waiting_for_data', 'ready'][phase] AS error_insights_state,
    dice % 9 AS evidence_task_count,
    CASE WHEN dice < 2 THEN 'empty_scan' ELSE 'scan' END AS evidence,
    20 AS files_scanned,
    80 AS detected_files_count,
    12 AS event_name_count,
    'pass-' || day AS pass_id,
    repository AS page
FROM
    made
WHERE
    dice < 98
ORDER BY
    day,
    repository,
    window_days
"""

CHART = "SELECT project_id, repository, window_days, day, overall, readiness_score, is_break, days_in_state"

QUESTIONS = {
    "trend of the project, every row and column": (
        "SELECT count(*), max(hash(COLUMNS(*))) FROM main.readiness_trend WHERE project_id = 1"
    ),
    "trend of the project, what a chart needs": (
        f"SELECT count(*), max(hash(COLUMNS(*))) FROM ({CHART} FROM main.readiness_trend WHERE project_id = 1)"  # noqa: S608 - our own text
    ),
    "trend of the project, into a table": (
        f"CREATE OR REPLACE TEMP TABLE held AS {CHART} FROM main.readiness_trend WHERE project_id = 1"
    ),
    "trend of one repository": (
        "SELECT * FROM main.readiness_trend WHERE project_id = 1 AND repository = 'acme/repository-77'"
    ),
    "roll-up of the project": "SELECT * FROM main.readiness_daily WHERE project_id = 1",
    "readiness as of a day": "SELECT count(*) FROM main.readiness_as_of(DATE '2025-07-01') WHERE project_id = 1",
}


def main() -> None:
    """Make the file, ask, print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--repeat", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "bench.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate.upgrade(connection)
        views.make(connection)
        connection.execute(SNAPSHOTS, {"repositories": given.repositories, "days": given.days})
        connection.execute("CHECKPOINT")
        (count,) = connection.execute("SELECT count(*) FROM raw.readiness_snapshots").fetchone() or (0,)
        print(f"DuckDB {duckdb.__version__}: {count:,} snapshots, median of {given.repeat}")
        for question, text in QUESTIONS.items():
            times = []
            for _ in range(given.repeat):
                began = time.perf_counter()
                connection.execute(text).fetchall()
                times.append((time.perf_counter() - began) * 1000)
            print(f"{question:44} {statistics.median(times):7.0f} ms (best {min(times):.0f})")


if __name__ == "__main__":
    main()
