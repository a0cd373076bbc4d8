"""What happened in each run, in two layers, each event with the exact text that arrived.

``raw.run_events`` is the live stream, with its timing; ``raw.run_log_entries`` is the log that the server keeps, with
what nobody was watching. A hole that the log cannot fill is a row in ``ledger.gaps``.
"""

from taskhouse.assets.family import Family, Table

RUN_EVENTS = Family(
    name="run_events",
    about=__doc__,
    tables=(
        Table(
            "run_events",
            ("run_id", "incarnation", "source", "stream_ms", "stream_seq"),
            segments=True,
            where="stream_ms IS NOT NULL",
            refers=("run_id", "run_versions"),
        ),
        Table("run_log_entries", ("run_id", "position"), segments=True, refers=("run_id", "run_versions")),
    ),
    after=("runs",),
    preview=("run_id", "stream_id", "kind", "method", "session_update", "received_at"),
    newest="received_at",
    made_by=(
        "resources/run_events/sync.py",
        "capture/capture_schedule.py",
        "capture/streams.py",
        "capture/logs.py",
        "posthog/redact.py",
        "posthog/privacy.py",
        "posthog/sse.py",
        "posthog/jsonslices.py",
        "spool/line.py",
        "warehouse/load.py",
        "warehouse/statements/load",
    ),
    live=True,
    quarantines=("run_log", "spool"),
)
