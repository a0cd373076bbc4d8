"""A warehouse of an earlier schema becomes one of today, whatever interrupts that."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.warehouse import gaps, migrate
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.restore import restore

HOST = "http://localhost:1"
NOW = datetime(2026, 11, 27, tzinfo=UTC)
BEFORE = next(number for number, (name, _) in enumerate(migrate.MIGRATIONS) if name == "one name for one thing")
FIGURES = (
    *("resumes", "requests", "retries", "bytes", "throttled_s", "pages", "rows_seen", "rows_distinct", "duplicates"),
    *("rows_added", "rows_absent", "ids_requested", "ids_returned", "ids_absent", "quarantined"),
)
OLD_ROWS: dict[str, dict[str, Any]] = {
    "cursors": {
        "project_id": 1,
        "resource": "run_stream",
        "key": "r",
        "state": "live",
        "updated_at": NOW,
        "since": NOW,
        "moved_by": "p1",
    },
    "segments": {
        "segment": "s1",
        "layer": "live",
        "bytes": 9,
        "lines": 10,
        "inserted": 4,
        "duplicates": 3,
        "set_aside": 2,
        "marks": 1,
        "loaded_at": NOW,
    },
    "quarantine": {"resource": "runs", "reason": "bad", "first_seen_at": NOW, "brought_by": "p1"},
    "origin": {"host": HOST, "created_at": NOW, "id": "id", "generation": 1},
    "passes": {
        "pass_id": "p",
        "project_id": 1,
        "resource": "runs",
        "started_at": NOW,
        "interrupted": False,
        "verdict": "incomplete",
        "reason": "first load: the runs of 2 tasks are still to be listed; run it again",
        **dict.fromkeys(FIGURES, 0),
    },
    "gaps": {
        "project_id": 1,
        "run_id": "r",
        "detected_at": NOW,
        "how": "?",
        "certain": True,
        "repaired_from_log": True,
    },
}
"""What the version before the columns were renamed held, by table of the ledger."""

GAPS = {
    "the agent's events b-2 to b-3 are in neither layer": "numbers_missing",
    "the server announced a trim of the stream: what it contained here was not received live": "trim_announced",
    "1 to 9 events were waiting, as many as a stream keeps: earlier events may have been trimmed": "trim_suspected",
    "events that were waiting are missing too: earlier events may have been trimmed": "trim_suspected",
    "9 events came late, as many as a stream keeps: earlier events may have been trimmed": "overrun",
    "the stream no longer contained the last event that was read: what came in between is not known": "last_event_gone",
    "another event came with the id of the last one that was read: what surrounded it is not known": "id_reused",
    "the stream started over before its end was read: what it contained until then is not known": "stream_restarted",
    "the stream no longer existed while its run continued: what followed is not known": "stream_expired",
    "the stream no longer existed before anything was read: what it contained is not known": "stream_not_read",
    "the stream no longer existed before its end was read: what followed is not known": "end_not_read",
    "the stream was not read for longer than the server keeps an idle one: what it contained is not": "read_too_late",
    "the log expired before it was read to its end": "log_expired",
    "the stream was refused (403) for as long as; the log was not found (404) for as long as": "refused",
    "the log was not found (404) for as long as the server may have had it": "not_found",
    "what is missing could not be determined: Out of Range Error": "undetermined",
    "?": None,
}
"""What a gap says to people, with the code that a migration reads from it."""

TODAY: dict[str, tuple[Any, ...]] = {
    "SELECT reason_code FROM ledger.passes": ("unfinished",),
    "SELECT kind FROM ledger.gaps": (None,),
    "SELECT state_since, updated_by FROM ledger.cursors": (NOW, "p1"),
    "SELECT quarantined, control_lines FROM ledger.segments": (2, 1),
    "SELECT found_in, kind FROM ledger.quarantine": ("p1", "unreadable"),
    "SELECT max(version) FROM ledger.migrations": (len(migrate.MIGRATIONS),),
}


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse as the version before the columns were renamed left it."""
    path = tmp_path / "old" / "warehouse.duckdb"
    path.parent.mkdir()
    with monkeypatch.context() as before, duckdb.connect(str(path)) as connection:
        before.setattr(migrate, "MIGRATIONS", migrate.MIGRATIONS[:BEFORE])
        migrate.upgrade(connection)
        for table, row in OLD_ROWS.items():
            named = ", ".join(f"${column} AS {column}" for column in row)
            connection.execute(f"INSERT INTO ledger.{table} BY NAME SELECT {named}", row)
    return path


def is_of_today(connection: duckdb.DuckDBPyConnection) -> bool:
    connection.execute("SET TimeZone = 'UTC'")
    return {text: connection.execute(text).fetchall()[0] for text in TODAY} == TODAY


def test_columns_keep_their_values_under_their_new_names(old: Path) -> None:
    with Warehouse(old, host=HOST).transaction("the first one after an upgrade") as connection:
        assert is_of_today(connection)


def test_stored_gaps_get_the_code_that_their_sentence_tells(old: Path) -> None:
    with duckdb.connect(str(old)) as connection:
        connection.execute("INSERT INTO ledger.gaps SELECT * REPLACE (unnest(?) AS how) FROM ledger.gaps", [[*GAPS]])
        migrate.upgrade(connection)
        assert dict(connection.execute("SELECT how, kind FROM ledger.gaps").fetchall()) == GAPS
        assert {*GAPS.values()} == {*gaps.KINDS, None}


