"""What several shards publish at once: ``.venv/lake/bin/python -m benchmarks.lake_shards ADDRESS [--rows 50000]``.

ADDRESS is a catalogue that holds nothing. One, two and four processes publish a tick each at the same moment, again and
again. Printed are the rows in a second of time and in a second of the publishers' processor time, and how often a tick
was begun again. On a machine with fewer processors than shards, only the second says whether shards stand in each
other's way.
"""

import argparse
import multiprocessing
import multiprocessing.synchronize
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.lake import EVENTS, HOST
from taskhouse.lake.engine import Lake
from taskhouse.lake.publish import Shard
from taskhouse.lake.service import again
from taskhouse.warehouse import publish
from taskhouse.warehouse.connection import Warehouse

ROUNDS = 5


def work(
    lake: Lake, name: str, home: Path, rows: int, barrier: multiprocessing.synchronize.Barrier, results: Any
) -> None:
    """One shard: prepares a copy, waits for the others, publishes it."""
    warehouse = Warehouse(home / "warehouse.duckdb", host=HOST, copies=home / "published")
    shard, tries = Shard(lake, name, home / "published"), 0

    def count() -> None:
        nonlocal tries
        tries += 1
        shard.close()

    for number in range(ROUNDS + 1):
        with warehouse.transaction("a benchmark") as connection:
            connection.execute(EVENTS, {"batch": number, "from": number * 10_000_000, "rows": rows})
        publish.publish(warehouse, home / "published", force=True)
        barrier.wait()
        began, spent = time.monotonic(), time.process_time()
        again(lake, "Publishing", shard.tick, count)
        mine = time.process_time() - spent
        barrier.wait()
        if number:  # the first one opens the lake
            results.put((name, number, time.monotonic() - began, mine, tries))
    shard.close()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--rows", type=int, default=50_000)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    one_s = one_cpu = 0.0
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(given.address, Path(folder) / "data")
        for shards in (1, 2, 4):
            barrier, results = spawn.Barrier(shards), spawn.Queue()
            homes = {f"of{shards}n{number}": Path(folder) / f"of{shards}n{number}" for number in range(shards)}
            workers = []
            for name, home in homes.items():
                home.mkdir()
                workers.append(spawn.Process(target=work, args=(lake, name, home, given.rows, barrier, results)))
                workers[-1].start()
            found = [results.get() for _ in range(shards * ROUNDS)]
            for worker in workers:
                worker.join()
            took = statistics.median(
                max(seconds for _, each, seconds, _, _ in found if each == number) for number in range(1, ROUNDS + 1)
            )
            spent = statistics.median(mine for *_, mine, _ in found)
            per_s, per_cpu = shards * given.rows / took, given.rows / spent
            one_s, one_cpu = one_s or per_s, one_cpu or per_cpu
            tries = sum(max(each[4] for each in found if each[0] == name) for name in homes)
            print(
                f"{shards} shards: {per_s:,.0f} rows/s ({per_s / one_s:.2f} times one), {per_cpu:,.0f} rows for each"
                f" second of processor time ({per_cpu / one_cpu:.2f} times one), {tries} ticks begun again,"
                f" load {os.getloadavg()[0]:.1f}"
            )


if __name__ == "__main__":
    main()
