"""How long the views of runs take, for one run and for all, over a million events.

    python benchmarks/run_views.py [--runs 200] [--events 5000] [--live 20] [--repeat 5] [--all]

The events are made inside DuckDB: four in five are chunks of a message, the log holds the messages whole, every 25th
event belongs to a tool call. So many runs are live at a time; one in twenty never ended.
"""

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from taskhouse.warehouse import ledger, migrate, views

EVENTS = """
CREATE TABLE made AS
SELECT
    run,
    number,
    '00000000-0000-4000-8000-' || lpad(run::VARCHAR, 12, '0') AS run_id,
    1790000000000 + run * 10000000 + number * 40 AS ms,
    CASE
        WHEN number % 25 = 24 THEN 'tool_call'
        WHEN number % 25 = 0 THEN 'tool_call_update'
        WHEN number % 100 = 51 THEN 'usage_update'
        ELSE 'agent_message_chunk'
    END AS session_update,
    CASE WHEN number % 25 IN (24, 0) THEN 'toolu_' || ((number + 1) // 25) END AS tool_call_id
FROM
    range(1, $runs + 1) AS runs (run),
    range(1, $events + 1) AS numbers (number)
"""

PAYLOAD = """
'{"type": "notification", "timestamp": "' || strftime(make_timestamp(ms * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')
|| '", "notification": {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s' || run
|| '", "update": {"sessionUpdate": "' || session_update || '", '
|| CASE session_update
    WHEN 'agent_message_chunk' THEN '"content": {"type": "text", "text": "word ' || number || ' and some more "}'
    WHEN 'tool_call' THEN '"toolCallId": "' || tool_call_id
        || '", "title": "pnpm test", "kind": "execute", "status": "pending"'
        || ', "_meta": {"claudeCode": {"toolName": "Bash"}}'
    WHEN 'tool_call_update' THEN '"toolCallId": "' || tool_call_id
        || '", "status": "completed", "rawOutput": {"stdout": "' || repeat('output ', 60) || '", "isError": false}'
    ELSE '"used": ' || number || ', "size": 200000'
END
|| '}}}, "event_id": "1-' || number || '"}'
"""

LIVE = f"""
INSERT INTO raw.run_events BY NAME
SELECT
    1 AS project_id, run_id AS task_id, run_id, 0 AS incarnation, 'django' AS source, ms || '-0' AS stream_id,
    ms AS stream_ms, 0 AS stream_seq, '1-' || number AS event_id, 'notification' AS kind, 'session/update' AS method,
    session_update, tool_call_id, make_timestamptz(ms * 1000) AS occurred_at,
    make_timestamptz(ms * 1000 + 900000) AS received_at, {PAYLOAD} AS payload, true AS json_ok, false AS redacted,
    'segment' AS segment
FROM
    made
ORDER BY
    run // $live, number, run
"""  # noqa: S608 - our own text

RUNS = """
INSERT INTO raw.run_versions BY NAME
SELECT
    1 AS project_id, run_id AS task_id, run_id, min(occurred_at) AS valid_from, 'runs' AS observed_in,
    CASE WHEN hash(run_id) % 20 = 0 THEN 'in_progress' ELSE 'completed' END AS status, 'cloud' AS environment,
    min(occurred_at) AS created_at, min(occurred_at) AS updated_at, run_id AS content_hash, '{}' AS payload,
    'pass' AS pass_id, 1 AS page
FROM
    raw.run_events
GROUP BY
    run_id
"""
TASKS = """
INSERT INTO raw.task_versions BY NAME
SELECT
    project_id, task_id, valid_from, 'list' AS observed_in, 'a title' AS title, 'acme/web' AS repository, created_at,
    updated_at, content_hash, '{}' AS payload, pass_id, page
FROM
    raw.run_versions
"""
SIGHTINGS = """
INSERT INTO raw.task_sightings BY NAME
SELECT
    project_id, task_id, valid_from AS first_seen_at, valid_from AS last_seen_at, pass_id, page, pass_id AS last_pass_id
FROM
    raw.run_versions
"""

LOG = f"""
INSERT INTO raw.run_log_entries BY NAME
WITH told AS (
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
        || string_agg('word ' || number || ' and some more ', '' ORDER BY number) || '"}}}}}}}},"first_event_id":"1-'
        || min(number) || '","event_id":"1-' || max(number) || '"}}' AS payload
    FROM
        told
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

VIEWS = ("events_once", "run_timeline", "messages", "tool_calls", "token_usage")


def main() -> None:
    """Make the file, ask, print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--live", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="also read each view whole")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "bench.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate.upgrade(connection)
        views.refresh(connection)
        connection.execute(EVENTS, {"runs": given.runs, "events": given.events})
        connection.execute(LIVE, {"live": given.live})
        connection.execute(LOG)
        for text in (RUNS, TASKS, SIGHTINGS):
            connection.execute(text)
        (last,) = connection.execute("SELECT max(occurred_at) FROM raw.run_events").fetchone() or (None,)
        begun = last + timedelta(hours=2)
        ledger.begin(connection, pass_id="pass", project_id=1, resource="runs", viewer=None, started_at=begun)
        connection.execute("DROP TABLE made")
        connection.execute("CHECKPOINT")
        live, log = connection.execute(
            "SELECT (SELECT count(*) FROM raw.run_events), (SELECT count(*) FROM raw.run_log_entries)"
        ).fetchone() or (0, 0)
        print(f"DuckDB {duckdb.__version__}: {live:,} live events and {log:,} log entries of {given.runs} runs")
        run = f"00000000-0000-4000-8000-{given.runs // 2:012d}"
        for view in VIEWS:
            rows, spent = _ask(connection, f"SELECT * FROM main.{view} WHERE run_id = '{run}'", given.repeat)  # noqa: S608
            print(f"{view:14} one run  {rows:>9,} rows {spent:7.0f} ms")
        rows, spent = _ask(connection, "SELECT * FROM main.runs_stuck", given.repeat)
        print(f"{'runs_stuck':14} all runs {rows:>9,} rows {spent:7.0f} ms")
        for view in VIEWS if given.all else ():
            rows, spent = _ask(connection, f"SELECT count(*), max(hash(COLUMNS(*))) FROM main.{view}", 1)  # noqa: S608
            print(f"{view:14} all runs {rows:>9,} rows {spent:7.0f} ms")


def _ask(connection: duckdb.DuckDBPyConnection, text: str, repeat: int) -> tuple[int, float]:
    """Rows and the median milliseconds of several goes."""
    times: list[float] = []
    rows = 0
    for _ in range(repeat):
        began = time.perf_counter()
        rows = len(connection.execute(text).fetchall())
        times.append((time.perf_counter() - began) * 1000)
    return rows, statistics.median(times)


if __name__ == "__main__":
    main()
