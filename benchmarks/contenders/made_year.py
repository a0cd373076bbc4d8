"""A year of a busy project, made inside DuckDB: events, logs, runs, pull requests, usage and readiness.

It ended two weeks ago, so all that follows from it lies in the past.
"""

from datetime import UTC, datetime, timedelta

import duckdb

from taskhouse.warehouse import ledger, migrate, sql

WORDS = """
CREATE TEMP MACRO word(n) AS
    substr(md5(CAST((hash(n) % 30000) * (hash(n) % 30000) // 30000 AS VARCHAR)), 1, 3 + CAST(hash(n) % 5 AS BIGINT));
CREATE TEMP MACRO words(n, k) AS
    list_aggregate(list_transform(range(k), lambda i: word(n * 97 + i)), 'string_agg', ' ')
"""
"""Texts of words of 3 to 7 letters, of which some are frequent."""

CLOCK = """
CREATE TEMP MACRO year_ms() AS {};
CREATE TEMP MACRO year_start() AS make_timestamptz(year_ms() * 1000)
"""
"""When the year begins, in milliseconds, and as a time."""

SINCE = timedelta(days=380)
"""How long ago the year begins."""

EVENTS = """
CREATE OR REPLACE TEMP TABLE made AS
SELECT
    run,
    number,
    regexp_replace(md5('run' || run), '(.{8})(.{4}).(.{3}).(.{3})(.{12})', '\\1-\\2-4\\3-8\\4-\\5') AS run_id,
    year_ms() + run * (31536000000 // $runs) + number * 40 AS ms,
    CASE
        WHEN number % 25 = 24 THEN 'tool_call'
        WHEN number % 25 = 0 THEN 'tool_call_update'
        WHEN number % 100 = 51 THEN 'usage_update'
        ELSE 'agent_message_chunk'
    END AS session_update,
    CASE WHEN number % 25 IN (24, 0) THEN 'toolu_' || ((number + 1) // 25) END AS tool_call_id
FROM
    range($first, $last + 1) AS runs (run),
    range(1, $events + 1) AS numbers (number)
"""

PAYLOAD = """
'{"type": "notification", "timestamp": "' || strftime(make_timestamp(ms * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')
|| '", "notification": {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s' || run
|| '", "update": {"sessionUpdate": "' || session_update || '", '
|| CASE session_update
    WHEN 'agent_message_chunk' THEN '"content": {"type": "text", "text": "' || words(ms, 3) || ' "}'
    WHEN 'tool_call' THEN '"toolCallId": "' || tool_call_id
        || '", "title": "pnpm test", "kind": "execute", "status": "pending"'
        || ', "_meta": {"claudeCode": {"toolName": "Bash"}}'
    WHEN 'tool_call_update' THEN '"toolCallId": "' || tool_call_id
        || '", "status": "completed", "rawOutput": {"stdout": "' || words(ms, 60) || '", "isError": false}'
    ELSE '"used": ' || number || ', "size": 200000'
END
|| '}}}, "event_id": "1-' || number || '"}'
"""

LIVE = """
INSERT INTO raw.run_events BY NAME
SELECT
    1 AS project_id, run_id AS task_id, run_id, 0 AS incarnation, 'django' AS source, ms || '-0' AS stream_id,
    ms AS stream_ms, 0 AS stream_seq, '1-' || number AS event_id, 'notification' AS kind, 'session/update' AS method,
    session_update, tool_call_id, make_timestamptz(ms * 1000) AS occurred_at,
    make_timestamptz(ms * 1000 + 900000) AS received_at, {payload} AS payload, true AS json_ok, false AS redacted,
    'segment' AS segment
FROM
    made
ORDER BY
    run // $live, number, run
"""
"""Stores the events of ``made``, whose ``payload`` is given as SQL; ``$live`` runs emit at the same time."""

