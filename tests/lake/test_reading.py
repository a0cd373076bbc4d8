"""Every view, macro and comment is over the lake what it is over the warehouses below it."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import taskhouse
from taskhouse import digest, marts, report, run_page, site
from taskhouse.errors import ConfigurationError
from taskhouse.export import export
from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from taskhouse.reading import Snapshot
from taskhouse.site.manifest import NAME
from taskhouse.warehouse.reading import SKIPPED, Reader
from tests.lake.homes import Home

UNORDERED = {"run_evidence"}
"""Views in which the order of rows in a table decides which of several at one moment is the first."""

MOMENT = "TIMESTAMPTZ '2026-11-20 12:00:00+00'"
COMMENTS = """
    SELECT table_name, column_name, comment FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal AND table_name <> 'lake_shards'
"""


def rows(snapshot: Snapshot, text: str) -> Counter[str]:
    """The rows of a statement, however they are ordered."""
    return Counter(map(repr, snapshot.reader.connection().execute(text).fetchall()))


def pages(folder: Path) -> dict[str, bytes]:
    """The files of a site but its list of them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != NAME
    }


def skipped(lake: Snapshot) -> object:
    """The optimizers that DuckDB does without."""
    return lake.records("SELECT current_setting('disabled_optimizers') AS names")[0]["names"]


def statements(snapshot: Snapshot) -> list[str]:
    """A statement for each view and each table at a moment."""
    parameters = {
        row["function_name"]: row["parameters"]
        for row in snapshot.records(
            "SELECT function_name, parameters FROM duckdb_functions() WHERE database_name = current_database()"
        )
    }
    calls = [f"FROM main.{name}({', '.join([MOMENT] * len(parameters[name]))})" for name in marts.AS_OF]
    return [f"FROM main.{name}" for name in marts.VIEWS if name not in UNORDERED] + calls


def test_the_views_of_one_shard_are_those_of_its_warehouse(
    sqlite: Lake, make_home: Callable[..., Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home("one", sqlite)
    publish_once(home.settings)
    whole_views, used = Reader.whole_views, list[bool]()

    def noted(reader: Reader) -> AbstractContextManager[None]:
        used.append(reader.is_copy)
        return whole_views(reader)

    monkeypatch.setattr(Reader, "whole_views", noted)
    with taskhouse.open(home.settings) as copy, taskhouse.open(home.settings, lake=True) as lake:
        shown = {name: columns for name, columns in lake.tables().items() if name.startswith(("main.", "raw."))}
        assert shown.pop("main.lake_shards")
        assert shown == {name: columns for name, columns in copy.tables().items() if name in shown}
        assert {f"main.{name}" for name in marts.VIEWS} <= shown.keys()
        assert rows(lake, COMMENTS) == rows(copy, COMMENTS)
        options = report.Options(week="2026-W47", format="md")
        assert report.render(lake, options) == report.render(copy, options)
        run_id = copy.records("FROM run_events SELECT mode(run_id) AS run_id")[0]["run_id"]
        assert run_page.render(lake, run_id) == run_page.render(copy, run_id)
        with report.gathered(lake, options) as one, report.gathered(copy, options) as other:
            assert digest.of(one, None) == digest.of(other, None)
        for snapshot, folder in ((lake, "site of the lake"), (copy, "site of the copy")):
            site.write(snapshot, tmp_path / folder, weeks=1)
        assert pages(tmp_path / "site of the lake") == pages(tmp_path / "site of the copy")
        assert site.write(lake, tmp_path / "site of the lake", weeks=1).written == 0
        done, others = export(tmp_path / "files of the lake", lake), export(tmp_path / "files of the copy", copy)
        apart = {"lake_shards", *UNORDERED}
        assert {file.path: file.sha256 for file in done.files if file.table not in apart} == {
            file.path: file.sha256 for file in others.files if file.table not in apart
        }
        assert (used.count(False), used.count(True)) == (6, 5), "report, digest, site and export read whole views"
        with lake.reader.whole_views():
            assert skipped(lake) == SKIPPED
        assert skipped(lake) == ""


def test_the_views_of_two_shards_are_those_of_both_warehouses(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    one, two = make_home("one", sqlite, project=1), make_home("two", sqlite, project=2)
    for _ in range(3):
        two.change()
    publish_once(one.settings)
    publish_once(two.settings)
    with (
        taskhouse.open(one.settings) as first,
        taskhouse.open(two.settings) as second,
        taskhouse.open(lake=sqlite.address) as lake,
    ):
        with lake.reader.whole_views():
            for text in statements(first):
                assert rows(lake, text) == rows(first, text) + rows(second, text), text
        shards = lake.records(
            "FROM lake_shards SELECT shard, home, zone, as_of <= published_at AS is_later ORDER BY ALL"
        )
        assert [tuple(row.values()) for row in shards] == [
            ("one", "home-one", "UTC", True),
            ("two", "home-two", "UTC", True),
        ]


def test_search_says_that_the_lake_has_no_index(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    publish_once(make_home("one", sqlite, full=False).settings)
    with taskhouse.open(lake=sqlite.address) as lake, pytest.raises(ConfigurationError, match="has no index of words"):
        lake.find("anything")


READING = """
import sys, taskhouse
with taskhouse.open(lake=sys.argv[1]) as lake:
    lake.reader.connection().execute("SET threads = " + sys.argv[2])
    for text in sys.argv[3:]:
        print(len(lake.records(text)))
"""


def test_a_statement_goes_on_while_its_result_waits(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    """With one thread, DuckDB 1.5 paused the first of these statements for ever."""
    home = make_home("one", sqlite)
    publish_once(home.settings)
    texts = ("FROM run_timeline", "FROM messages UNION ALL FROM messages")
    with taskhouse.open(home.settings) as copy:
        counts = [len(copy.records(text)) for text in texts]
    for threads in ("1", "2"):
        command = [sys.executable, "-c", READING, sqlite.address, threads, *texts]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
        assert list(map(int, said.split())) == counts
