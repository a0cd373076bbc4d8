"""What a publication costs, cloned and copied, by the size of the warehouse.

    python benchmarks/publish.py FOLDER [--gigabytes 1 10] [--repeat 3]

FOLDER must be on a file system that can clone, such as XFS or Btrfs, with twice as much room as the largest size. Each
publication follows a small commit. The time includes that it is on the disk.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from taskhouse.warehouse import publish
from taskhouse.warehouse.connection import Warehouse

VALUES = 1_000_000_000 // 8
TABLES = 8
"""How many tables of random numbers make one gigabyte."""


def fill(warehouse: Warehouse, number: int) -> None:
    """Store another gigabyte."""
    numbers = f"SELECT hash(range + {number}) AS number FROM range({VALUES // TABLES})"  # noqa: S608 - our own numbers
    with warehouse.transaction("filling") as connection:
        for table in range(TABLES):
            connection.execute(f"CREATE TABLE raw.part_{number}_{table} AS {numbers}")


def row(warehouse: Warehouse, folder: Path, method: str, repeat: int, *, read: bool) -> None:
    """Publish some times, and print the medians."""
    walls, processors = [], []
    for _ in range(repeat):
        shutil.rmtree(folder, ignore_errors=True)
        if not read:
            publish.publish(warehouse, folder, read=True)  # so that this is not due
        with warehouse.transaction("a change") as connection:
            connection.execute("INSERT INTO raw.changes VALUES (1)")
        wall, processor = time.perf_counter(), time.process_time()
        made = publish.publish(warehouse, folder, force=True, read=read)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
        assert made is not None
        assert (made.method, made.read) == (method, read)
    size, what = warehouse.path.stat().st_size / 1e9, f"{method}{', all blocks read' if read else ''}"
    wall, processor = statistics.median(walls), statistics.median(processors)
    print(f"{size:5.1f} GB  {what:22} {wall:8.3f} s, {processor:7.3f} s of processor time", flush=True)


def main() -> None:
    """Fill, publish, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as home:
        warehouse, folder = Warehouse(Path(home) / "w.duckdb", host="https://example.com"), Path(home) / "published"
        with warehouse.transaction("a change") as connection:
            connection.execute("CREATE TABLE raw.changes (number INTEGER)")
        held = 0
        for size in sorted(asked.gigabytes):
            for number in range(held, size):
                fill(warehouse, number)
            held = size
            row(warehouse, folder, "clone", asked.repeat, read=False)
            row(warehouse, folder, "clone", asked.repeat, read=True)
            with patch("taskhouse.warehouse.publish.clone", lambda *_: False):
                row(warehouse, folder, "copy", asked.repeat, read=True)


if __name__ == "__main__":
    main()
