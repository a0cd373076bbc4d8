"""Verifying, rebuilding, compacting and rewriting: what the lake has stays what the shards have."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskhouse.errors import ConfigurationError, Incomplete
from taskhouse.lake import upkeep
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.erasure import ABOUT
from taskhouse.lake.reading import newest, show_tables
from taskhouse.lake.service import claimed, publish_once
from taskhouse.lake.tables import SHARED
from taskhouse.lake.verify import verify
from taskhouse.warehouse.restore import restore
from tests.lake.buckets import PLACES
from tests.lake.compared import differs, shown
from tests.lake.homes import Home
from tests.lake.parquet import copy_of_one, files_in, holding


def wrong(home: Home) -> dict[str, tuple[int, int]]:
    """What `taskhouse lake verify` finds wrong."""
    return {one.table: (one.lacks, one.extra) for one in verify(home.settings)[1] if one.differs}


def write(lake: Lake, *texts: str) -> None:
    """What nobody should do to a lake."""
    connection = connect(lake)
    try:
        for text in texts:
            connection.execute(text)
    finally:
        connection.close()


KNOWN = " UNION ALL ".join(
    f"SELECT path FROM __ducklake_metadata_lake.ducklake_{name}"
    for name in ("data_file", "delete_file", "files_scheduled_for_deletion")
)
"""The files that the catalogue knows."""


def let_days_pass(lake: Lake) -> None:
    """As if all that the catalogue has scheduled and noted had been three days ago."""
    catalogue = "__ducklake_metadata_lake.ducklake"
    for table, column in (("files_scheduled_for_deletion", "schedule_start"), ("snapshot", "snapshot_time")):
        earlier = f"({column}::TIMESTAMPTZ - INTERVAL 3 DAY)::VARCHAR"
        write(lake, f"UPDATE {catalogue}_{table} SET {column} = {earlier}")


def test_compacting_leaves_one_file_for_each_table_and_readers_alone(
    lake: Lake, make_home: Callable[..., Home], ask: Callable[[Lake, str], list[Any]]
) -> None:
    home, other = make_home("one", lake, full=False), make_home("two", lake, project=2, full=False)
    with claimed(home.settings) as one, claimed(other.settings) as two:
        for _ in range(6):
            for each, publisher in ((home, one), (other, two)):
                each.change(rows=150)
                publisher.publish()
    on_disk = sum(files_in(lake).values())
    reader = newest(lake)
    show_tables(reader)
    done = upkeep.compact(home.settings)
    assert done.after.count < done.before.count
    assert done.after.size < done.before.size
    assert (done.moved > 50, done.removed) == (True, 0)
    assert ask(lake, "SELECT max(file_count), sum(delete_file_count) FROM ducklake_table_info('lake')") == [(1, 0)]
    assert shown(reader, home.project)["raw.run_events"] == home.truth()["raw.run_events"]
    reader.close()
    assert (differs(lake, home), differs(lake, other)) == ({}, {})

    removed = 0
    for _ in range(2):  # what only old snapshots needed is removed one age later
        let_days_pass(lake)
        again = upkeep.compact(home.settings)
        removed += again.removed
    assert removed > done.before.count - done.after.count
    assert again.after.count == done.after.count
    assert sum(files_in(lake).values()) < on_disk
    assert {path.name for path in files_in(lake)} == {Path(path).name for (path,) in ask(lake, KNOWN)}
    assert (differs(lake, home), differs(lake, other)) == ({}, {})


def test_the_lake_is_verified_rebuilt_and_rewritten(lake: Lake, make_home: Callable[..., Home]) -> None:
    home, other = make_home("one", lake), make_home("two", lake, project=2, full=False)
    publish_once(home.settings)
    other.change()
    publish_once(other.settings)
    assert wrong(home) == {}
    generation, found = verify(other.settings)
    assert generation > 1
    assert sum(one.rows for one in found) > 0

    write(lake, "DELETE FROM lake.raw.run_versions WHERE lake_shard = 'one' AND lake_row % 50 = 7")
    write(lake, "INSERT INTO lake.ledger.gaps BY NAME SELECT 'one' AS lake_shard, 0 AS lake_row, 1 AS project_id")
    found_wrong = wrong(home)
    assert found_wrong["ledger.gaps"] == (0, 1)
    assert found_wrong["raw.run_versions"][0] > 3
    assert wrong(other) == {}
    upkeep.rebuild(home.settings)
    assert (wrong(home), wrong(other)) == ({}, {})

    home.change(rows=150)
    with pytest.raises(Incomplete, match=r"this home has no published copy of it\."):
        _verify_without_copies(home)
    publish_once(home.settings)
    done = upkeep.rewrite(home.settings)
    assert done.rows
    assert sum(files_in(lake).values()) == done.after.size
    rows = "SELECT (SELECT count(*) FROM lake.{0}_gone), (SELECT count(*) FROM lake.{0} WHERE lake_shard = 'one')"
    connection, truth = connect(lake, read_only=True), home.truth()
    for table in SHARED:
        gone, count = connection.execute(rows.format(table.name)).fetchall()[0]
        assert (table.name, gone, count) == (table.name, 0, truth[table.name].total())
    connection.close()
    publish_once(home.settings)
    assert (differs(lake, home), wrong(other)) == ({}, {})


def _verify_without_copies(home: Home) -> None:
    """The copies of the commit that the lake has are gone."""
    copies = sorted(home.settings.published.glob("[0-9]*.duckdb"))
    for path in copies[:-1]:
        path.unlink()
    verify(home.settings)


@PLACES
def test_a_run_that_is_erased_is_in_no_file_and_never_published_again(
    lake: Lake, make_home: Callable[..., Home], ask: Callable[[Lake, str], list[Any]], tmp_path: Path
) -> None:
    home = make_home("one", lake)
    backup = shutil.copy(home.publish(), tmp_path)
    publish_once(home.settings)
    with home.warehouse.reading("a test") as connection:
        run_id = connection.execute(
            "SELECT run_id FROM raw.run_events GROUP BY run_id ORDER BY count(*) DESC, run_id LIMIT 1"
        ).fetchall()[0][0]
    home.change()
    publish_once(home.settings)
    assert len(holding(lake, run_id)) > 2
    copy_of_one(lake, "left-by-a-kill.parquet")
    upkeep.rewrite(home.settings, run_id)
    in_lake = "SELECT count(*), count(*) FILTER (WHERE run_id = '{}') FROM lake.{}"
    for number in range(3):
        assert wrong(home) == {}
        assert holding(lake, run_id) == []
        for name in ("raw.run_events", "raw.run_log_entries", "raw.run_versions", "mart.messages"):
            [(rows, erased)] = ask(lake, in_lake.format(run_id, name))
            assert (rows > 0, erased) == (True, 0)
        if number == 2:
            break
        if number == 1:
            restore(home.warehouse, Path(backup), over=True)
        with home.warehouse.transaction("a test") as connection:  # the shard goes on with what was erased
            connection.execute(COPIED, [number * 1_000_000, run_id])
        home.change()
        publish_once(home.settings)
        assert wrong(home) == {}
        upkeep.rebuild(home.settings)
    with pytest.raises(ConfigurationError, match=r"^The lake has no run or task e\."):
        upkeep.rewrite(home.settings, "e")
    columns = "FROM duckdb_columns() WHERE database_name = 'lake' AND column_name IN ('task_id', 'run_id')"
    about = {name for (name,) in ask(lake, f"SELECT DISTINCT schema_name || '.' || table_name {columns}")}
    assert {name for name in about if not name.endswith("_gone")} <= ABOUT.keys()


COPIED = """
    INSERT INTO raw.run_events BY NAME
    SELECT * REPLACE (stream_seq + 1000000 + ? AS stream_seq) FROM raw.run_events WHERE run_id = ?
"""
