"""Bring a warehouse's schema up to date: each migration in a transaction, each recorded."""

import hashlib

import duckdb

from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError
from taskhouse.warehouse import sql

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "initial",
        (
            "warehouse/schema/migrations",
            "warehouse/schema/origin",
            "warehouse/schema/passes",
            "warehouse/schema/pages",
            "warehouse/schema/cursors",
            "warehouse/schema/segments",
            "warehouse/schema/resumes",
            "warehouse/schema/gaps",
            "warehouse/schema/quarantine",
            "warehouse/schema/drift",
            "warehouse/schema/views",
            "resources/tasks/task_versions",
            "resources/tasks/task_sightings",
            "resources/repositories/repository_sightings",
            "resources/readiness/readiness_snapshots",
            "resources/runs/run_versions",
            "resources/run_events/run_events",
            "resources/run_events/run_log_entries",
        ),
    ),
    ("task usage", ("resources/task_usage/task_usage",)),
    ("what a verdict rests on", ("warehouse/schema/passes_proof", "warehouse/schema/passes_proven_at")),
    ("refusals have a time", ("warehouse/schema/cursors_since", "warehouse/schema/cursors_since_known")),
    (
        "how streams were taken up and left",
        (
            "warehouse/schema/resumes_connected_at",
            "warehouse/schema/resumes_heard_at",
            "warehouse/schema/resumes_ending",
            "warehouse/schema/resumes_events",
        ),
    ),
    ("logs to prove", ("warehouse/schema/logs_unproved",)),
    (
        "a home knows what it is",
        ("warehouse/schema/origin_id", "warehouse/schema/origin_generation", "warehouse/schema/origin_known"),
    ),
    ("pull requests have a state", ("resources/runs/run_versions_pr_state", "resources/runs/pr_state_known")),
    ("checksums of segments", ("warehouse/schema/segments_held", "warehouse/schema/segments_checksum")),
    ("scheduled runs have a time", ("resources/runs/run_versions_scheduled_at", "resources/runs/scheduled_at_known")),
    ("whether a stream held what was read before", ("warehouse/schema/resumes_is_joined",)),
    ("pull requests to prove", ("warehouse/schema/pull_requests_unproved",)),
    ("what the event at a cursor said", ("warehouse/schema/cursors_checksum",)),
    ("bytes of kept events are kept", ("warehouse/schema/event_bytes_kept",)),
    ("pinned tasks", ("resources/pinned/pinned_sightings",)),
    (
        "one name for one thing",
        (
            "warehouse/schema/cursors_state_since",
            "warehouse/schema/cursors_updated_by",
            "warehouse/schema/segments_quarantined",
            "warehouse/schema/segments_control_lines",
            "warehouse/schema/quarantine_found_in",
        ),
    ),
    ("gaps have a kind", ("warehouse/schema/gaps_kind", "warehouse/schema/gaps_kind_known")),
    ("reasons have a code", ("warehouse/schema/passes_reason_code", "warehouse/schema/passes_reason_code_known")),
    ("bad records have a kind", ("warehouse/schema/quarantine_kind", "warehouse/schema/quarantine_kind_known")),
    ("what is computed from events is stored", ("warehouse/schema/mart_runs", "warehouse/schema/mart_runs_known")),
    ("connections to streams have a name of their own", ("warehouse/schema/resumes_renamed",)),
    ("events that arrive together are one line of the spool", ("warehouse/schema/segments_of_batches",)),
)
"""Every migration in order: its name and its statements, below ``taskhouse/``. Never edit one that was released."""

EARLIER = {
    8: "1655d30072a226626392eae7bc8f72b5aa33ef8ddda20ce20c78fb6c4d6b6786",
    10: "89283c76f32e38f3ae58d763c208b10c7a36e87c6d2b1a95083ae9643555fd51",
}
"""Digests of statements that stopped on some payloads, and led to the same schema and values if they did not."""


def upgrade(connection: duckdb.DuckDBPyConnection, clock: Clock = REAL) -> None:
    """Apply what is missing.

    Raises:
        ConfigurationError: The file was written by a newer taskhouse.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    connection.execute("CREATE SCHEMA IF NOT EXISTS ledger")
    connection.execute("CREATE SCHEMA IF NOT EXISTS mart")
    done = version(connection)
    if done > len(MIGRATIONS):
        raise ConfigurationError(
            f"The warehouse has schema version {done}, but this taskhouse only knows {len(MIGRATIONS)}.",
            hint="Install the newer taskhouse that wrote it.",
        )
    for number, (name, statements) in enumerate(MIGRATIONS[done:], start=done + 1):
        texts = _texts(statements)
        with sql.atomic(connection):
            for text in texts:
                connection.execute(text)
            connection.execute(
                "INSERT INTO ledger.migrations BY NAME SELECT ? AS version, ? AS name, ? AS sha256, ? AS applied_at",
                [number, name, digest(number), clock.now()],
            )


def is_known(version: int, held: str | None) -> bool:
    """Whether a digest is that of the statements that lead to a version, now or earlier."""
    return held is not None and held in {digest(version), EARLIER.get(version)}


def digest(version: int) -> str | None:
    """SHA-256 of the statements that lead to a version; None of one that is not known."""
    if not 0 < version <= len(MIGRATIONS):
        return None
    return hashlib.sha256("\n".join(_texts(MIGRATIONS[version - 1][1])).encode()).hexdigest()


def _texts(statements: tuple[str, ...]) -> list[str]:
    return [sql.engine(path) for path in statements]


def version(connection: duckdb.DuckDBPyConnection) -> int:
    """The version of the schema of a file; 0 of one that is no warehouse yet."""
    known = connection.execute(
        "SELECT count(*) FROM duckdb_tables()"
        " WHERE database_name = current_database() AND schema_name = 'ledger' AND table_name = 'migrations'"
    ).fetchone()
    if not known or not known[0]:
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM ledger.migrations").fetchone()
    return int(row[0]) if row else 0
