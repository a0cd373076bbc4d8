"""Every change to a warehouse behind its back is found; what syncs themselves leave is sound."""

import lzma
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.clock import REAL
from taskhouse.errors import ConfigurationError
from taskhouse.resources import registry
from taskhouse.warehouse import verify
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.verify import Check
from tests.asked import copied

OLD = Path(__file__).parents[1] / "homes" / "schema-2.duckdb.xz"
ONE_EVENT = "rowid = (SELECT min(rowid) FROM raw.run_events WHERE stream_id IS NOT NULL)"
ONE_ENTRY = "rowid = (SELECT max(rowid) FROM raw.run_log_entries)"
ONE_TASK = "rowid = (SELECT min(rowid) FROM raw.task_versions)"

SECOND_STRETCH = (
    "INSERT INTO raw.task_sightings SELECT * REPLACE (first_seen_at - INTERVAL 1 SECOND AS first_seen_at)"
    " FROM raw.task_sightings WHERE rowid = (SELECT min(rowid) FROM raw.task_sightings)"
)

PLANTED = {
    "a text of an event": (
        f"UPDATE raw.run_events SET payload = payload || ' ' WHERE {ONE_EVENT}",
        "checksums of segments",
    ),
    "an event that is lost": (f"DELETE FROM raw.run_events WHERE {ONE_EVENT}", "checksums of segments"),
    "an event that is held twice": (
        f"INSERT INTO raw.run_events FROM raw.run_events WHERE {ONE_EVENT}",
        "unique keys",
    ),
    "an entry in the log of another run": (
        f"UPDATE raw.run_log_entries SET run_id = 'another' WHERE {ONE_ENTRY}",
        "checksums of segments",
    ),
    "a count of a segment": (
        "UPDATE ledger.segments SET duplicates = duplicates + 1 WHERE inserted > 0",
        "counts of segments",
    ),
    "a segment that nothing names": (
        "DELETE FROM ledger.segments WHERE segment = (SELECT any_value(segment) FROM raw.run_events)",
        "references between rows",
    ),
    "the content of a version": (
        f'UPDATE raw.task_versions SET payload = replace(payload, \'"title":"\', \'"title":"x\') WHERE {ONE_TASK}',
        "content hashes of versions",
    ),
    "a page": ("DELETE FROM ledger.pages WHERE page = 1", "references between rows"),
    "a count of a pass": (
        "UPDATE ledger.passes SET rows_added = rows_added + 1 WHERE resource = 'readiness'",
        "counts of passes",
    ),
    "a verdict": ("UPDATE ledger.passes SET finished_at = NULL WHERE resource = 'runs'", "times of passes"),
    "a stretch over the next one": (
        SECOND_STRETCH,
        "periods of presence",
    ),
    "a cursor before what is held": (
        "UPDATE ledger.cursors SET position = '0' WHERE resource = 'run_log'",
        "cursors of logs",
    ),
    "a view": ("CREATE OR REPLACE VIEW main.runs AS SELECT 1 AS one", "views and macros"),
    "a migration": ("UPDATE ledger.migrations SET sha256 = 'x' WHERE version = 1", "migrations"),
    "the identity": ("UPDATE ledger.origin SET id = NULL", "identity"),
}


def checks(connection: Any) -> dict[str, Any]:
    return verify.checks(connection, hashes=registry.content_hashes, now=REAL.now())


def checked(connection: Any) -> dict[str, Check]:
    return {about: check() for about, check in checks(connection).items()}


def wrong(found: dict[str, Check]) -> dict[str, tuple[str, ...]]:
    return {about: check.examples for about, check in found.items() if check.wrong}


def test_what_syncs_leave_is_sound_and_every_planted_corruption_is_found(make_house: Any) -> None:
    house = make_house(emulator_tasks=8, emulator_repositories=2, emulator_live_runs=2, capture_seconds=1)
    house.sync_all()
    with duckdb.connect(str(copied(house.warehouse()))) as connection:
        sound = checked(connection)
        assert wrong(sound) == {}
        assert all(check.looked_at for check in sound.values())
        assert sum(check.unknown for check in sound.values()) == 0
        counts = "SELECT (SELECT count(*) FROM raw.run_events), (SELECT count(*) FROM raw.run_log_entries)"
        assert min(connection.execute(counts).fetchall()[0]) > 10
        found = {}
        for name, (plant, about) in PLANTED.items():
            connection.execute("BEGIN")
            connection.execute(plant)
            found[name] = checks(connection)[about]().wrong > 0
            connection.execute("ROLLBACK")
    assert found == dict.fromkeys(PLANTED, True)


def test_an_old_home_is_sound_but_for_what_it_never_wrote_down(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(lzma.decompress(OLD.read_bytes()))
    with duckdb.connect(str(path), read_only=True) as connection:
        (host,) = connection.execute("SELECT host FROM ledger.origin").fetchall()[0]
        with pytest.raises(ConfigurationError, match="has schema version 2"):
            checks(connection)
    with Warehouse(path, host=host).reading("bringing it up to date"):
        pass
    with duckdb.connect(str(path), read_only=True) as connection:
        found = checked(connection)
    assert wrong(found) == {}
    assert found["checksums of segments"].unknown == found["checksums of segments"].looked_at > 0
    assert found["content hashes of versions"].unknown == 0


def test_a_block_that_the_disk_changed_is_named_by_its_table(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path, host="http://localhost:1").transaction("filling") as connection:
        connection.execute(
            "INSERT INTO raw.run_events BY NAME SELECT 1 AS project_id, 't' AS task_id, 'r' AS run_id,"
            " 0 AS incarnation, 'django' AS source, i::VARCHAR AS stream_id, true AS json_ok, false AS redacted,"
            " 's' AS segment, md5(i::VARCHAR) || md5((i * 7)::VARCHAR) AS payload FROM range(30000) AS numbers (i)"
        )
    with duckdb.connect(str(path), read_only=True) as connection:
        (block,) = connection.execute(
            "SELECT max(block_id) FROM pragma_storage_info('raw.run_events')"
            " WHERE column_name = 'payload' AND segment_type = 'VARCHAR'"
        ).fetchall()[0]
    damaged = tmp_path / "damaged.duckdb"
    shutil.copy(path, damaged)
    with damaged.open("rb+") as file:
        file.seek(3 * 4096 + block * 262144 + 5000)
        file.write(b"rot")
    with duckdb.connect(str(damaged), read_only=True) as connection:
        assert "raw.run_events" in checks(connection)[verify.READABLE]().examples[0]


@pytest.mark.parametrize("payload", ['{"url":"https://x?[redacted]","updated_at":"2026-11-27T00:00:00Z"}'])
def test_a_version_of_which_something_was_cut_has_no_hash_that_could_be_computed(payload: str) -> None:
    assert registry.content_hashes("run_versions", payload) == set()
