"""Run streams with dlt, merged on the run and the stream id: ``default``, ``parquet`` or ``arrow``."""

import asyncio
from collections.abc import Iterator
from typing import Any

import dlt  # type: ignore[import-not-found]
import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]

from benchmarks.contenders import measure, streams

BATCH = 10_000


def main() -> None:
    """Measure."""
    asked = measure.asked()
    (form,) = asked.arguments

    @dlt.resource(write_disposition="merge", primary_key=["run_id", "stream_id"])  # type: ignore[untyped-decorator,unused-ignore]
    def run_events() -> Iterator[Any]:
        rows = asyncio.run(streams.events(asked.url, streams.runs(asked.given)))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            yield pa.Table.from_pylist(batch) if form == "arrow" else batch

    path = asked.home / "dlt.duckdb"
    pipeline = dlt.pipeline(
        "events",
        pipelines_dir=str(asked.home / "pipelines"),
        destination=dlt.destinations.duckdb(str(path)),
        dataset_name="events",
    )
    files = "insert_values" if form == "default" else "parquet"
    figures = measure.measured(lambda: pipeline.run(run_events(), loader_file_format=files))
    if asked.mode == "prepare":
        return
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT count(*) FROM run_events")[0][0]
    measure.tell(**figures, rows=rows, disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
