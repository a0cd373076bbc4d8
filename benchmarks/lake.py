"""What a lake costs: an empty tick, a tick of 100,000 events, and reading through the lake against the copy.

``.venv/lake/bin/python -m benchmarks.lake ADDRESS [--events 1000000] [--data s3://bucket/prefix]`` needs the
environment of the lake. ADDRESS is a catalogue that holds nothing, such as ``ducklake:sqlite:/tmp/x.sqlite``. Times are
processor time of this process.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import taskhouse
from taskhouse.lake.engine import Lake
from taskhouse.lake.publish import Shard
from taskhouse.values import folder_or_bucket
from taskhouse.warehouse import publish
from taskhouse.warehouse.connection import Warehouse

HOST = "http://127.0.0.1:1"
EVENTS = """
    INSERT INTO raw.run_events BY NAME
    SELECT
        1 AS project_id, 't' || range % 100 AS task_id, 'run-' || ($batch * 100 + range % 100) AS run_id,
        0 AS incarnation, 'django' AS source, range || '-0' AS stream_id, 1767225600000 + range AS stream_ms,
        0 AS stream_seq, 'notification' AS kind, 'session/update' AS method, now() AS received_at,
        now() AS occurred_at, true AS json_ok, false AS redacted, 's' || $batch || '-' || range // 5000 AS segment,
        '{"type": "notification", "text": "' || repeat(md5(range::VARCHAR), 20) || '"}' AS payload
    FROM range($from, $from + $rows)
"""
QUESTIONS = {
    "count of events": "SELECT count(*) FROM raw.run_events",
    "events of one run": "SELECT * FROM raw.run_events WHERE run_id = 'run-3'",
    "length of all payloads": "SELECT sum(length(payload)) FROM raw.run_events",
    "events by segment": "SELECT segment, count(*) FROM raw.run_events GROUP BY ALL",
    "the view runs": "SELECT count(*) FROM runs",
}


def cost(work: Callable[[], object], times: int = 1) -> float:
    """Median processor time in seconds."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--data", type=folder_or_bucket)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        lake = Lake(given.address, given.data or home / "data")
        warehouse = Warehouse(home / "warehouse.duckdb", host=HOST, copies=home / "published")
        shard = Shard(lake, "one", home / "published")

        def add(batch: int, rows: int) -> None:
            values = {"batch": batch, "from": batch * 10_000_000, "rows": rows}
            with warehouse.transaction("a benchmark") as connection:
                connection.execute(EVENTS, values)
            publish.publish(warehouse, home / "published", force=True)

        add(0, given.events)
        print(f"first tick of {given.events:,} events: {cost(shard.tick):.2f} s")
        print(f"empty tick, same copy: {1000 * cost(shard.tick, 20):.2f} ms")
        ticks = []
        for batch in range(1, 4):
            add(batch, 100_000)
            ticks.append(cost(shard.tick))
        print(f"tick of 100,000 events: {statistics.median(ticks):.2f} s")
        ticks = []
        for batch in range(4, 9):
            add(batch, 10)
            ticks.append(cost(shard.tick))
        print(f"tick of 10 events: {statistics.median(ticks):.3f} s")
        shard.close()
        opening = cost(lambda: taskhouse.open(lake=given.address).close(), 3)
        print(f"opening the lake: {opening:.2f} s; the copy: {cost(lambda: taskhouse.open(home).close(), 3):.2f} s")
        with taskhouse.open(home) as copy, taskhouse.open(lake=given.address) as read:
            for name, text in QUESTIONS.items():
                one = cost(lambda text=text: copy.records(text), 3)  # type: ignore[misc]
                other = cost(lambda text=text: read.records(text), 3)  # type: ignore[misc]
                print(
                    f"{name}: copy {1000 * one:.0f} ms, lake {1000 * other:.0f} ms, {other / max(one, 1e-4):.1f} times"
                )


if __name__ == "__main__":
    main()
