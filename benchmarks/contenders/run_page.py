"""The page of one run among others: how long it takes, and how large it is.

The other runs have 5,000 events each. Four in five events are pieces of messages; every 25th belongs to a tool call
with some 2 KB of output, every 100th of them to a change of a file.
"""

from pathlib import Path

import taskhouse
from benchmarks.contenders import measure
from benchmarks.contenders.made_year import LIVE
from taskhouse import run_page
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.derive import MANY_LINES, derive
from taskhouse.warehouse.publish import publish

EVENTS = """
CREATE OR REPLACE TEMP TABLE made AS
SELECT
    run,
    number,
    md5('run' || run) AS run_id,
    1790000000000 + run * 10000000 + number * 90 AS ms,
    CASE
        WHEN number % 25 = 23 THEN 'tool_call'
        WHEN number % 25 = 24 THEN 'tool_call_update'
        WHEN number % 250 = 51 THEN 'plan'
        WHEN number % 25 = 0 THEN 'agent_thought_chunk'
        WHEN number % 1000 = 1 THEN 'user_message_chunk'
        ELSE 'agent_message_chunk'
    END AS session_update,
    CASE WHEN number % 25 IN (23, 24) THEN 'toolu_' || number // 25 END AS tool_call_id
FROM
    range($first, $last) AS runs (run),
    range(1, $events + 1) AS numbers (number)
"""

PAYLOAD = """
'{"type": "notification", "timestamp": "' || strftime(make_timestamp(ms * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')
|| '", "notification": {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s' || run
|| '", "update": {"sessionUpdate": "' || session_update || '", '
|| CASE
    WHEN session_update = 'tool_call' THEN '"toolCallId": "' || tool_call_id
        || '", "title": "pnpm test ' || number || '", "kind": "execute", "status": "pending"'
        || ', "rawInput": {"command": "pnpm test ' || number || '", "description": "Run the tests"}'
        || ', "_meta": {"claudeCode": {"toolName": "'
        || ['Bash', 'Read', 'Edit', 'Grep'][1 + CAST(hash(number) % 4 AS INTEGER)] || '"}}'
    WHEN number % 2500 = 24 THEN '"toolCallId": "' || tool_call_id || '", "status": "completed", "content": [{"type": '
        || '"diff", "path": "src/' || number || '.ts", "oldText": "' || repeat('same line\\n', 20) || 'one\\n'
        || '", "newText": "' || repeat('same line\\n', 20) || 'two\\n"}]'
    WHEN session_update = 'tool_call_update' THEN '"toolCallId": "' || tool_call_id || '", "status": "'
        || CASE WHEN hash(number) % 10 = 0 THEN 'failed' ELSE 'completed' END
        || '", "rawOutput": {"stdout": "' || repeat(md5(CAST(number AS VARCHAR)) || '  <b>\\"&\\n', 50)
        || '", "isError": false}'
    WHEN session_update = 'plan' THEN '"entries": [{"content": "Reproduce it", "status": "completed"}]'
    ELSE '"content": {"type": "text", "text": "the **word** ' || number || ' "}'
END
|| '}}}, "event_id": "1-' || number || '"}'
"""

RUNS = """
INSERT INTO raw.run_versions BY NAME
SELECT
    1 AS project_id, run_id AS task_id, run_id, min(occurred_at) AS valid_from, 'runs' AS observed_in,
    'completed' AS status, 'cloud' AS environment, min(occurred_at) AS created_at, max(occurred_at) AS updated_at,
    max(occurred_at) AS completed_at, run_id AS content_hash, '{}' AS payload, 'pass' AS pass_id, 1 AS page
FROM
    raw.run_events
GROUP BY
    run_id
"""

TASKS = """
INSERT INTO raw.task_versions BY NAME
SELECT
    project_id, task_id, valid_from, 'list' AS observed_in, 'a title' AS title, 'acme/web' AS repository, created_at,
    updated_at, content_hash, '{"description": "Fix it"}' AS payload, pass_id, page
FROM
    raw.run_versions
"""


def main() -> None:
    """Make the history and publish it, as ``asked`` or with what the views compute ``stored``; or measure the page."""
    asked = measure.asked()
    size = measure.size(asked)
    if asked.mode == "prepare":
        warehouse, run_id = made(asked.home, size["events"], size["other runs"])
        if asked.arguments == ["stored"]:
            derive(warehouse, within_s=1e6, everything=True, most=MANY_LINES)
        publish(warehouse, asked.home / "published", force=True)
        (asked.home / "run").write_text(run_id, "utf-8")
        return
    pages: list[str] = []
    run_id = (asked.home / "run").read_text("utf-8")
    with taskhouse.open(asked.home) as snapshot:
        figures = measure.measured(lambda: pages.append(run_page.render(snapshot, run_id)))
    measure.tell(**figures, kb=len(pages[0].encode()) / 1000)


def made(home: Path, events: int, others: int) -> tuple[Warehouse, str]:
    """The history, and the id of the run that has the given number of events."""
    warehouse = Warehouse(home / "warehouse.duckdb", host="http://localhost:1")
    with warehouse.transaction("benchmark") as connection:
        for first, last, number in ((0, 1, events), (1, 1 + others, 5_000)):
            connection.execute(EVENTS, {"first": first, "last": last, "events": number})
            connection.execute(LIVE.format(payload=PAYLOAD), {"live": 20})
        for text in (RUNS, TASKS, sql.engine("warehouse/schema/mart_runs_known")):
            connection.execute(text)
        return warehouse, str(connection.execute("SELECT md5('run0')").fetchall()[0][0])


if __name__ == "__main__":
    main()
