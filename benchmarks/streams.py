"""Run streams from socket to committed typed rows: taskhouse, the floor, and dlt, on the same events.

    python benchmarks/streams.py [--runs 200] [--events 1000] [--rounds 3]

The floor reads the same bytes with httpx and then writes the same rows in one bulk insert, one after the other. dlt
reads them the same way and loads them in its two fastest forms: rows as dicts through Parquet files, and Arrow tables;
it runs where it is installed (``pip install "dlt[duckdb]" pyarrow``), and is left out elsewhere. Every figure is the
median of the rounds, and every ratio is taken within a round, since the machine's speed drifts.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx

from taskhouse.capture import streams
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.session import capturing
from taskhouse.emulator.serve import listen, serve_on
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings
from taskhouse.operations import open_warehouse
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.sse import Frame, FrameDecoder
from taskhouse.resources.run_events import sync as run_events
from taskhouse.settings import Settings

KEY = {"Authorization": "Bearer phx_emulator"}
AT_ONCE = 50


def world(runs: int, events: int) -> EmulatorSettings:
    """Live runs that a jump of the clock brings to their end, with their streams still there."""
    return EmulatorSettings(
        tasks=runs * 2,
        repositories=10,
        live_runs=runs,
        speed=0,
        events=events / 300,
        throttle=False,
        streams=StreamSettings(max_entries=100_000, coalesce_chunks=True),
    )


@contextlib.contextmanager
def served(runs: int, events: int) -> Iterator[str]:
    """An emulator in a process of its own."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    process = multiprocessing.get_context("fork").Process(
        target=serve_on, args=(listener, world(runs, events)), daemon=True
    )
    process.start()
    listener.close()
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=600) as client:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                client.get("/_emulator/settled")
                break
            if time.monotonic() > until:
                raise TimeoutError("the emulator did not start")
            time.sleep(0.1)
        for _ in range(200):
            client.post("/_emulator/clock", json={"advance_s": 60})
            if client.get("/_emulator/settled").json()["live_runs"] == 0:
                break
    try:
        yield url
    finally:
        process.terminate()
        process.join()


def runs_of(url: str) -> list[dict[str, Any]]:
    """Every run whose stream has events, from the emulator's truth."""
    answer = httpx.get(f"{url}/_emulator/truth", params={"project_id": 1, "key": "phx_emulator"}, timeout=600).json()
    return [run for run in answer["runs"] if run["live"]["count"]]


async def each(url: str, runs: list[dict[str, Any]], take: Callable[[dict[str, Any], bytes], None]) -> None:
    """Read the raw bytes of every stream, fifty at once."""
    gate = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=url, headers=KEY, limits=limits, timeout=60) as client:

        async def one(run: dict[str, Any]) -> None:
            path = f"/api/projects/1/tasks/{run['task_id']}/runs/{run['id']}/stream/"
            async with gate, client.stream("GET", path, headers={"Accept": "text/event-stream"}) as response:
                async for chunk in response.aiter_raw():
                    take(run, chunk)

        await asyncio.gather(*[one(run) for run in runs])


def rows_of(run: dict[str, Any], frames: list[Any]) -> Iterator[dict[str, Any]]:
    """The columns of ``raw.run_events`` that can be read from a frame, by hand."""
    for frame in frames:
        if not isinstance(frame, Frame) or frame.event:
            continue
        told = json.loads(frame.data)
        notification = told.get("notification") or {}
        update = (notification.get("params") or {}).get("update") or {}
        ms, _, seq = (frame.id or "0-0").partition("-")
        yield {
            "project_id": 1,
            "task_id": run["task_id"],
            "run_id": run["id"],
            "stream_id": frame.id,
            "stream_ms": int(ms),
            "stream_seq": int(seq),
            "event_id": told.get("event_id"),
            "kind": told.get("type"),
            "method": notification.get("method"),
            "session_update": update.get("sessionUpdate"),
            "tool_call_id": update.get("toolCallId"),
            "occurred_at": told.get("timestamp"),
            "payload": frame.data.decode(),
        }


