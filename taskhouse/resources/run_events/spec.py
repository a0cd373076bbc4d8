"""What happened in each run, in two layers, each event with the exact text that arrived.

``raw.run_events`` is the live stream, with its timing; ``raw.run_log_entries`` is the server's log, which also has what
was not streamed live. Events that are missing from both are rows in ``ledger.gaps``.
"""

from taskhouse.resources.spec import Resource, Table

EVENTS = Table(
    "run_events",
    "captured",
    ("run_id",),
    ("source", "stream_id", "incarnation"),
    refers=("run_id", "run_versions"),
    where="stream_id IS NOT NULL",
    shown_by=("run_events", "events_once"),
)
ENTRIES = Table(
    "run_log_entries",
    "captured",
    ("run_id",),
    ("position",),
    refers=("run_id", "run_versions"),
    counted_as="run_log",
    shown_by=("run_events", "events_once"),
)
RUN_EVENTS = Resource(
    name="run_events",
    about=__doc__,
    cron="2-59/5 * * * *",
    tables=(EVENTS, ENTRIES),
    after=("runs",),
    quarantines=("run_log", "spool"),
    preview=("run_id", "stream_id", "kind", "method", "session_update", "received_at"),
    newest="received_at",
    live=True,
)
