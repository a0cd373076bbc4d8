"""Live streams: how long an event takes from the server to its commit, and what that costs."""

from contextlib import AbstractContextManager

from benchmarks.harness import live_server
from benchmarks.harness.case import Case, Contender, Size


def served(size: Size) -> AbstractContextManager[str]:
    """Streams that together emit the size's number of events a second."""
    return live_server.serving(live_server.Size(size["streams"], size["events a second"]))


FULL: Size = {"streams": 500, "events a second": 5000, "seconds to open": 40, "seconds": 60}

LIVE = Case(
    "live",
    "Streams of runs that go on, followed by the engine of `taskhouse tail`: the time from when the server sends an"
    " event to the end of the transaction that commits it. Goal: 5,000 events a second of 500 streams, p99 below 1 s,"
    " peak below 350 MB, on disk at most 0.18 of the texts as NDJSON.",
    (
        Contender(
            "taskhouse",
            "live_taskhouse",
            "Every event is in a file before its cursor moves. The commit is only what readers wait for.",
            slow=True,
        ),
    ),
    quick=({"streams": 50, "events a second": 500, "seconds to open": 10, "seconds": 15},),
    full=(FULL, *({**FULL, "runs of a history": runs, "events of a run": 500} for runs in (40, 400, 4000))),
    columns={
        "p50_s": "median, s",
        "p99_s": "p99, s",
        "longest_s": "longest, s",
        "rate": "events a second",
        "streams": "streams",
        "cpu_s": "processor time, s",
        "server_cpu_s": "that of the server, s",
        "peak_mb": "peak, MB",
        "share": "on disk, of NDJSON",
        "requests": "requests",
    },
    serve=served,
    requests=live_server.answered,
    prepared=True,
)