def collected(url: str, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every event as a row."""
    decoders = {run["id"]: FrameDecoder() for run in runs}
    rows: list[dict[str, Any]] = []
    asyncio.run(each(url, runs, lambda run, chunk: rows.extend(rows_of(run, decoders[run["id"]].feed(chunk)))))
    return rows


Work = Callable[[], int]


def taskhouse(url: str, runs: list[dict[str, Any]], home: Path) -> Work:
    """Capture through the spool, load meanwhile."""
    settings = Settings(host=url, api_key="phx_emulator", project_ids=(1,), home=home, requests_per_hour=0)
    warehouse = open_warehouse(settings)
    with warehouse.transaction("making the tables"):
        pass

    async def nothing() -> None:
        pass

    async def work() -> None:
        async with PostHog(settings) as client:
            context = Context(settings, 1, client, warehouse)
            async with running(context, run_events.RESOURCE) as the_pass, capturing(the_pass) as capture:
                api = the_pass.api(Priority.LIVE)
                await asyncio.gather(
                    *[
                        streams.capture(
                            the_pass,
                            api,
                            capture.writer,
                            CaptureRun(run["task_id"], run["id"], None, 0, (), context.now(), None),
                            capture.stop,
                            on_trim=nothing,
                            unknown=capture.unknown,
                            progress=streams.StreamProgress(look=False, now=context.now),
                        )
                        for run in runs
                    ]
                )

    def measured() -> int:
        asyncio.run(work())
        with warehouse.transaction("counting") as connection:
            row = connection.execute("SELECT count(*) FROM raw.run_events").fetchone()
        return int(row[0]) if row else 0

    return measured


def floor(url: str, runs: list[dict[str, Any]], home: Path, prepared: Path) -> Work:
    """Read the raw bytes, then insert the same rows from a file in one statement."""
    total = 0

    def take(_: dict[str, Any], chunk: bytes) -> None:
        nonlocal total
        total += len(chunk)

    def measured() -> int:
        asyncio.run(each(url, runs, take))
        with duckdb.connect(str(home / "floor.duckdb")) as connection:
            connection.execute(f"CREATE TABLE run_events AS SELECT * FROM read_json('{prepared}')")  # noqa: S608
            row = connection.execute("SELECT count(*) FROM run_events").fetchone()
        return int(row[0]) if row else 0

    return measured


def with_dlt(url: str, runs: list[dict[str, Any]], home: Path, *, arrow: bool) -> Work:
    """dlt, merging on the run and the stream id, through Parquet files."""
    import dlt  # type: ignore[import-not-found] # noqa: PLC0415

    def batches() -> Iterator[Any]:
        rows = collected(url, runs)
        for start in range(0, len(rows), 10_000):
            if arrow:
                import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415

                yield pa.Table.from_pylist(rows[start : start + 10_000])
            else:
                yield rows[start : start + 10_000]

    resource = dlt.resource(batches, name="run_events", write_disposition="merge", primary_key=["run_id", "stream_id"])
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(home / "dlt"),
        destination=dlt.destinations.duckdb(str(home / "dlt.duckdb")),
        dataset_name="bench",
    )

    def measured() -> int:
        pipeline.run(resource, loader_file_format="parquet")
        with duckdb.connect(str(home / "dlt.duckdb")) as connection:
            row = connection.execute("SELECT count(*) FROM bench.run_events").fetchone()
        return int(row[0]) if row else 0

    return measured


def timed(contender: Callable[[Path], Work], expected: int) -> float:
    """Seconds of one run in a fresh folder, imports and an empty warehouse made before; the rows must all be there."""
    with tempfile.TemporaryDirectory() as folder:
        work = contender(Path(folder))
        gc.collect()
        began = time.perf_counter()
        count = work()
        seconds = time.perf_counter() - began
    if count != expected:
        raise ValueError(f"{count} rows came, and {expected} were expected")
    return seconds


def main() -> int:
    """Measure, and print one line for each contender."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--events", type=int, default=1000, help="events of a run, on average")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with served(arguments.runs, arguments.events) as url, tempfile.TemporaryDirectory() as folder:
        runs = runs_of(url)
        events = sum(run["live"]["count"] for run in runs)
        prepared = Path(folder) / "rows.ndjson"
        rows = collected(url, runs)
        prepared.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        print(f"{events} events of {len(runs)} runs, {prepared.stat().st_size / 1e6:.0f} MB as NDJSON")
        contenders: dict[str, Callable[[Path], Work]] = {
            "taskhouse": lambda home: taskhouse(url, runs, home),
            "floor": lambda home: floor(url, runs, home, prepared),
        }
        if importlib.util.find_spec("dlt"):
            contenders["dlt, dicts through Parquet"] = lambda home: with_dlt(url, runs, home, arrow=False)
            contenders["dlt, Arrow tables"] = lambda home: with_dlt(url, runs, home, arrow=True)
        measured: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(arguments.rounds):
            for name, work in contenders.items():
                measured[name].append(timed(work, len(rows)))
    for name, seconds in measured.items():
        ratio = statistics.median(other / own for own, other in zip(measured["taskhouse"], seconds, strict=True))
        middle = statistics.median(seconds)
        print(f"{name:28} {middle:7.2f} s  {len(rows) / middle:9.0f} events/s  {ratio:6.2f} times taskhouse's time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
