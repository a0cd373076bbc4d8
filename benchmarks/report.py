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
from taskhouse.warehouse.connection import Warehouse
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


def main(repositories: int = 0, days: int = 365) -> None:
    """Make each history, publish it, and time each report; by default of 40, 320 and 1,000 repositories."""
    for number in [repositories] if repositories else [40, 320, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            _measured(Path(folder), number, days)


def _measured(home: Path, repositories: int, days: int) -> None:
    warehouse = Warehouse(home / "warehouse.duckdb", host="http://localhost:1")
    with warehouse.transaction("benchmark") as connection:
        connection.execute(SNAPSHOTS, {"repositories": repositories, "days": days})
    published = publish(warehouse, home / "published", force=True)
    assert published is not None
    with taskhouse.open(home) as house:
        rows = house.records("SELECT count(*) AS n FROM readiness")[0]["n"]
        print(f"\n{repositories:,} repositories, 3 windows, {days} days, {rows:,} snapshots")
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
