"""The script that people write: httpx, httpx-sse, a data frame, and an INSERT that skips what is there."""

import asyncio

import duckdb
import pandas as pd

from benchmarks.contenders import measure, streams

TABLE = """
CREATE TABLE IF NOT EXISTS run_events (
    project_id INTEGER, task_id VARCHAR, run_id VARCHAR, stream_id VARCHAR, stream_ms BIGINT, stream_seq BIGINT,
    event_id VARCHAR, kind VARCHAR, method VARCHAR, session_update VARCHAR, tool_call_id VARCHAR,
    occurred_at TIMESTAMPTZ, payload VARCHAR, PRIMARY KEY (run_id, stream_id)
)
"""


def main() -> None:
    """Measure."""
    asked = measure.asked()
    wanted, path = streams.runs(asked.given), asked.home / "by_hand.duckdb"

    def work() -> None:
        frame = pd.DataFrame(asyncio.run(streams.events(asked.url, wanted)))
        with duckdb.connect(str(path)) as connection:
            connection.execute(TABLE)
            connection.register("frame", frame)
            connection.execute("INSERT OR IGNORE INTO run_events BY NAME SELECT * FROM frame")

    if asked.mode == "prepare":
        work()
        return
    figures = measure.measured(work)
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute("SELECT count(*) FROM run_events").fetchall()[0][0]
    measure.tell(**figures, rows=rows, disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
