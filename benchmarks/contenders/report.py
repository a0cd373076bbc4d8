"""Reports over three windows: how long each takes, and how large it is."""

import functools
from datetime import date, timedelta
from pathlib import Path

import taskhouse
from benchmarks.contenders import measure
from taskhouse.reading import Snapshot
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


def main() -> None:
    """Make the history and publish it; or measure each report."""
    asked = measure.asked()
    size = measure.size(asked)
    if asked.mode == "prepare":
        warehouse = made(asked.home, size["repositories"], size["days"])
        derive(warehouse, within_s=600, everything=True)
        publish(warehouse, asked.home / "published", force=True)
        return
    reports = {
        "html, the last week": Options(),
        "html, every repository with a strip": Options(rows=size["repositories"]),
        "html, everything moved": _moved(size["days"]),
        "html, all days": _all(size["days"]),
        "md, the last week": Options(format="md"),
        "html, one owner": Options(repository="owner-7/*"),
        "csv, the last week": Options(format="csv"),
    }
    with taskhouse.open(asked.home) as house:
        rows: list[dict[str, object]] = []

        def work() -> None:
            for name, options in reports.items():
                pages: list[str] = []
                figures = measure.measured(functools.partial(_rendered, house, options, pages))
                rows.append({"report": name, **figures, "kB": len(pages[0].encode()) / 1000})

        figures = measure.measured(work)
        count = house.records("SELECT count(*) AS n FROM readiness")[0]["n"]
    measure.tell(**figures, rows=count, tables={"each report": rows})


def _rendered(house: Snapshot, options: Options, pages: list[str]) -> None:
    pages.append(render(house, options))


def made(home: Path, repositories: int, days: int) -> Warehouse:
    """The history of the repositories over the days."""
    warehouse = Warehouse(home / "warehouse.duckdb", host="http://localhost:1")
    with warehouse.transaction("benchmark") as connection:
        for text in (SNAPSHOTS, *RUNS.split(";")):
            named = {"repositories": repositories, "days": days} if "$days" in text else {}
            connection.execute(text, named)
        connection.execute(sql.engine("warehouse/schema/mart_runs_known"))
    return warehouse


def _moved(days: int) -> Options:
    """The last week, compared with a day so long ago that most repositories have moved."""
    then = date(2026, 11, 24) - timedelta(days=days // 2)
    return Options(compare=f"{then}..{then}")


def _all(days: int) -> Options:
    until = date(2026, 11, 24)
    return Options(since=until - timedelta(days=days - 1), until=until, compare="none")


if __name__ == "__main__":
    main()
