"""What people and schedules wait for when nothing is new, by how long the history is.

The server shows the same small project at every size. The history is made beside it, inside DuckDB: runs that ended in
the past year, of tasks that no longer exist, with their events, logs and cursors, the passes of that year and the
segments that brought the events. What is computed from events is stored, and a copy is published.

Each part runs twice, and the second time counts, so that imports and the first look at the file are left out; the tail
and ``verify`` run once. Of loads, the mean of several counts.
"""

import asyncio
import functools
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import duckdb

import taskhouse
from benchmarks.contenders import load, made_year, measure
from benchmarks.contenders.lists_taskhouse import Later
from taskhouse import report, run_page
from taskhouse.operations import follow, sync
from taskhouse.passes.lifecycle import PassReport
from taskhouse.pipelines.cli import status_answers
from taskhouse.resources.registry import RESOURCES, content_hashes
from taskhouse.settings import Settings
from taskhouse.spool.folder import Spool
from taskhouse.warehouse import reading
from taskhouse.warehouse import verify as verifying
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.derive import MANY_LINES, derive
from taskhouse.warehouse.load import load_spool
from taskhouse.warehouse.opening import open_warehouse
from taskhouse.warehouse.publish import publish, readable

AHEAD_DAYS = 75.0
"""How far the clocks of the server and of taskhouse are ahead: the made year is over then."""

LIVE, REPOSITORIES, BATCH = 20, 20, 5_000
LOADS = 8
"""The commits of loads take 8, 21, 8 and 12 ms in turn, because DuckDB merges the last row groups of a table."""

TAIL_S = 15.0
TAIL = f"a tail of {TAIL_S:g} s"
ONCE = (TAIL, "verify")
SETTLING = 4
"""Passes over each resource after which nothing of the small project is due any more."""

ENDED = "UPDATE life SET status = 'completed' WHERE status = 'in_progress'"
ABSENT = """
UPDATE raw.{table} SET absent_since = last_seen_at + INTERVAL 1 HOUR, absent_pass_id = 'pass' WHERE pass_id = 'pass'
"""
CURSORS = """
INSERT INTO ledger.cursors BY NAME
WITH read AS (
    SELECT run_id, 'run_stream' AS resource, arg_max(stream_id, stream_ms) AS position, 'django' AS leg,
        'stream_end' AS state
    FROM raw.run_events
    WHERE segment = 'segment'
    GROUP BY run_id
    UNION ALL BY NAME
    SELECT run_id, 'run_log' AS resource, CAST(max(position) AS VARCHAR) AS position, 'settled' AS state
    FROM raw.run_log_entries
    WHERE segment = 'segment'
    GROUP BY run_id
    UNION ALL BY NAME
    SELECT run_id, 'run_gaps' AS resource, '' AS position, 'judged' AS state
    FROM life
)
SELECT
    1 AS project_id, read.resource, read.run_id AS key, read.position, read.leg, read.state,
    life.ended_at + INTERVAL 3 DAY AS updated_at, life.ended_at + INTERVAL 3 DAY AS state_since, 'made' AS updated_by
FROM read JOIN life ON read.run_id = life.run_id
"""
PASSES = """
INSERT INTO ledger.passes BY NAME
SELECT
    resource || number AS pass_id, 1 AS project_id, resource, to_timestamp(1770000000 + number * (31500000 // $passes))
        AS started_at, started_at + INTERVAL 2 SECOND AS finished_at, 5 AS requests, 2 AS pages, 100 AS rows_seen,
    100 AS rows_distinct, 'complete' AS verdict, 'as many as the server counts' AS reason, 'listed' AS proof,
    started_at AS proven_at, false AS interrupted, 0 AS resumes, 0 AS retries, 0 AS bytes, 0 AS throttled_s,
    0 AS duplicates, 0 AS rows_added, 0 AS rows_absent, 0 AS ids_requested, 0 AS ids_returned, 0 AS ids_absent,
    0 AS quarantined
FROM range($passes) AS passes (number), unnest($resources) AS names (resource)
"""
PAGES = """
INSERT INTO ledger.pages BY NAME
SELECT
    pass_id, project_id, page, 'list' AS request, 100 * page AS row_offset, 100 AS row_count, 200 AS server_count,
    md5(pass_id) AS sha256, started_at AS fetched_at
FROM ledger.passes, range(2) AS pages (page)
WHERE rows_seen = 100 AND verdict = 'complete' AND reason = 'as many as the server counts'
"""
SEGMENTS = """
INSERT INTO ledger.segments BY NAME
SELECT
    'live-made-' || number AS segment, 'live' AS layer, 100000 AS bytes, 200 AS lines, 200 AS inserted, 0 AS duplicates,
    0 AS quarantined, 0 AS control_lines, 1770000000000 AS first_ms, 1770000001000 AS last_ms,
    to_timestamp(1770000000 + number * (31500000 // $passes)) AS loaded_at, 200 AS held
FROM range($passes) AS segments (number)
"""


