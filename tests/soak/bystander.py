"""``python bystander.py read|hold``: a dashboard on the published copy, or a shell that holds the warehouse.

Both begin at once, go on until their standard input is closed, and then tell what they saw as a line of JSON.
"""

import json
import sys
import threading
import time
from typing import Any

import duckdb

import taskhouse
from taskhouse.settings import load

PARTIAL = """
SELECT 'rows of tasks without their page' AS what FROM raw.task_versions ANTI JOIN ledger.pages USING (pass_id, page)
UNION ALL
SELECT 'rows of runs without their page' FROM raw.run_versions ANTI JOIN ledger.pages USING (pass_id, page)
UNION ALL
SELECT 'sightings without their page' FROM raw.repository_sightings ANTI JOIN ledger.pages USING (pass_id, page)
UNION ALL
SELECT 'readiness without its page' FROM raw.readiness_snapshots ANTI JOIN ledger.pages USING (pass_id, page)
UNION ALL
SELECT 'finished passes with other pages than they count'
FROM ledger.passes
WHERE verdict <> 'running' AND pages <> (SELECT count(*) FROM ledger.pages WHERE pages.pass_id = passes.pass_id)
UNION ALL
SELECT 'segments with other rows than they count'
FROM (SELECT segment, count(*) AS held FROM (SELECT segment FROM raw.run_events UNION ALL FROM (
    SELECT segment FROM raw.run_log_entries)) GROUP BY ALL) AS rows
FULL JOIN ledger.segments AS segment USING (segment)
WHERE coalesce(rows.held, 0) IS DISTINCT FROM segment.inserted
"""
ROWS = "SELECT (SELECT count(*) FROM raw.task_versions) + (SELECT count(*) FROM raw.run_events) AS held"


def read(stop: threading.Event) -> dict[str, Any]:
    """Open the current copy again and again; every one must be whole, and none older than the last."""
    reads, held, generations, problems = 0, 0, [""], []
    while not stop.is_set():
        with taskhouse.open() as house:
            problems += [f"{row['what']} in {house.generation}" for row in house.records(PARTIAL)]
            now = house.records(ROWS)[0]["held"]
            if now < held or house.generation < generations[-1]:
                problems.append(f"{house.generation} is older than {generations[-1]}")
            if house.generation != generations[-1]:
                generations.append(house.generation)
            reads, held = reads + 1, now
        time.sleep(0.1)
    return {"reads": reads, "generations": len(generations) - 1, "problems": problems[:5]}


def hold(stop: threading.Event) -> dict[str, Any]:
    """Once somebody writes, take the warehouse between two of their commits and keep it for a while."""
    seconds, read_only = float(sys.argv[2]), sys.argv[3] == "read-only"
    warehouse, tries = load().warehouse, 0
    began = time.time()
    while warehouse.with_suffix(".lock.json").stat().st_mtime < began and not stop.is_set():
        time.sleep(0.01)
    while not stop.is_set():
        tries += 1
        try:
            with duckdb.connect(str(warehouse), read_only=read_only) as held:
                held.execute("SELECT count(*) FROM raw.task_versions").fetchone()
                stop.wait(seconds)
                return {"held": seconds if not stop.is_set() else 0.0, "tries": tries}
        except duckdb.IOException:
            time.sleep(0.002)
    return {"held": 0.0, "tries": tries}


def main() -> None:
    """Stand by."""
    stop = threading.Event()
    work = {"read": read, "hold": hold}[sys.argv[1]]
    found: dict[str, Any] = {}
    worker = threading.Thread(target=lambda: found.update(work(stop)))
    worker.start()
    sys.stdin.read()
    stop.set()
    worker.join()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
