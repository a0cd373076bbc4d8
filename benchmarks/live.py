"""How long an event takes from its arrival to its commit while hundreds of streams are live, and what that costs.

    python benchmarks/live.py [--streams 500] [--rate 5000] [--seconds 60]

The engine of ``taskhouse tail`` follows an emulator that is a process of its own and plays its runs at about the rate
asked for in all. Latency is taken from the time of arrival that is stored with each event to the end of the
transaction that committed it; memory is the peak of the process that captures and loads; the size on disk is that of
the warehouse's file after a checkpoint, against the same events' texts as newline-delimited JSON.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.emulator import serving
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings
from taskhouse.operations import follow, open_warehouse, sync
from taskhouse.settings import Settings
from taskhouse.spool.folder import Segment
from taskhouse.warehouse import load
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load_batch import Loaded

EVENTS = 600
"""Events of a run as the emulator makes it unscaled, about."""

LIVES_S = 345
"""Seconds that such a run lives, on average."""

FIGURES = """
SELECT
    count(*),
    count(DISTINCT event.run_id),
    quantile_cont(epoch(loaded.committed_at) - epoch(event.received_at), 0.5),
    quantile_cont(epoch(loaded.committed_at) - epoch(event.received_at), 0.99),
    max(epoch(loaded.committed_at) - epoch(event.received_at)),
    count(*) / (epoch(max(event.received_at)) - epoch(min(event.received_at))),
    sum(strlen(event.payload) + 1)
FROM
    raw.run_events AS event
    INNER JOIN loaded
        ON loaded.segment = event.segment
WHERE
    event.received_at >= $since
"""


def crowd(streams: int, rate: float) -> EmulatorSettings:
    """A world whose live runs speak at this rate together."""
    slow = 0.5  # so that no run ends soon
    return EmulatorSettings(
        tasks=streams * 2,
        repositories=20,
        live_runs=streams,
        pace=slow,
        events=rate / streams / slow * LIVES_S / EVENTS,
        throttle=False,
        max_streams=streams * 2,
        streams=StreamSettings(max_entries=100_000),
    )


@contextlib.contextmanager
def noted(commits: dict[str, datetime]) -> Iterator[None]:
    """Note when the transaction of each segment has ended."""
    original = load._load  # noqa: SLF001

    def timed(warehouse: Warehouse, batch: list[Segment]) -> Loaded:
        loaded = original(warehouse, batch)
        commits.update((segment.name, datetime.now(UTC)) for segment in batch)
        return loaded

    load._load = timed  # noqa: SLF001
    try:
        yield
    finally:
        load._load = original  # noqa: SLF001


async def captured(settings: Settings, seconds: float) -> None:
    """Follow for so long."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await follow(settings, stop)


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--rate", type=float, default=5000, help="events a second of all streams together")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=40, help="seconds before, for the streams to open")
    asked = parser.parse_args()
    commits: dict[str, datetime] = {}
    with serving(crowd(asked.streams, asked.rate)) as url, tempfile.TemporaryDirectory() as folder, noted(commits):
        settings = Settings(
            host=url,
            api_key="phx_emulator",
            project_ids=(1,),
            home=Path(folder),
            requests_per_hour=0,
            max_streams=asked.streams * 2,
        )
        for name in ("tasks", "runs"):
            asyncio.run(sync(settings, 1, name))
        began = time.time()
        asyncio.run(captured(settings, asked.warm_up + asked.seconds))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        since = datetime.fromtimestamp(began + asked.warm_up, UTC)
        with open_warehouse(settings).transaction("figures") as connection:
            connection.execute("CREATE TEMP TABLE loaded (segment VARCHAR, committed_at TIMESTAMPTZ)")
            connection.executemany("INSERT INTO loaded VALUES (?, ?)", list(commits.items()))
            events, runs, middle, p99, most, rate, _ = connection.execute(FIGURES, {"since": since}).fetchall()[0]
            texts = connection.execute("SELECT sum(strlen(payload) + 1) FROM raw.run_events").fetchall()[0][0]
        with open_warehouse(settings).still("measuring"):
            size = settings.warehouse.stat().st_size
    print(f"{events} events of {runs} streams in {asked.seconds:g} s, {rate:.0f} a second")
    print(f"arrival to commit: median {middle:.2f} s, p99 {p99:.2f} s, longest {most:.2f} s")
    print(f"peak memory {peak / 1e6:.0f} MB")
    print(f"on disk {size / 1e6:.1f} MB, {size / texts:.3f} of {texts / 1e6:.1f} MB of texts as NDJSON")
    return 0


if __name__ == "__main__":
    sys.exit(main())