LIVES = """
CREATE OR REPLACE TEMP TABLE life AS
SELECT
    run_id, min(occurred_at) AS began_at, max(occurred_at) AS ended_at, CAST(hash(run_id) % 1000000 AS BIGINT) AS h,
    'acme/repo-' || lpad(CAST(floor(pow((hash(run_id || 'r') % 1000) / 1000, 2) * $repositories) AS VARCHAR), 3, '0')
        AS repository,
    CASE WHEN h % 20 = 0 THEN 'in_progress' WHEN h % 20 < 4 THEN 'failed' ELSE 'completed' END AS status
FROM
    raw.run_events
WHERE
    segment = 'segment'
GROUP BY
    run_id
"""
RUNS = """
INSERT INTO raw.run_versions BY NAME
WITH life AS (
    SELECT *, [began_at, ended_at, ended_at + INTERVAL 2 DAY] AS moments FROM life
),
version AS (
    SELECT *, unnest(range(3)) AS number FROM life
)
SELECT
    1 AS project_id, run_id AS task_id, run_id, moments[number + 1] AS valid_from, 'runs' AS observed_in,
    CASE WHEN number = 0 THEN 'in_progress' ELSE status END AS status, 'cloud' AS environment,
    'claude' AS runtime_adapter, 'anthropic' AS provider,
    ['claude-sonnet-5', 'claude-opus-5', 'gpt-6'][h % 3 + 1] AS model,
    CASE WHEN number > 0 AND h % 3 = 1 AND status = 'completed'
        THEN 'https://github.com/' || repository || '/pull/' || h % 100000 END AS pr_url,
    CASE WHEN pr_url IS NOT NULL THEN CASE WHEN number = 2 AND h % 2 = 0 THEN 'merged' ELSE 'open' END END AS pr_state,
    CASE WHEN number > 0 AND status = 'failed' THEN 'Error ' || h % 40 || ': the sandbox ended at ' || h % 1000 END
        AS error_message,
    began_at AS created_at, CASE WHEN number = 0 THEN began_at ELSE ended_at END AS updated_at,
    CASE WHEN number > 0 AND status <> 'in_progress' THEN ended_at END AS completed_at,
    run_id || number AS content_hash,
    CASE WHEN pr_url IS NULL THEN '{}' ELSE '{"output":{"pr_url":"' || pr_url || '","pr_state":"' || pr_state
        || '","pr_merged":' || (pr_state = 'merged') || '}}' END AS payload,
    'pass' AS pass_id, 1 AS page
FROM
    version
WHERE
    number < 2
    OR pr_url IS NOT NULL
"""
"""Each run is seen when it begins, when it ends and, where it names a pull request, two days later."""

TASKS = """
INSERT INTO raw.task_versions BY NAME
SELECT
    1 AS project_id, run_id AS task_id, began_at AS valid_from, 'list' AS observed_in, 'a title' AS title, repository,
    ['user_created', 'slack', 'automation'][h % 3 + 1] AS origin_product, 'person ' || h % 50 AS created_by,
    began_at AS created_at, ended_at AS updated_at, run_id AS content_hash, '{}' AS payload, 'pass' AS pass_id,
    1 AS page
FROM
    life
"""
SIGHTINGS = """
INSERT INTO raw.task_sightings BY NAME
SELECT
    1 AS project_id, run_id AS task_id, began_at AS first_seen_at, began_at AS last_seen_at, 'pass' AS pass_id,
    1 AS page, 'pass' AS last_pass_id
FROM
    life
"""
USAGE = """
INSERT INTO raw.task_usage BY NAME
SELECT
    1 AS project_id, run_id AS task_id, ended_at AS valid_from, 'task_usage' AS observed_in,
    (h % 1000) / 500 AS token_cost_usd, 0.1 AS compute_cost_usd, token_cost_usd + 0.1 AS total_cost_usd,
    run_id AS content_hash, '{}' AS payload, 'pass' AS pass_id, 1 AS page
FROM
    life
"""
PRESENCE = """
INSERT INTO raw.repository_sightings BY NAME
SELECT
    1 AS project_id, 'acme/repo-' || lpad(CAST(number AS VARCHAR), 3, '0') AS repository,
    year_start() AS first_seen_at, year_start() + INTERVAL 365 DAY AS last_seen_at,
    'pass' AS pass_id, 1 AS page, 'pass' AS last_pass_id
FROM
    range($repositories) AS repositories (number)
"""
READINESS = """
INSERT INTO raw.readiness_snapshots BY NAME
WITH answer AS (
    SELECT
        *, year_start() + to_days(CAST(day AS INTEGER)) AS moment,
        'acme/repo-' || lpad(CAST(number AS VARCHAR), 3, '0') AS name,
        [
            CASE WHEN hash(number, day // 9, width) % 7 < 4 THEN 'ready' ELSE 'needs_setup' END,
            CASE WHEN hash(number, day // 20) % 7 < 5 THEN 'ready' ELSE 'waiting_for_data' END,
            CASE WHEN hash(day // 40) % 7 < 6 THEN 'ready' ELSE 'detected' END
        ] AS state
    FROM
        range($repositories) AS repositories (number), range(365) AS days (day), unnest([7, 14, 30]) AS windows (width)
)
SELECT
    1 AS project_id, name AS repository, width AS window_days, moment AS generated_at, moment AS observed_at,
    CASE WHEN state = ['ready', 'ready', 'ready'] THEN 'ready' WHEN list_contains(state, 'ready') THEN 'partial'
        ELSE 'needs_setup' END AS overall,
    'frontend_js' AS classification, false AS excluded, state[1] AS core_suggestions_state,
    state[2] AS replay_insights_state, state[3] AS error_insights_state, 3 AS evidence_task_count,
    CASE WHEN hash(number, day) % 50 = 0 THEN 'empty_scan' ELSE 'scan' END AS evidence, 20 AS files_scanned,
    30 AS detected_files_count, 8 AS event_name_count,
    '{"classification":"frontend_js","coreSuggestions":{"estimated":true,"evidence":{"matchedEventCount":' || day
    || '},"reason":"Events were found, or not.","state":"' || state[1]
    || '"},"errorInsights":{"estimated":true,"evidence":{"recentErrorIssueCount":' || day % 7
    || '},"reason":"Error tracking issues were created recently.","state":"' || state[3]
    || '"},"evidenceTaskCount":3,"excluded":false,"generatedAt":"' || moment || '","overall":"' || overall
    || '","replayInsights":{"estimated":true,"evidence":{"replayTaskCount":' || day % 5
    || '},"reason":"Session recording is enabled.","state":"' || state[2] || '"},"repository":"' || name
    || '","scan":{"detectedFilesCount":30,"eventNameCount":8,"filesScanned":20},"windowDays":' || width || '}'
        AS payload,
    'pass' AS pass_id, 1 AS page
FROM
    answer
ORDER BY
    moment, repository, window_days
"""
"""An answer about each repository over three windows on each day of the year."""