def test_stored_bad_records_get_the_code_that_their_reason_tells(old: Path) -> None:
    records = {
        "an event of 9000000 bytes is more than taskhouse keeps": ("run_events", "too_large"),
        "the event is not JSON that DuckDB can read; its text is stored with json_ok = false": ("run_log", "not_json"),
        "the event is not UTF-8: its text is stored with U+FFFD": ("run_events", "not_utf8"),
        "this event cannot be loaded: Out of Range Error": ("run_events", "not_loadable"),
        "the log contains another text at this position": ("run_log", "replaced"),
        "the log ends before this position": ("run_log", "beyond_end"),
        "the position of this entry in the run's own log is not known": ("run_log", "unplaced"),
        "an answer about something other than acme/web@7": ("readiness", "wrong_subject"),
        "it could not be processed: KeyError": ("tasks", "unexpected"),
        "bad": ("runs", "unreadable"),
        "its checksum differs": ("spool", "damaged"),
        "?": ("run_log", None),
    }
    with duckdb.connect(str(old)) as connection:
        told = [
            {"reason": reason, "resource": resource} for reason, (resource, _) in records.items() if reason != "bad"
        ]
        connection.execute(
            "INSERT INTO ledger.quarantine SELECT held.* REPLACE (told.reason AS reason, told.resource AS resource)"
            " FROM ledger.quarantine AS held, (SELECT unnest(?) AS told)",
            [told],
        )
        migrate.upgrade(connection)
        found = connection.execute("SELECT reason, resource, kind FROM ledger.quarantine").fetchall()
    assert {reason: (resource, kind) for reason, resource, kind in found} == records


def test_versions_of_a_run_with_a_lone_surrogate_are_upgraded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(number for number, (name, _) in enumerate(migrate.MIGRATIONS) if name == "pull requests have a state")
    lone = r'{"output": {"pr_state": "open"}, "scheduled_at": "2026-11-27T00:00:00Z", "stage": "\ud83d"}'
    payloads = {
        "lone": lone,
        "whole": lone.replace(r"\ud83d", ""),
        "none": "{}",
        "hidden": lone.replace("open", "[text 4 ab]"),
    }
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        with monkeypatch.context() as before:
            before.setattr(migrate, "MIGRATIONS", migrate.MIGRATIONS[:first])
            migrate.upgrade(connection)
        for run_id, payload in payloads.items():
            row = {"project_id": 1, "task_id": "t", "run_id": run_id, "valid_from": NOW, "observed_in": "runs"}
            row |= {
                "status": "not_started",
                "pr_url": "u",
                "content_hash": "",
                "payload": payload,
                "pass_id": "p",
                "page": 1,
            }
            named = ", ".join(f"${column} AS {column}" for column in row)
            connection.execute(f"INSERT INTO raw.run_versions BY NAME SELECT {named}", row)
        migrate.upgrade(connection)
        found = connection.execute("SELECT run_id, pr_state, scheduled_at, payload FROM raw.run_versions").fetchall()
    told = {"lone": ("open", NOW), "whole": ("open", NOW), "none": (None, None), "hidden": (None, NOW)}
    assert {run_id: (state, at) for run_id, state, at, _ in found} == told
    assert {run_id: payload for run_id, *_, payload in found} == payloads


def test_statements_of_a_migration_that_were_corrected_are_known(old: Path) -> None:
    assert all(migrate.is_known(version, digest) for version, digest in migrate.EARLIER.items())
    assert all(migrate.digest(version) != digest for version, digest in migrate.EARLIER.items())
    assert not migrate.is_known(1, migrate.EARLIER[8])
    with duckdb.connect(str(old)) as connection:
        held = dict(connection.execute("SELECT version, sha256 FROM ledger.migrations").fetchall())
    assert held
    assert all(migrate.is_known(version, digest) for version, digest in held.items())


def test_an_upgrade_that_is_interrupted_goes_on(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, statements = migrate.MIGRATIONS[BEFORE]
    with monkeypatch.context() as before, duckdb.connect(str(old)) as connection:
        cut = (name, (*statements[:3], "warehouse/schema/cursors"))
        before.setattr(migrate, "MIGRATIONS", (*migrate.MIGRATIONS[:BEFORE], cut))
        with pytest.raises(duckdb.Error):
            migrate.upgrade(connection)
        assert migrate.version(connection) == BEFORE
    with duckdb.connect(str(old)) as connection:
        migrate.upgrade(connection)
        assert is_of_today(connection)


def test_an_upgrade_that_only_the_write_ahead_log_has_is_read_from_there(old: Path, tmp_path: Path) -> None:
    copy = tmp_path / "killed.duckdb"
    with duckdb.connect(str(old)) as connection:
        migrate.upgrade(connection)
        shutil.copy(old, copy)
        shutil.copy(f"{old}.wal", f"{copy}.wal")
    with duckdb.connect(str(copy)) as connection:
        assert is_of_today(connection)


def test_a_backup_of_the_version_before_is_restored(old: Path, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "new" / "warehouse.duckdb", host=HOST)
    warehouse.path.parent.mkdir()
    restore(warehouse, old)
    with warehouse.transaction("the first one after a restore") as connection:
        assert is_of_today(connection)
