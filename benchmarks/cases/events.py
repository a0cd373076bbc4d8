"""Run streams, from the socket to committed rows."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.contenders import streams
from benchmarks.harness import emulator
from benchmarks.harness.case import Case, Contender, Figures, Size
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings


def world(size: Size) -> EmulatorSettings:
    """Live runs that a jump of the clock brings to their end, with their streams still there."""
    return EmulatorSettings(
        tasks=size["runs"] * 2,
        repositories=10,
        live_runs=size["runs"],
        speed=0,
        events=size["events of a run, about"] / 300,
        throttle=False,
        streams=StreamSettings(max_entries=100_000, coalesce_chunks=True),
    )


@contextlib.contextmanager
def served(size: Size) -> Iterator[str]:
    """An emulator whose runs have ended."""
    with emulator.serving(world(size)) as url, httpx.Client(base_url=url, timeout=600) as client:
        for _ in range(200):
            client.post("/_emulator/clock", json={"advance_s": 60})
            if client.get("/_emulator/settled").json()["live_runs"] == 0:
                break
        yield url


def prepare(url: str, given: Path) -> Figures:
    """Which runs have events, and all rows as a file for the floor."""
    answer = httpx.get(f"{url}/_emulator/truth", params={"project_id": 1, "key": "phx_emulator"}, timeout=600).json()
    runs = [{"id": run["id"], "task_id": run["task_id"]} for run in answer["runs"] if run["live"]["count"]]
    (given / "runs.json").write_text(json.dumps(runs), "utf-8")
    rows = asyncio.run(streams.events(url, runs))
    (given / "rows.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    count = sum(run["live"]["count"] for run in answer["runs"])
    texts = sum(len(row["payload"].encode()) + 1 for row in rows)
    return {"rows": count, "bytes of an event": round(texts / count), "ndjson_mb": texts / 1e6}


PEERS = (
    Contender(
        "by hand",
        "events_by_hand",
        "httpx, httpx-sse, pandas and one INSERT. A kill loses everything that was read; events of a stream that the"
        " server trimmed are missing without a word; an event without an id is lost; the text passes through a string.",
        environment="by_hand",
    ),
    Contender(
        "dlt, default",
        "events_dlt",
        "A package that was extracted is loaded after a kill; what was being read is lost. Rows are merged by id, so"
        " another event under the same id replaces the first. No gaps, no proof.",
        ("default",),
        environment="dlt",
        slow=True,
    ),
    Contender("dlt, Parquet", "events_dlt", "The same, through Parquet files.", ("parquet",), environment="dlt"),
    Contender("dlt, Arrow", "events_dlt", "The same, from Arrow tables.", ("arrow",), environment="dlt"),
    Contender(
        "Singer",
        "events_singer",
        "A tap of the Singer SDK, piped into target-duckdb; the time includes the start of both processes. Without a"
        " bookmark a kill starts everything again; rows are merged by id. No gaps, no proof.",
        environment="singer",
        slow=True,
    ),
)

COLUMNS = {
    "seconds": "seconds",
    "cpu_s": "processor time, s",
    "peak_mb": "peak, MB",
    "disk_mb": "on disk, MB",
    "requests": "requests",
}

NEW_HOME = "The same, with the time that it takes to make the warehouse, once for each home."
"""What a first time in a home adds."""

EVENTS = Case(
    "events",
    "Streams of runs that have ended, fifty at once, from the socket to committed rows.",
    (
        Contender(
            "taskhouse",
            "events_taskhouse",
            "Every event is in a file before its cursor moves, so a kill loses nothing; the exact text, its checksum"
            " and its place are kept; rows, cursor and proof are committed together; gaps are found.",
        ),
        Contender(
            "taskhouse, new home",
            "events_taskhouse",
            NEW_HOME,
            ("new",),
        ),
        Contender(
            "floor",
            "events_floor",
            "No work that could be left out: the bytes are read and dropped, and the rows come from a file that"
            " somebody else parsed. It guarantees nothing.",
        ),
        *PEERS,
        Contender("taskhouse, profile", "events_profile", "The stages one by one.", apart=True),
    ),
    quick=({"runs": 60, "events of a run, about": 1000},),
    full=({"runs": 200, "events of a run, about": 1000},),
    columns=COLUMNS,
    per=("rows", "µs an event"),
    serve=served,
    prepare=prepare,
    requests=emulator.answered,
)

REPLAY = Case(
    "events-again",
    "The same streams read once more from their beginning, when every event of them is stored.",
    EVENTS.contenders[:1] + PEERS,
    quick=({"runs": 30, "events of a run, about": 1000},),
    full=EVENTS.full,
    columns=COLUMNS,
    per=EVENTS.per,
    serve=served,
    prepare=prepare,
    requests=emulator.answered,
    prepared=True,
)

LOAD = Case(
    "load",
    "A batch of captured events of 50 new runs, from the spool to the commit, by how much is stored already.",
    tuple(
        Contender(name, "load", "It counts as loaded only once its segments add up.", (layer,))
        for name, layer in (("live events", "live"), ("log entries", "log"))
    ),
    quick=tuple({"stored events": stored, "batch": 20_000} for stored in (200_000, 1_000_000)),
    full=tuple({"stored events": stored, "batch": 50_000} for stored in (200_000, 1_000_000, 10_000_000)),
    columns={"seconds": "seconds", "cpu_s": "processor time, s", "peak_mb": "peak, MB"},
    per=EVENTS.per,
    prepared=True,
)
