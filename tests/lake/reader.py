"""Readers of the lake, each a thread: ``reader.py ADDRESS THREADS STOP [SECONDS]``.

They end when the file STOP appears, and rest for SECONDS between two snapshots, on average.
In each snapshot, a shard must have as many rows that count as its mark says, table by table, whatever is published,
killed or restarted meanwhile. A reader that fails opens the lake again; one that fails 20 times in a row ends the
process with 1. It prints how many snapshots were read, and how many tries failed.
"""

import random
import sys
import threading
import time
from pathlib import Path

import duckdb

from taskhouse.errors import TaskhouseError
from taskhouse.lake.engine import Lake, connect
from taskhouse.warehouse import sql

TABLES = ("raw.run_events", "raw.run_log_entries", "raw.task_sightings", "raw.run_versions", "ledger.gaps")
TRIES, REST_S = 20, 20.0
COUNT = """
    SELECT kept.lake_shard, count(*)
    FROM lake.{0} AS kept ANTI JOIN lake.{0}_gone AS gone USING (lake_shard, lake_row) GROUP BY ALL
"""


def read(connection: duckdb.DuckDBPyConnection) -> None:
    """One snapshot."""
    with sql.atomic(connection):
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND starts_with(table_name, 'mark_')"
        ).fetchall()
        marks = " UNION ALL ".join(
            f"SELECT '{name[5:]}', table_name, rows FROM lake.shards.{name}" for (name,) in names
        )
        wanted = {(shard, table): rows for shard, table, rows in connection.execute(marks).fetchall()}
        for table in TABLES:
            found = dict(connection.execute(COUNT.format(table)).fetchall())
            for (name,) in names:
                assert found.get(name[5:], 0) == wanted[name[5:], table], (table, name, found, wanted)


class Crowd:
    """What all threads did."""

    def __init__(self, lake: Lake, stop: Path, rest_s: float) -> None:
        self.lake, self.stop, self.rest_s = lake, stop, rest_s
        self.read = self.failed = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Read until told to stop, at least once, each with a connection of its own."""
        in_a_row = mine = 0
        connection: duckdb.DuckDBPyConnection | None = None
        self.rest()
        while not self.wrong and (not mine or not self.stop.exists()):
            try:
                if connection is None:
                    connection = connect(self.lake, read_only=True)
                    connection.execute("SET threads = 1")
                read(connection)
            except (TaskhouseError, duckdb.Error) as problem:
                if connection is not None:
                    connection.close()
                connection = None
                self.failed, in_a_row = self.failed + 1, in_a_row + 1
                if in_a_row == TRIES:
                    self.wrong.append(repr(problem))
            except AssertionError as problem:
                self.wrong.append(repr(problem))
            else:
                self.read, mine, in_a_row = self.read + 1, mine + 1, 0
            self.rest()

    def rest(self) -> None:
        """Wait for a while, so that not all of them read at the same moment."""
        until = time.monotonic() + self.rest_s * random.random() * 2
        while time.monotonic() < until and not self.stop.exists():
            time.sleep(0.5)


if __name__ == "__main__":
    crowd = Crowd(Lake.at(sys.argv[1]), Path(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else REST_S)
    threads = [threading.Thread(target=crowd.run) for _ in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stderr.write("".join(f"{text}\n" for text in crowd.wrong))
    sys.stdout.write(f"{crowd.read} {crowd.failed}\n")
    sys.exit(bool(crowd.wrong))