def settings_of(asked: measure.Asked) -> Settings:
    """Settings without a limit of requests, on the clock of the made server."""
    return Settings(
        host=asked.url, api_key="phx_emulator", project_ids=(1,), home=asked.home, requests_per_hour=0
    ).with_clock(Later(AHEAD_DAYS))


def one_pass(settings: Settings, name: str) -> PassReport:
    """One pass over a resource."""
    return asyncio.run(sync(settings, 1, name))


def history(connection: duckdb.DuckDBPyConnection, runs: int, events: int) -> None:
    """Make the history inside the caller's transaction."""
    made_year.add(connection, runs, events, LIVE, REPOSITORIES, change=ENDED)
    for table in ("task_sightings", "repository_sightings"):
        connection.execute(ABSENT.format(table=table))
    connection.execute(CURSORS)
    passes = {"passes": runs * 10}
    connection.execute(PASSES, {**passes, "resources": [name for name in RESOURCES if not RESOURCES[name].optional]})
    connection.execute(PAGES)
    connection.execute(SEGMENTS, passes)


def prepare(settings: Settings, runs: int, events: int) -> None:
    """The small project, the history, and everything that follows from it."""
    names = [name for name in RESOURCES if settings.wants(name)]
    warehouse = open_warehouse(settings)
    for number in range(SETTLING):
        for name in names:
            one_pass(settings, name)
        if number == 0:
            with warehouse.transaction("making a history") as connection:
                history(connection, runs, events)
    derive(warehouse, within_s=1e6, everything=True, most=MANY_LINES)
    publish(warehouse, settings.published, force=True)


async def tailed(settings: Settings, seconds: float) -> None:
    """A tail for a number of seconds."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await follow(settings, stop)


def verified(settings: Settings) -> None:
    """Everything that `taskhouse verify` compares, in the published copy."""
    with reading.connected(readable(settings.published)) as connection:
        for check in verifying.checks(connection, hashes=content_hashes, now=settings.clock.now()).values():
            check()


def paged(settings: Settings, run_id: str) -> None:
    """The page of a run of the history."""
    with taskhouse.open(settings.home) as snapshot:
        run_page.render(snapshot, run_id)


def reported(settings: Settings) -> None:
    """The report on the last week."""
    with taskhouse.open(settings.home) as snapshot:
        report.render(snapshot)


def loaded(warehouse: Warehouse, spool: Spool) -> dict[str, Any]:
    """The figures of a load of a batch, in the mean of several after a first one."""
    each = []
    for number in range(1 + LOADS):
        load.batch(spool, "live", str(number), BATCH)
        each.append(measure.measured(lambda: load_spool(warehouse, spool)))
    return {name: statistics.fmean(figures[name] for figures in each[1:]) for name in each[0]}


def parts(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each part of the work, with its figures."""
    warehouse, spool = open_warehouse(settings), Spool(settings.spool / "1")
    with warehouse.reading("choosing a run") as connection:
        ((run_id,),) = connection.execute("SELECT max(key) FROM ledger.cursors WHERE updated_by = 'made'").fetchall()
    works: dict[str, Callable[[], object]] = {
        **{
            f"a pass over {name}": functools.partial(one_pass, settings, name)
            for name in RESOURCES
            if settings.wants(name)
        },
        "status": functools.partial(status_answers.look, settings),
        TAIL: lambda: asyncio.run(tailed(settings, TAIL_S)),
        "compute what is due, which is nothing": functools.partial(derive, warehouse),
        "the report": functools.partial(reported, settings),
        "the page of a run": functools.partial(paged, settings, run_id),
        "publish a copy": functools.partial(publish, warehouse, settings.published, force=True),
        "verify": functools.partial(verified, settings),
    }
    for part, work in works.items():
        for _ in range(1 if part in ONCE else 2):
            if part.startswith("publish"):
                one_pass(settings, "repositories")  # or nothing has changed since the last copy
            figures = measure.measured(work)
        yield part, figures
    yield f"a load of {BATCH:,} events", loaded(warehouse, spool)


def main() -> None:
    """Make the history; or measure each part of the work that finds nothing new."""
    asked = measure.asked()
    settings, size = settings_of(asked), measure.size(asked)
    if asked.mode == "prepare":
        prepare(settings, size["runs"], size["events of a run"])
        return
    rows = [{"part": name, **figures} for name, figures in parts(settings)]
    whole = {name: sum(float(row[name]) for row in rows) for name in ("seconds", "cpu_s")}
    with open_warehouse(settings).reading("counting") as connection:
        count = connection.execute("SELECT count(*) FROM raw.run_events").fetchall()[0][0]
    measure.tell(**whole, rows=count, disk_mb=measure.size_mb(settings.warehouse), tables={"each part": rows})


if __name__ == "__main__":
    main()