LOG = f"""
INSERT INTO raw.run_log_entries BY NAME
WITH in_blocks AS (
    SELECT
        *,
        count(*) FILTER (WHERE session_update <> 'agent_message_chunk') OVER (PARTITION BY run ORDER BY number) AS block
    FROM
        made
),
whole AS (
    SELECT
        run, run_id, min(ms) AS ms, max(number) AS number, min(number) AS first_number,
        'agent_message' AS session_update, NULL AS tool_call_id,
        '{{"type":"notification","notification":{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"s'
        || run || '","update":{{"sessionUpdate":"agent_message","content":{{"type":"text","text":"'
        || string_agg(words(ms, 3) || ' ', '' ORDER BY number) || '"}}}}}}}},"first_event_id":"1-'
        || min(number) || '","event_id":"1-' || max(number) || '"}}' AS payload
    FROM
        in_blocks
    WHERE
        session_update = 'agent_message_chunk'
    GROUP BY
        run, run_id, block
    UNION ALL BY NAME
    SELECT run, run_id, ms, number, NULL AS first_number, session_update, tool_call_id, {PAYLOAD} AS payload
    FROM made
    WHERE session_update <> 'agent_message_chunk'
)
SELECT
    1 AS project_id, run_id AS task_id, run_id,
    row_number() OVER (PARTITION BY run ORDER BY number) - 1 AS position,
    '1-' || number AS event_id, '1-' || first_number AS first_event_id, 'notification' AS kind,
    'session/update' AS method, session_update, tool_call_id, make_timestamptz(ms * 1000 + 4000) AS occurred_at,
    make_timestamptz(ms * 1000) AS received_at, payload, true AS json_ok, false AS redacted, 'pass' AS pass_id,
    'segment' AS segment
FROM
    whole
ORDER BY
    run, position
"""  # noqa: S608 - our own text


STEP = 500


def make(connection: duckdb.DuckDBPyConnection, runs: int, events: int, live: int, repositories: int) -> None:
    """Fill an empty warehouse with the runs of a year, ``events`` in each; ``live`` of them overlap at any time."""
    migrate.upgrade(connection)
    add(connection, runs, events, live, repositories)
    (newest,) = connection.execute("SELECT max(occurred_at) FROM raw.run_events").fetchone() or (None,)
    for resource in ("runs", "tasks", "repositories", "readiness"):
        begun = newest + timedelta(hours=2)
        ledger.begin(connection, pass_id="pass", project_id=1, resource=resource, viewer=None, started_at=begun)
    connection.execute("CHECKPOINT")


def add(
    connection: duckdb.DuckDBPyConnection, runs: int, events: int, live: int, repositories: int, *, change: str = ""
) -> None:
    """Add the runs of a year to what is stored; ``change`` is SQL that changes their lives before they are stored."""
    connection.execute(WORDS)
    connection.execute(CLOCK.format(int((datetime.now(UTC) - SINCE).timestamp()) // 86_400 * 86_400_000))
    for first in range(1, runs + 1, STEP):
        last = min(first + STEP - 1, runs)
        connection.execute(EVENTS, {"first": first, "last": last, "events": events, "runs": runs})
        connection.execute(LIVE.format(payload=PAYLOAD), {"live": live})
        connection.execute(LOG)
    connection.execute(LIVES, {"repositories": repositories})
    for text in (*filter(None, [change]), RUNS, TASKS, SIGHTINGS, USAGE, "DROP TABLE made"):
        connection.execute(text)
    for text in (PRESENCE, READINESS):
        connection.execute(text, {"repositories": repositories})
    connection.execute(sql.engine("warehouse/schema/mart_runs_known"))
