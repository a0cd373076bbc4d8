"""The SQL reads well: named queries that are all used, in files of a size that a reader can hold."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.warehouse import migrate, sql

ROOT = Path(__file__).parents[2]
FOLDERS = ("taskhouse", "assets", "pipelines")
ADDRESS = re.compile(r'"(\w+/\w+)"')
RELEASED = {f"{path}.sql" for _, paths in migrate.MIGRATIONS for path in paths}
"""Statements of migrations, which are never edited."""


def test_every_query_is_used_and_every_used_one_is_there() -> None:
    warehouse = (ROOT / "taskhouse" / "warehouse" / "statements").glob("*.sql")
    lake = (ROOT / "taskhouse" / "lake" / "statements").glob("*.sql")
    resources = (ROOT / "taskhouse" / "resources").glob("*/queries.sql")
    files = [*(path.stem for path in (*warehouse, *lake)), *(path.parent.name for path in resources)]
    assert len(files) == len(set(files)) > 20
    there = {f"{file}/{name}" for file in files for name in sql.queries(file)}
    code = [path.read_text("utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    named = {address for text in code for address in ADDRESS.findall(text) if address.split("/")[0] in files}
    assert named == there


def test_a_query_that_is_not_there_is_missed_by_its_name() -> None:
    with pytest.raises(LookupError, match=r"^clock\.sql has no query named hands\. It has bounds, conflicts\.$"):
        sql.query("clock/hands")
    with pytest.raises(LookupError, match=r"^There is no file of queries named clocks: "):
        sql.query("clocks/bounds")


def test_a_query_comes_with_its_comment_and_without_its_neighbours() -> None:
    text = sql.query("clock/conflicts")
    assert text.startswith("-- What was observed of one thing")
    assert "FROM\n    ledger.origin" in sql.query("identity/read")
    assert [text.count("-- name:") for text in sql.queries("identity").values()] == [0] * 9


def test_no_length_of_time_depends_on_the_time_zone_of_the_session() -> None:
    """A time plus ``INTERVAL 1 DAY``, or a difference of times, has 23 or 25 hours if the session's clocks change."""
    places = [*(ROOT / "taskhouse").rglob("*.sql"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in places
        if "schema" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if (re.search(r"INTERVAL '?\d+'? (DAY|WEEK|MONTH|YEAR)", line) and "generate_series(" not in line)
        or (re.search(r"[<>]=? INTERVAL", line) and "statements" not in path.parts)
    }
    assert found == set(), "use hours, or seconds: epoch(later) - epoch(earlier) >= 86400"


def test_no_order_in_a_view_depends_on_the_session() -> None:
    """With ``SET default_order = 'desc'``, what names no order has another one."""
    with duckdb.connect() as connection:
        for path in sorted((ROOT / "taskhouse" / "marts").rglob("*.sql")):
            text = re.sub(r"\A(--[^\n]*\n)+", "", path.read_text("utf-8"))
            text = re.sub(r"\ACREATE MACRO [^)]*\) AS( TABLE)?", lambda found: "" if found[1] else "SELECT", text)
            row = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
            tree = json.loads(row[0] if row else "")
            assert not tree["error"], path
            assert list(_without_order(tree)) == [], f"{path.name}: say ASC or DESC, as in list_sort(x, 'ASC')"


def _without_order(tree: Any) -> Iterator[Any]:
    """Orders and calls that leave the direction to the session."""
    if isinstance(tree, dict):
        sorts = tree.get("function_name") in {"list_sort", "array_sort"} and len(_arguments(tree)) == 1
        if sorts or (tree.get("type") == "ORDER_DEFAULT" and "null_order" in tree):
            yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _without_order(part)


def _arguments(call: Mapping[str, Any]) -> list[Any]:
    """What a function is given; DuckDB 1 had another name for it."""
    return list(call["arguments"] if "arguments" in call else call["children"])


def test_lines_and_files_of_queries_are_as_short_as_in_python() -> None:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sql")]
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8").splitlines() for path in paths}
    wide = {name for name, text in texts.items() if max(map(len, text)) > 120}
    assert {name for name in wide if name.removeprefix("taskhouse/") not in RELEASED} == set()
    long = {name for name, text in texts.items() if len(text) > 400}
    assert {name for name in long if "/marts/" not in name} == set()  # a view is one statement
