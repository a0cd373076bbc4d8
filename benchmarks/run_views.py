"""How long the views of runs take, before and after what they compute is stored, over a million events.

    python benchmarks/run_views.py [--runs 200] [--events 5000] [--live 20] [--repeat 5] [--all] [--file FILE]

The events are made inside DuckDB: four in five are chunks of a message, the log holds the messages whole, every 25th
event belongs to a tool call. So many runs are live at a time; one in twenty never ended. The questions are those of
docs/questions.md that ask for runs: over everything, and over the newest 30 days. With 10,000 runs there are 50 million
events, in 4 GB and some 40 minutes; ``--file`` keeps them, and goes on with what is there.
"""

import argparse
import re
import resource
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from taskhouse.clock import REAL
from taskhouse.warehouse import derive, ledger, migrate, sql, views
from taskhouse.warehouse.engine import COMPATIBILITY, connect

WORDS = """
CREATE TEMP MACRO word(n) AS
    substr(md5(CAST((hash(n) % 30000) * (hash(n) % 30000) // 30000 AS VARCHAR)), 1, 3 + CAST(hash(n) % 5 AS BIGINT));
CREATE TEMP MACRO words(n, k) AS
    list_aggregate(list_transform(range(k), lambda i: word(n * 97 + i)), 'string_agg', ' ')
"""
"""Texts of words of 3 to 7 letters, of which some are frequent."""

EVENTS = """
CREATE OR REPLACE TABLE made AS
SELECT
    run,
    number,
    regexp_replace(md5('run' || run), '(.{8})(.{4}).(.{3}).(.{3})(.{12})', '\\1-\\2-4\\3-8\\4-\\5') AS run_id,
    1790000000000 + run * 10000000 + number * 40 AS ms,
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
    min(occurred_at) AS created_at, max(occurred_at) AS updated_at,
    CASE WHEN hash(run_id) % 20 > 0 THEN max(occurred_at) END AS completed_at, run_id AS content_hash, '{}' AS payload,
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
        || string_agg(words(ms, 3) || ' ', '' ORDER BY number) || '"}}}}}}}},"first_event_id":"1-'
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

VIEWS = ("events_once", "run_timeline", "messages", "tool_calls", "token_usage", "run_activity")
STEP = 500
NEWEST = {
    "run_attempts": "began_at",
    "run_daily": "day",
    "failures": "failed_at",
    "tool_calls": "started_at",
    "run_activity": "first_event_at",
    "activity_hourly": "hour",
    "task_lifecycle": "created_at",
    "runs": "created_at",
}
"""By which time a view is limited to its newest rows."""

QUESTIONS = Path(__file__).parents[1] / "docs" / "questions.md"


def main() -> None:
    """Make the file, ask, store what is computed, ask again; print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--live", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="also read each view whole")
    parser.add_argument("--file", type=Path, help="where the events are, or will be")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or Path(folder) / "bench.duckdb"
        there = path.exists()
        with connect(path, storage_compatibility_version=COMPATIBILITY, temp_directory=f"{path}.tmp") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            if not there:
                _make(connection, given.runs, given.events, given.live)
            migrate.upgrade(connection)
            views.refresh(connection)
            runs, live, log = connection.execute(
                "SELECT (SELECT count(*) FROM raw.run_versions), (SELECT count(*) FROM raw.run_events),"
                " (SELECT count(*) FROM raw.run_log_entries)"
            ).fetchone() or (0, 0, 0)
            print(f"DuckDB {duckdb.__version__}: {live:,} live events and {log:,} log entries of {runs:,} runs")
            if derive.waiting(connection, REAL)[0]:
                _report(connection, given.repeat, whole=given.all)
                _store(connection, path)
            _report(connection, given.repeat, whole=True)


def _make(connection: duckdb.DuckDBPyConnection, runs: int, events: int, live: int) -> None:
    migrate.upgrade(connection)
    connection.execute(WORDS)
    for first in range(1, runs + 1, STEP):
        last = min(first + STEP - 1, runs)
        connection.execute(EVENTS, {"first": first, "last": last, "events": events})
        connection.execute(LIVE, {"live": live})
        connection.execute(LOG)
    for text in (RUNS, TASKS, SIGHTINGS, "DROP TABLE made"):
        connection.execute(text)
    (newest,) = connection.execute("SELECT max(occurred_at) FROM raw.run_events").fetchone() or (None,)
    begun = newest + timedelta(hours=2)
    ledger.begin(connection, pass_id="pass", project_id=1, resource="runs", viewer=None, started_at=begun)
    connection.execute(sql.engine("warehouse/schema/mart_runs_known"))
    connection.execute("CHECKPOINT")


def _store(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    before, wall, cpu, lines = path.stat().st_size, time.perf_counter(), time.process_time(), 0
    done = -1
    while done:
        with sql.atomic(connection):
            done, more = derive.batch(connection, REAL, everything=True, most=derive.MANY_LINES)
        lines += more
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    connection.execute("CHECKPOINT")
    grown = path.stat().st_size / before - 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"stored: {lines:,} events and entries in {wall:.0f} s, {cpu / lines * 1e6:.1f} us of processor time for each,"
        f" the file grew by {grown:.0%}, peak {peak:,.0f} MB"
    )


def _report(connection: duckdb.DuckDBPyConnection, repeat: int, *, whole: bool) -> None:
    run, newest = connection.execute("SELECT run_id, created_at FROM raw.run_versions ORDER BY created_at").fetchall()[
        -9
    ]
    for view in VIEWS:
        _print(f"{view}, one run", *_ask(connection, f"SELECT * FROM main.{view} WHERE run_id = '{run}'", repeat))  # noqa: S608
    for name, text in _questions() if whole else ():
        _print(name, *_ask(connection, text, 1))
        _print("    the newest 30 days", *_ask(connection, _limited(text, newest - timedelta(days=30)), 1))


def _questions() -> list[tuple[str, str]]:
    """The questions that read one of these views."""
    parts = QUESTIONS.read_text("utf-8").split("\n### ")[1:]
    found = [(part.splitlines()[0], part.split("```sql\n")[1].split("```")[0]) for part in parts]
    return [(name, text) for name, text in found if re.search(rf"\b({'|'.join(NEWEST)})\b", text)]


def _limited(text: str, since: object) -> str:
    """The statement over the rows since a time."""

    def newest(found: re.Match[str]) -> str:
        rows = f"(FROM main.{found[2]} WHERE {NEWEST[found[2]]} >= TIMESTAMPTZ '{since}')"
        return f"{found[1]} {rows}{found[3] or f' AS {found[2]}'}"

    return re.sub(rf"\b(FROM|JOIN)\s+({'|'.join(NEWEST)})\b( AS \w+)?", newest, text)


def _print(name: str, rows: int, spent: float) -> None:
    print(f"{name[:64]:64} {rows:>9,} rows {spent:9,.0f} ms", flush=True)


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
