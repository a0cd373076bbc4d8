"""How long the report takes, and how large it is, over three windows and 365 days.

Run: python benchmarks/report.py [repositories] [days]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import taskhouse
from taskhouse.report import Options, render
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.derive import derive
from taskhouse.warehouse.publish import publish

SNAPSHOTS = """
INSERT INTO raw.readiness_snapshots BY NAME
WITH walk AS (
    SELECT
        number,
        window_days,
        back,
        TIMESTAMPTZ '2026-11-24 05:00:00+00' - INTERVAL 1 DAY * back AS moment,
        CAST(hash(number, window_days, (back + number) // (10 + number % 40)) % 4 AS INTEGER) AS level
    FROM
        range($repositories) AS repository (number),
        (VALUES (7), (14), (30)) AS windows (window_days),
        range($days) AS days (back)
    WHERE
        hash(number, window_days, back, 'gap') % 50 <> 0
)
SELECT
    1 AS project_id,
    'owner-' || number % 20 || '/repository-' || number AS repository,
    window_days,
    moment AS generated_at,
    moment AS observed_at,
    ['needs_setup', 'detected', 'partial', 'ready'][level + 1] AS overall,
    CASE WHEN number % 10 = 0 AND back < 20 THEN 'backend_service' ELSE 'frontend_js' END AS classification,
    false AS excluded,
    ['needs_setup', 'detected', 'waiting_for_data', 'ready'][level + 1] AS core_suggestions_state,
    ['needs_setup', 'detected', 'ready', 'ready'][level + 1] AS replay_insights_state,
    ['needs_setup', 'needs_setup', 'ready', 'ready'][level + 1] AS error_insights_state,
    0 AS evidence_task_count,
    'scan' AS evidence,
    20 AS files_scanned,
    '{"coreSuggestions":{"state":"ready","reason":"Captured events were seen.","evidence":{"matchedEventCount":'
        || level || '}}}' AS payload,
    'p' AS pass_id,
    1 AS page
FROM
    walk
ORDER BY
    moment,
    number,
    window_days
"""

RUNS = """
CREATE TEMP TABLE run AS
SELECT
    1 AS project_id,
    'task-' || number AS task_id,
    'run-' || number AS run_id,
    'owner-' || place % 20 || '/repository-' || place AS repository,
    ended - to_seconds(60 + CAST(hash(number, 'took') % 3000 AS BIGINT)) AS began,
    ended,
    CAST(hash(number, 'luck') % 100 AS BIGINT) AS luck
FROM (
    SELECT
        number,
        hash(number, 'place') % $repositories AS place,
        TIMESTAMPTZ '2026-11-24 15:00:00+00'
            - to_minutes(CAST(hash(number, 'ended') % ($days * 1440) AS BIGINT)) AS ended
    FROM
        range($repositories * $days // 7) AS runs (number)
);
INSERT INTO raw.run_versions BY NAME
SELECT
    project_id,
    task_id,
    run_id,
    began AS valid_from,
    began AS created_at,
    ended AS updated_at,
    ended AS completed_at,
    CASE WHEN luck < 80 THEN 'completed' WHEN luck < 95 THEN 'failed' ELSE 'cancelled' END AS status,
    'cloud' AS environment,
    ['opus', 'sonnet', 'codex'][luck % 3 + 1] AS model,
    CASE WHEN luck BETWEEN 80 AND 94 THEN 'Step ' || chr(CAST(97 + luck % 26 AS INTEGER)) || ' failed' END
        AS error_message,
    'runs' AS observed_in,
    '{}' AS payload,
    '' AS content_hash,
    'p' AS pass_id,
    1 AS page
FROM
    run;
INSERT INTO raw.task_versions BY NAME
SELECT
    project_id,
    task_id,
    'A task' AS title,
    repository,
    began AS valid_from,
    began AS created_at,
    ended AS updated_at,
    false AS internal,
    false AS archived,
    'list' AS observed_in,
    '{}' AS payload,
    '' AS content_hash,
    'p' AS pass_id,
    1 AS page
FROM
    run;
INSERT INTO raw.task_sightings BY NAME
SELECT
    project_id,
    task_id,
    began AS first_seen_at,
    ended AS last_seen_at,
    'p' AS pass_id,
    1 AS page,
    'p' AS last_pass_id
FROM
    run
"""
"""A run a week of each repository."""


def main(repositories: int = 0, days: int = 365) -> None:
    """Make each history, publish it, and time each report; by default of 40, 320 and 1,000 repositories."""
    for number in [repositories] if repositories else [40, 320, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            _measured(Path(folder), number, days)


def _measured(home: Path, repositories: int, days: int) -> None:
    warehouse = Warehouse(home / "warehouse.duckdb", host="http://localhost:1")
    with warehouse.transaction("benchmark") as connection:
        for text in (SNAPSHOTS, *RUNS.split(";")):
            named = {"repositories": repositories, "days": days} if "$days" in text else {}
            connection.execute(text, named)
        connection.execute(sql.engine("warehouse/schema/mart_runs_known"))
    derive(warehouse, within_s=600, everything=True)
    published = publish(warehouse, home / "published", force=True)
    assert published is not None
    with taskhouse.open(home) as house:
        rows = house.records("SELECT count(*) AS n FROM readiness")[0]["n"]
        runs = house.records("SELECT count(*) AS n FROM runs")[0]["n"]
        print(f"\n{repositories:,} repositories, 3 windows, {days} days, {rows:,} snapshots, {runs:,} runs")
        _timed("html, the last week", lambda: render(house))
        _timed("html, every repository with a strip", lambda: render(house, Options(rows=repositories)))
        _timed("html, everything moved", lambda: render(house, _moved(days)))
        _timed("html, 365 days", lambda: render(house, _year(days)))
        _timed("md, the last week", lambda: render(house, Options(format="md")))
        _timed("html, one owner", lambda: render(house, Options(repository="owner-7/*")))
        _timed("csv, the last week", lambda: render(house, Options(format="csv")))


def _moved(days: int) -> Options:
    """The last week, compared with a day so long ago that most repositories have moved."""
    then = date(2026, 11, 24) - timedelta(days=days // 2)
    return Options(compare=f"{then}..{then}")


def _year(days: int) -> Options:
    until = date(2026, 11, 24)
    return Options(since=until - timedelta(days=days - 1), until=until, compare="none")


def _timed(name: str, work: Callable[[], str]) -> None:
    best, busy, size = 1e9, 1e9, 0
    for _ in range(3):
        began, spent = time.perf_counter(), time.process_time()
        size = len(work().encode())
        best, busy = min(best, time.perf_counter() - began), min(busy, time.process_time() - spent)
    print(f"{name:<40} {best:6.2f} s {busy:6.2f} s of processor time {size / 1000:9,.1f} KB")


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
