"""Live streams: how long an event takes from its arrival to its commit, and what that costs."""

from contextlib import AbstractContextManager

from benchmarks.harness import emulator
from benchmarks.harness.case import Case, Contender, Size
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings

EVENTS = 600
"""Events of a run as the emulator makes it unscaled, about."""

LIVES_S = 345
"""Seconds that such a run lives, on average."""

SLOW = 0.5
"""The pace of the runs, so that none ends soon."""


def served(size: Size) -> AbstractContextManager[str]:
    """A world whose live runs together emit about the size's number of events a second."""
    streams = size["streams"]
    world = EmulatorSettings(
        tasks=streams * 2,
        repositories=20,
        live_runs=streams,
        pace=SLOW,
        events=size["events a second"] / streams / SLOW * LIVES_S / EVENTS,
        throttle=False,
        max_streams=streams * 2,
        streams=StreamSettings(max_entries=100_000),
    )
    return emulator.serving(world)


LIVE = Case(
    "live",
    "Streams of runs that go on, followed by the engine of `taskhouse tail`: the time from the arrival of an event to"
    " the end of the transaction that commits it. Goal: 5,000 events a second of 500 streams, p99 below 1 s, peak below"
    " 350 MB, on disk at most 0.18 of the texts as NDJSON.",
    (
        Contender(
            "taskhouse",
            "live_taskhouse",
            "Every event is in a file before its cursor moves. The commit is only what readers wait for.",
            slow=True,
        ),
    ),
    quick=({"streams": 50, "events a second": 500, "seconds to open": 10, "seconds": 15},),
    full=({"streams": 500, "events a second": 5000, "seconds to open": 40, "seconds": 60},),
    columns={
        "p50_s": "median, s",
        "p99_s": "p99, s",
        "longest_s": "longest, s",
        "rate": "events a second",
        "streams": "streams",
        "cpu_s": "processor time, s",
        "peak_mb": "peak, MB",
        "share": "on disk, of NDJSON",
        "requests": "requests",
    },
    serve=served,
    requests=emulator.answered,
)
