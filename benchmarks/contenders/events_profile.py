"""Where the time of an event goes: each stage of the way from the socket to the commit, by itself, on the same events.

The stages run one after the other in one process, so the processor time of each includes the helping threads of DuckDB.
What they do not explain of the whole way, measured apart, is the event loop, the follower, and the ledger.
"""

import asyncio
import contextlib
import functools
import gc
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from benchmarks.contenders import measure
from benchmarks.contenders.events_taskhouse import captured, settings_of
from benchmarks.contenders.streams import AT_ONCE, Row, runs
from taskhouse.capture import sanitize
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.sse import Frame, FrameDecoder, Oversize
from taskhouse.settings import Settings
from taskhouse.spool import line
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import arrow, sql
from taskhouse.warehouse.load import load_spool
from taskhouse.warehouse.opening import open_warehouse

PARSE = "SELECT count(payload), count(received_at), count(stream_ms), count(task_id) FROM lines"
TYPES = f"SELECT {', '.join(f'count({name})' for name in 'event_id kind method session_update occurred_at'.split())}, \
count(tool_call_id), count(payload), count(received_at), count(stream_ms), count(task_id) FROM typed_events"  # noqa: S608

Chunks = list[tuple[RunKey, list[bytes]]]


class Stages:
    """Seconds of processor time, by stage, in the order in which they were measured."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def add(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do a piece of work for a stage."""
        gc.collect()
        gc.freeze()  # what earlier stages keep must not cost this one
        began = time.process_time()
        result = work()
        self.spent[stage] = self.spent.get(stage, 0.0) + time.process_time() - began
        return result


async def wire(settings: Settings, wanted: list[Row]) -> Chunks:
    """The chunks of every stream, through our transport, fifty at once."""
    gate, found = asyncio.Semaphore(AT_ONCE), Chunks()
    async with PostHog(settings) as client:
        api = TasksApi(client, 1).at(Priority.LIVE)

        async def one(run: Row) -> None:
            async with gate, api.stream(run["task_id"], run["id"]) as connection, aclosing(connection.chunks()) as read:
                found.append((RunKey(1, run["task_id"], run["id"]), [chunk async for chunk in read]))

        await asyncio.gather(*[one(run) for run in wanted])
    return found


def framed(chunks: Chunks) -> list[tuple[RunKey, list[Frame | Oversize]]]:
    """The events that each chunk completes."""
    found = []
    for key, parts in chunks:
        decoder = FrameDecoder()
        found += [(key, [frame for frame in decoder.feed(part) if not frame[0]]) for part in parts]
    return [(key, frames) for key, frames in found if frames]


def redacted(frames: list[tuple[RunKey, list[Frame | Oversize]]]) -> list[tuple[RunKey, list[Entry]]]:
    """What is kept of each event."""
    return [(key, sanitize.entries([one for one in some if isinstance(one, Frame)], "full")) for key, some in frames]


def encoded(entries: list[tuple[RunKey, list[Entry]]]) -> list[bytes]:
    """The lines of each batch."""
    return [b"".join(line.encode(key, some, first=0, leg="django", arrived_us=1)[0]) for key, some in entries]


def summed(entries: list[tuple[RunKey, list[Entry]]], blocks: list[bytes]) -> None:
    """The checksums of events, of the headers of lines and of the segment."""
    for key, some in entries:
        of_run = zlib.crc32(key.run_id.encode())
        for one in some:
            zlib.crc32(one.data, zlib.crc32(f"@{one.stream_id} ".encode(), of_run))
    whole = 0
    for block in blocks:
        zlib.crc32(block[: block.find(b"\t")])
        whole = zlib.crc32(block, whole)


def written(path: Path, blocks: list[bytes]) -> None:
    """The blocks, unbuffered, with one fsync at the end."""
    with path.open("xb", buffering=0) as file:
        for block in blocks:
            file.write(block)
        os.fsync(file.fileno())


