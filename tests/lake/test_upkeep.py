"""Verifying, rebuilding, compacting and rewriting: what the lake has stays what the shards have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.errors import Incomplete
from taskhouse.lake import upkeep
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.service import publish_once
from taskhouse.lake.tables import SHARED
from taskhouse.lake.verify import verify
from taskhouse.warehouse import sql
from tests.lake.compared import differs
from tests.lake.homes import Home


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


def holding(lake: Lake, text: str) -> list[Path]:
    """The files in the folder of the lake in which a text stands in any column; all must be readable."""
    assert lake.data is not None
    found = []
    with duckdb.connect() as connection:
        for path in lake.data.rglob("*.parquet"):
            rows = f"SELECT count(*) FROM read_parquet({sql.literal(str(path))}) AS row WHERE contains(row::VARCHAR, ?)"
            found += [path] * bool(connection.execute(rows, [text]).fetchall()[0][0])
    return found


def test_the_lake_is_verified_rebuilt_compacted_and_rewritten(lake: Lake, make_home: Callable[..., Home]) -> None:
    home, other = make_home("one", lake), make_home("two", lake, project=2, full=False)
    publish_once(home.settings)
    publish_once(other.settings)
    for _ in range(3):
        home.change(rows=150)
        publish_once(home.settings)
        other.change()
        publish_once(other.settings)
    assert wrong(home) == {}
    generation, found = verify(other.settings)
    assert generation > 1
    assert sum(one.rows for one in found) > 0

    before = upkeep.compact(home.settings)
    assert before.files < before.files_before
    assert (wrong(home), wrong(other)) == ({}, {})

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
    rows = "SELECT (SELECT count(*) FROM lake.{0}_gone), (SELECT count(*) FROM lake.{0} WHERE lake_shard = 'one')"
    connection = connect(lake, read_only=True)
    for table in SHARED:
        gone, count = connection.execute(rows.format(table.name)).fetchall()[0]
        assert (table.name, gone, count) == (table.name, 0, home.truth()[table.name].total())
    connection.close()
    publish_once(home.settings)
    assert (differs(lake, home), wrong(other)) == ({}, {})


def _verify_without_copies(home: Home) -> None:
    """The copies of the commit that the lake has are gone."""
    copies = sorted(home.settings.published.glob("[0-9]*.duckdb"))
    for path in copies[:-1]:
        path.unlink()
    verify(home.settings)


def test_a_run_that_is_erased_is_in_no_file(lake: Lake, make_home: Callable[..., Home]) -> None:
    home = make_home("one", lake)
    publish_once(home.settings)
    with home.warehouse.reading("a test") as connection:
        run_id = connection.execute(
            "SELECT run_id FROM raw.run_events GROUP BY run_id ORDER BY count(*) DESC, run_id LIMIT 1"
        ).fetchall()[0][0]
    home.change()
    publish_once(home.settings)
    assert len(holding(lake, run_id)) > 2
    assert lake.data is not None
    orphan = next(iter(lake.data.rglob("*.parquet")))
    orphan.with_name("left-by-a-kill.parquet").write_bytes(orphan.read_bytes())
    upkeep.rewrite(home.settings, run_id)
    assert holding(lake, run_id) == []
    connection = connect(lake, read_only=True)
    for name in ("raw.run_events", "raw.run_log_entries", "raw.run_versions", "mart.messages"):
        assert connection.execute(f"SELECT count(*) FROM lake.{name} WHERE run_id = '{run_id}'").fetchall() == [(0,)]
        assert connection.execute(f"SELECT count(*) FROM lake.{name}").fetchall() != [(0,)]
    connection.close()
    erased: Any = wrong(home)
    assert {"raw.run_events", "raw.run_versions"} <= erased.keys()
    assert all(extra == 0 for name, (_, extra) in erased.items() if name not in {"raw.task_versions", "ledger.passes"})
