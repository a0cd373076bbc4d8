"""Load one batch of captured events, ``live`` ones or those of a ``log``, on top of all that is stored.

The stored rows are made inside DuckDB. The batch goes through the spool and the loader as captured events do: fifty
new runs.
"""

from datetime import UTC, datetime

from benchmarks.contenders import measure
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool

RUNS = 50
STEP = 1_000_000

FILL = """
INSERT INTO raw.{table} BY NAME
SELECT
    1 AS project_id, 'task-' || (number // 1000) AS task_id, uuid_of AS run_id, {identity},
    '1-' || (number % 1000 + 1) AS event_id, 'notification' AS kind, 'session/update' AS method,
    'agent_message_chunk' AS session_update, make_timestamptz(1790000000000000 + number * 20000) AS occurred_at,
    make_timestamptz(1790000000000000 + number * 20000) AS received_at,
    '{{"type": "notification", "notification": {{"jsonrpc": "2.0", "method": "session/update", "params": {{"update": '
    || '{{"sessionUpdate": "agent_message_chunk", "content": {{"type": "text", "text": "word ' || hash(number)
    || ' and more"}}}}}}}}, "event_id": "1-' || (number % 1000 + 1) || '"}}' AS payload,
    true AS json_ok, false AS redacted, 'made' AS segment
FROM (
    SELECT number, md5((number // 1000)::VARCHAR) AS uuid_of FROM range($start, $start + $rows) AS numbers (number)
)
"""

LIVE = (
    "0 AS incarnation, 'django' AS source, (1790000000000 + number * 20) || '-0' AS stream_id,"
    " 1790000000000 + number * 20 AS stream_ms, 0 AS stream_seq"
)
LOG = "number % 1000 AS position, 'made' AS pass_id"


def fill(warehouse: Warehouse, start: int, rows: int) -> None:
    """Store more rows in both layers."""
    for at in range(start, start + rows, STEP):
        with warehouse.transaction("filling") as connection:
            for table, identity in (("run_events", LIVE), ("run_log_entries", LOG)):
                text = FILL.format(table=table, identity=identity)
                connection.execute(text, {"start": at, "rows": min(STEP, start + rows - at)})


def batch(spool: Spool, layer: str, name: str, count: int) -> None:
    """One batch in sealed segments."""
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    with SpoolWriter(spool) as writer:
        for run in range(RUNS):
            entries = []
            for number in range(count // RUNS):
                text = (
                    '{"type": "notification", "notification": {"method": "session/update", "params": {"update": '
                    f'{{"sessionUpdate": "agent_message_chunk", "content": {{"text": "word {number} and more"}}}}}}}},'
                    f' "event_id": "1-{number + 1}"}}'
                )
                live = layer == "live"
                stream_id = f"{now_ms + number}-{run}" if live else None
                entries.append(Entry(stream_id, None if live else number, text.encode(), redacted=False))
            writer.append(layer, RunKey(1, f"task-{name}-{run}", f"run-{name}-{run}"), entries, leg="django")


def main() -> None:
    """Fill; or measure the load of a batch."""
    asked = measure.asked()
    (layer,), size = asked.arguments, measure.size(asked)
    warehouse = Warehouse(asked.home / "growth.duckdb", host="https://example.com", lock_wait_s=60)
    if asked.mode == "prepare":
        fill(warehouse, 0, size["stored events"])
        return
    spool = Spool(asked.home / "spool")
    for name in ("first", "second"):  # the first one opens the file for the first time in this process
        batch(spool, layer, name, size["batch"])
        figures = measure.measured(lambda: load_spool(warehouse, spool))
    measure.tell(**figures, rows=size["batch"])


if __name__ == "__main__":
    main()
