"""Readers of the lake, each a thread: ``reader.py ADDRESS THREADS STOP``; they end when the file STOP appears.

In each snapshot, a shard must have as many rows that count as its mark says, table by table, whatever is published,
killed or restarted meanwhile. A reader that fails tries again; one that fails 60 times in a row ends the process with
1. It prints how many snapshots were read, and how many tries failed.
"""

import sys
import threading
import time
from pathlib import Path

import duckdb

from taskhouse.errors import TaskhouseError
from taskhouse.lake.engine import Lake
from taskhouse.lake.reading import newest

TABLES = ("raw.run_events", "raw.run_log_entries", "raw.task_sightings", "raw.run_versions", "ledger.gaps")
COUNT = """
    SELECT kept.lake_shard, count(*)
    FROM lake.{0} AS kept ANTI JOIN lake.{0}_gone AS gone USING (lake_shard, lake_row) GROUP BY ALL
"""


def read(lake: Lake) -> None:
    """One snapshot."""
    connection = newest(lake)
    try:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND starts_with(table_name, 'mark_')"
        ).fetchall()
        for table in TABLES:
            found = dict(connection.execute(COUNT.format(table)).fetchall())
            for (name,) in names:
                text = f"SELECT rows FROM lake.shards.{name} WHERE table_name = '{table}'"
                rows = connection.execute(text).fetchall()[0][0]
                assert found.get(name.removeprefix("mark_"), 0) == rows, (table, name, found, rows)
    finally:
        connection.close()


class Crowd:
    """What all threads did."""

    def __init__(self, lake: Lake, stop: Path) -> None:
        self.lake, self.stop = lake, stop
        self.read = self.failed = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Read until told to stop, at least once."""
        in_a_row = mine = 0
        while not self.wrong and (not mine or not self.stop.exists()):
            try:
                read(self.lake)
            except (TaskhouseError, duckdb.Error) as problem:
                self.failed, in_a_row = self.failed + 1, in_a_row + 1
                if in_a_row == 60:
                    self.wrong.append(repr(problem))
                time.sleep(0.5)
            except AssertionError as problem:
                self.wrong.append(repr(problem))
            else:
                self.read, mine, in_a_row = self.read + 1, mine + 1, 0


if __name__ == "__main__":
    crowd = Crowd(Lake.at(sys.argv[1]), Path(sys.argv[3]))
    threads = [threading.Thread(target=crowd.run) for _ in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stderr.write("".join(f"{text}\n" for text in crowd.wrong))
    sys.stdout.write(f"{crowd.read} {crowd.failed}\n")
    sys.exit(bool(crowd.wrong))
