"""What a column is made of is what its text says, and what DuckDB reads for it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse import marts
from taskhouse.warehouse import migrate, views
from tests.marts import lineage

pytestmark = pytest.mark.skipif(duckdb.__version__ < "2", reason="reads the parse tree of DuckDB 2")

FILE = Path(marts.__file__).with_name("lineage.json")
TABLES = {"raw.a": {"id": "INTEGER", "x": "INTEGER", "t": "INTEGER"}, "raw.b": {"id": "INTEGER", "y": "INTEGER"}}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        migrate.upgrade(opened)
        views.make(opened)
        yield opened


def test_the_file_is_current() -> None:
    assert FILE.read_text("utf-8") == lineage.document(), (
        "run `python -m tests.marts.lineage > taskhouse/marts/lineage.json`"
    )


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("SELECT x AS other, 1 AS one FROM raw.a", {"other": "a.x", "one": ""}),
        ("SELECT x + 1 AS more, more * 2 AS much FROM raw.a", {"more": "a.x", "much": "a.x"}),
        ("SELECT t AS x, x * 2 AS much FROM raw.a", {"x": "a.t", "much": "a.x"}),
        ("SELECT lead(x) OVER (PARTITION BY id ORDER BY t) AS n FROM raw.a", {"n": "a.id a.t a.x"}),
        ("SELECT count(*) FILTER (t > 1) AS late FROM raw.a WHERE x > 1", {"late": "a.t"}),
        ("SELECT id, l.x, r.y FROM raw.a AS l JOIN raw.b AS r USING (id)", {"id": "a.id b.id", "x": "a.x", "y": "b.y"}),
        ("SELECT * EXCLUDE (t) FROM raw.a SEMI JOIN raw.b USING (id)", {"id": "a.id", "x": "a.x"}),
        ("SELECT * REPLACE (t + 1 AS x) FROM raw.a", {"id": "a.id", "x": "a.t", "t": "a.t"}),
        ("SELECT * EXCLUDE (t) RENAME (x AS z) FROM raw.a", {"id": "a.id", "z": "a.x"}),
        ("WITH c AS (SELECT x AS z FROM raw.a), a AS (SELECT z FROM c) SELECT a.z FROM a", {"z": "a.x"}),
        ("SELECT x AS z FROM raw.a UNION ALL SELECT y FROM raw.b", {"z": "a.x b.y"}),
        ("SELECT x, id FROM raw.a UNION BY NAME SELECT id, y AS x FROM raw.b", {"x": "a.x b.y", "id": "a.id b.id"}),
        ("SELECT list_transform([x], lambda id: id + t) AS l FROM raw.a", {"l": "a.t a.x"}),
        ("SELECT (SELECT max(y) FROM raw.b WHERE b.id = a.id) AS most FROM raw.a", {"most": "b.y"}),
        ("SELECT CASE WHEN x > 1 THEN t END::VARCHAR AS c FROM (SELECT * FROM raw.a)", {"c": "a.t a.x"}),
    ],
)
def test_a_column_is_made_of_what_it_is_computed_from(
    connection: duckdb.DuckDBPyConnection, text: str, made: dict[str, str]
) -> None:
    row = connection.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone()
    assert row is not None
    found = lineage.ColumnTracer(TABLES).query(json.loads(row[0])["statements"][0]["node"], {}, ())
    shown = {name: " ".join(sorted(f"{table[4:]}.{column}" for table, column in of)) for name, of in found.items()}
    assert shown == made


@pytest.mark.worlds
def test_duckdb_reads_everything_that_a_column_is_made_of(connection: duckdb.DuckDBPyConnection) -> None:
    held = json.loads(FILE.read_text("utf-8"))

    def stored(view: str, column: str) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for table, names in held[view]["columns"][column]["from"].items():
            schema, _, name = table.partition(".")
            for each in names:
                found |= stored(name, each) if schema == "main" else {(table, each)}
        return found

    optimizers = connection.execute("SELECT name FROM duckdb_optimizers() WHERE name <> 'unused_columns'").fetchall()
    connection.execute(f"SET disabled_optimizers = '{','.join(name for (name,) in optimizers)}'")
    for view in marts.VIEWS:
        for column in held[view]["columns"]:
            plan = connection.execute(f'EXPLAIN (FORMAT json) SELECT "{column}" FROM main.{view}').fetchall()[0][1]
            assert stored(view, column) <= set(_scanned(json.loads(plan))), (view, column)


def _scanned(node: Any) -> Iterator[tuple[str, str]]:
    for part in node if isinstance(node, list) else [node]:
        about = part.get("extra_info", {})
        columns = about.get("Projections", []) if "Table" in about else []
        for column in [columns] if isinstance(columns, str) else columns:
            yield about["Table"].partition(".")[2], column
        yield from _scanned(part["children"])
