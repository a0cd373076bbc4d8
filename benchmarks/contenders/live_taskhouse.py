"""Live streams with the engine of ``taskhouse tail``: how long from when an event is sent to its commit.

Latency is taken from the time of the server that is in each event's id to the end of the transaction that committed it,
after a while in which the streams open. Beside them there may be a history.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from benchmarks.contenders import history, measure
from benchmarks.harness import live_server
from taskhouse.operations import follow, sync
from taskhouse.settings import Settings
from taskhouse.warehouse import load
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load_batch import Loaded, Whole
from taskhouse.warehouse.opening import open_warehouse

FIGURES = """
SELECT
    count(*),
    count(DISTINCT event.run_id),
    quantile_cont(epoch(loaded.committed_at) - event.stream_ms / 1000, 0.5),
    quantile_cont(epoch(loaded.committed_at) - event.stream_ms / 1000, 0.99),
    max(epoch(loaded.committed_at) - event.stream_ms / 1000),
    count(*) / (epoch(max(event.received_at)) - epoch(min(event.received_at))),
    sum(strlen(event.payload) + 1)
FROM
    raw.run_events AS event
    INNER JOIN loaded
        ON loaded.segment = event.segment
WHERE
    event.received_at >= $since
"""
NEW = "SELECT count(*), sum(strlen(payload) + 1) FROM raw.run_events WHERE segment <> 'segment'"
"""The events that were captured, not made beforehand, and their texts as NDJSON, in bytes."""


@contextlib.contextmanager
def noted(commits: dict[str, datetime]) -> Iterator[None]:
    """Note when the transaction of each segment has ended."""
    original = load._load  # noqa: SLF001

    def timed(warehouse: Warehouse, batch: list[Whole]) -> Loaded:
        loaded = original(warehouse, batch)
        commits.update((segment.name, datetime.now(UTC)) for segment, _ in batch)
        return loaded

    load._load = timed  # noqa: SLF001
    try:
        yield
    finally:
        load._load = original  # noqa: SLF001


async def captured(settings: Settings, seconds: float) -> None:
    """Follow for a number of seconds."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await follow(settings, stop)


def prepare(settings: Settings, size: Mapping[str, int]) -> None:
    """Read the lists of tasks and runs, and make a history if there should be one."""
    for name in ("tasks", "runs"):
        asyncio.run(sync(settings, 1, name))
    if "runs of a history" in size:
        history.store(settings, size["runs of a history"], size["events of a run"])


def main() -> None:
    """Measure."""
    asked = measure.asked()
    size, commits = measure.size(asked), dict[str, datetime]()
    settings = Settings(
        host=asked.url,
        api_key="phx_emulator",
        project_ids=(1,),
        home=asked.home,
        requests_per_hour=0,
        max_streams=size["streams"] * 2,
    )
    if asked.mode == "prepare":
        prepare(settings, size)
        return
    held_mb = measure.size_mb(settings.warehouse) if "runs of a history" in size else 0.0
    began, opening, before = time.time(), size["seconds to open"], live_server.sent(asked.url)
    with noted(commits):
        figures = measure.measured(lambda: asyncio.run(captured(settings, opening + size["seconds"])))
    server_cpu_s = live_server.sent(asked.url)["cpu_s"] - before["cpu_s"]
    with open_warehouse(settings).transaction("figures") as connection:
        connection.execute("CREATE TEMP TABLE loaded (segment VARCHAR, committed_at TIMESTAMPTZ)")
        connection.executemany("INSERT INTO loaded VALUES (?, ?)", list(commits.items()))
        since = datetime.fromtimestamp(began + opening, UTC)
        _, runs, middle, p99, most, rate, _ = connection.execute(FIGURES, {"since": since}).fetchall()[0]
        count, texts = connection.execute(NEW).fetchall()[0]
    with open_warehouse(settings).still("measuring"):
        disk_mb = measure.size_mb(settings.warehouse) - held_mb
    latency = {"p50_s": middle, "p99_s": p99, "longest_s": most}
    figures |= {"server_cpu_s": server_cpu_s, "streams": runs, "rate": rate, "rows": count}
    measure.tell(**figures, **latency, disk_mb=disk_mb, share=disk_mb * 1e6 / texts)


if __name__ == "__main__":
    main()
