"""What people and schedules wait for when nothing is new, by how long the history is.

The server shows the same small project at every size. The history is made beside it: see
:mod:`benchmarks.contenders.history`.

Each part runs twice, and the second time counts, so that imports and the first look at the file are left out; the tail
and ``verify`` run once. Of loads, the mean of several counts.
"""

import asyncio
import functools
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import taskhouse
from benchmarks.contenders import history, load, measure
from benchmarks.contenders.events_taskhouse import settings_of
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

BATCH = 5_000
LOADS = 8
"""The commits of loads take 8, 21, 8 and 12 ms in turn, because DuckDB merges the last row groups of a table."""

TAIL_S = 15.0
TAIL = f"a tail of {TAIL_S:g} s"
ONCE = (TAIL, "verify")
SETTLING = 4
"""Passes over each resource after which nothing of the small project is due any more."""


def one_pass(settings: Settings, name: str) -> PassReport:
    """One pass over a resource."""
    return asyncio.run(sync(settings, 1, name))


def prepare(settings: Settings, runs: int, events: int) -> None:
    """The small project, the history, and everything that follows from it."""
    names = [name for name in RESOURCES if settings.wants(name)]
    for number in range(SETTLING):
        for name in names:
            one_pass(settings, name)
        if number == 0:
            history.store(settings, runs, events)
    derive(open_warehouse(settings), within_s=1e6, everything=True, most=MANY_LINES)


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
        "status": functools.partial(status_answers.look, settings, [*filter(settings.wants, RESOURCES)]),
        "compute what is due, which is nothing": functools.partial(derive, warehouse),
        TAIL: lambda: asyncio.run(tailed(settings, TAIL_S)),
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
    settings, size = settings_of(asked.url, asked.home), measure.size(asked)
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