@contextlib.contextmanager
def by_statement(stages: Stages) -> Iterator[None]:
    """Note the time of each statement of a load, and beside that of the insert what its reading takes."""
    run = sql.run

    def timed(connection: duckdb.DuckDBPyConnection, *addresses: str, **named: object) -> duckdb.DuckDBPyConnection:
        result = connection
        for address in addresses:
            if address == "load_live/insert":
                stages.add("(parse)", lambda: connection.execute(PARSE).fetchall())
                stages.add("(parse and types)", lambda: connection.execute(TYPES).fetchall())
            stages.add(address, functools.partial(run, connection, address, **named))
        return result

    with patch.object(sql, "run", timed):
        yield


def loaded(settings: Settings, entries: list[tuple[RunKey, list[Entry]]], stages: Stages) -> dict[str, float]:
    """The stages of a load of all events from one spool."""
    warehouse, spool = open_warehouse(settings), Spool(settings.spool / "1")
    with warehouse.transaction("making the tables"):
        pass
    with SpoolWriter(spool) as writer:
        for key, some in entries:
            writer.append("live", key, some, leg="django")
    look = Stages()
    for segment in spool.segments():
        look.add("look", segment.content)
    each = Stages()
    arrays, whole = Stages(), Stages()
    made = arrow.arrays
    with by_statement(each), patch.object(arrow, "arrays", lambda given: arrays.add("arrays", lambda: made(given))):
        whole.add("load", lambda: load_spool(warehouse, spool))
    spent, extra = each.spent, each.spent["(parse)"] + each.spent["(parse and types)"]
    compare = sum(
        value for name, value in spent.items() if "(" not in name and name not in {"load/batch_lines", INSERT}
    )
    types = spent["(parse and types)"] - spent["(parse)"]
    stages.spent["read the segments"] = look.spent["look"]
    stages.spent["headers, arrays"] = arrays.spent["arrays"]
    stages.spent["scan, to decide"] = spent["load/batch_lines"]
    stages.spent["scan, to insert"] = spent["(parse)"]
    stages.spent["types"] = types
    stages.spent["insert"] = spent[INSERT] - spent["(parse and types)"]
    stages.spent["decide, account, cursors"] = compare
    rest = whole.spent["load"] - extra - sum(value for name, value in spent.items() if "(" not in name)
    stages.spent["compress, commit, close"] = rest - look.spent["look"] - arrays.spent["arrays"]
    return stages.spent


INSERT = "load_live/insert"


def main() -> None:
    """Measure the stages, and the whole way."""
    asked = measure.asked()
    wanted, stages = runs(asked.given), Stages()
    settings = settings_of(asked.url, asked.home / "stages")
    chunks: Chunks = stages.add("wire", lambda: asyncio.run(wire(settings, wanted)))
    frames = stages.add("framing", lambda: framed(chunks))
    entries = stages.add("redact", lambda: redacted(frames))
    blocks = stages.add("spool lines", lambda: encoded(entries))
    sums = Stages()
    sums.add("checksums", lambda: summed(entries, blocks))
    stages.spent["spool lines"] -= sums.spent["checksums"]
    stages.spent["checksums"] = sums.spent["checksums"]
    stages.add("write", lambda: written(asked.home / "blocks", blocks))
    loaded(settings, entries, stages)
    whole = settings_of(asked.url, asked.home / "whole")
    warehouse = open_warehouse(whole)
    with warehouse.transaction("making the tables"):
        pass
    figures = measure.measured(lambda: asyncio.run(captured(whole, warehouse, wanted)))
    count = sum(len(some) for _, some in entries)
    table = [{"stage": stage, "µs an event": seconds * 1e6 / count} for stage, seconds in stages.spent.items()]
    other = figures["cpu_s"] - sum(stages.spent.values())
    table.append({"stage": "event loop, follower, ledger", "µs an event": other * 1e6 / count})
    table.append({"stage": "all", "µs an event": figures["cpu_s"] * 1e6 / count})
    measure.tell(**figures, rows=count, tables={"where the processor time goes": table})


if __name__ == "__main__":
    main()
