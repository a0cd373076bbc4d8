"""What is staged is in the table as it was, whatever the values are."""

import json
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.warehouse import arrow_columns, engine, staging
from taskhouse.warehouse.commit import WriteBatch, commit
from taskhouse.warehouse.connection import Warehouse

COLUMNS = {"number": "BIGINT", "flag": "BOOLEAN", "share": "DOUBLE", "at": "TIMESTAMPTZ", "text": "VARCHAR"}
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "number": st.none() | st.integers(-(2**63), 2**63 - 1),
            "flag": st.none() | st.booleans(),
            "share": st.none() | st.floats(allow_nan=False),
            "text": st.none() | st.text(st.characters(exclude_categories=())),
        },
    ),
    max_size=8,
)


@cache
def opened() -> duckdb.DuckDBPyConnection:
    return engine.connect()


def staged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    connection = opened()
    staging.stage(connection, "incoming", rows, COLUMNS)
    found = connection.execute("SELECT * FROM incoming ORDER BY rowid").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


@pytest.mark.parametrize("many", [1, 1000], ids=["as arrays", "as parameters"])
@given(rows=ROWS)
def test_values_come_back_and_only_lone_surrogates_are_replaced(rows: list[dict[str, Any]], many: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staging, "MANY", many)
        compare(rows)


def compare(rows: list[dict[str, Any]]) -> None:
    expected = [dict.fromkeys(COLUMNS) | row for row in rows]
    for row in expected:
        if (text := row["text"]) is not None:
            row["text"] = text.encode("utf-8", "replace").decode()
    assert staged(rows) == expected


def test_many_rows_keep_their_order_and_what_only_the_last_one_has() -> None:
    rows: list[dict[str, Any]] = [{"number": number} for number in range(staging.MANY + 5000)]
    rows[-1]["text"] = "a\0b"
    found = staged(rows)
    assert [row["number"] for row in found] == list(range(len(rows)))
    assert [row["text"] for row in found[-2:]] == [None, "a\0b"]


def test_values_that_are_equal_keep_their_own_text() -> None:
    several: list[list[Any]] = [[True, 1, None, True], [1, True, 1.0, 1], ["1", 1, None, "1"], [None, False, 0, None]]
    for values in several:
        rows = [{"text": value} for value in values * staging.MANY]
        expected = [value if value is None or value == "1" else json.dumps(value) for value in values]
        assert [row["text"] for row in staged(rows)] == expected * staging.MANY


@given(st.lists(st.permutations(["text", "number"]), min_size=1, max_size=3))
def test_the_order_of_the_keys_of_a_row_does_not_matter(orders: list[list[str]]) -> None:
    values: dict[str, Any] = {"text": "7", "number": 8}
    rows = [{name: values[name] for name in order} for order in orders] * staging.MANY
    assert staged(rows) == [dict.fromkeys(COLUMNS) | values] * len(rows)


@pytest.mark.parametrize("value", [7, True, 1.5, 1e16, {"a": ["é", None]}, [1, "b"]])
def test_what_is_no_text_is_json_in_a_column_of_texts(value: Any) -> None:
    assert staged([{"text": value}])[0]["text"] == json.dumps(value, ensure_ascii=False)


def test_a_time_is_the_moment_that_its_text_says() -> None:
    texts = ["2026-01-02T03:04:05.000006+00:00", "2026-01-02T05:04:05.000006+02:00", "2026-01-02T03:04:05.000006Z"]
    assert len({row["at"] for row in staged([{"at": text} for text in texts])}) == 1


def test_more_than_one_statement_brings_is_brought_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CHUNK", 100)
    rows = [{"text": "x" * size} for size in (5, 99, 300, 1, 50, 60, 0)]
    assert [row["text"] for row in staged(rows)] == [row["text"] for row in rows]
    assert staged([]) == []


@pytest.mark.parametrize("count", [1, staging.MANY])
def test_rows_are_staged_beside_a_result_that_waits_to_be_read(count: int) -> None:
    connection = opened()
    connection.execute("SELECT * FROM range(3)").fetchone()

    staging.stage(connection, "incoming", [{"number": number} for number in range(count)], COLUMNS)

    assert connection.execute("SELECT count(*) FROM incoming").fetchall() == [(count,)]


def test_a_commit_leaves_no_result_that_waits_to_be_read(warehouse: Warehouse) -> None:
    with warehouse.transaction("committing") as connection:
        commit(connection, WriteBatch())
        held = arrow_columns.table({"number": arrow_columns.large_texts(["1"])}, 1)
        connection.register("registered", held)

        assert connection.execute("SELECT count(*) FROM registered").fetchall() == [(1,)]
