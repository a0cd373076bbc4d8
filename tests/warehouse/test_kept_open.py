"""A warehouse that is kept open: its blocks see each other, and afterwards everybody sees what they stored."""

import duckdb
import pytest

from taskhouse.warehouse.connection import Warehouse


def test_blocks_share_one_attachment_and_are_transactions(warehouse: Warehouse) -> None:
    with warehouse.kept_open():
        with warehouse.transaction("storing") as first:
            first.execute("CREATE TABLE raw.kept AS SELECT 1 AS number")
        with pytest.raises(duckdb.Error), warehouse.transaction("failing") as second:
            second.execute("INSERT INTO raw.kept VALUES (2); FROM nowhere")
        with warehouse.reading("reading") as third:
            assert third.execute("FROM raw.kept").fetchall() == [(1,)]
        assert first is second is third
    with Warehouse(warehouse.path, host="http://localhost:1").reading("another") as other:
        assert other.execute("FROM raw.kept").fetchall() == [(1,)]
