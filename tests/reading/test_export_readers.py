"""pandas and Polars read the folder of a view as people do: ids are texts, days are dates, times have a zone.

DuckDB reads it in ``test_export.py``, by ``views.sql``.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from taskhouse.export import export
from taskhouse.reading import Snapshot
from tests.report.world import walk, with_runs, with_work

VIEWS = ("readiness_trend", "run_attempts", "tool_calls")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    world = with_work(with_runs(walk(["acme/web"], days=4), days=1))
    other = walk(["beta/one"], days=3, project=2)
    for table, rows in other.tables.items():
        world.tables[table] += rows
    with world.open(tmp_path_factory.mktemp("home")) as snapshot:
        yield snapshot


@pytest.fixture(scope="module")
def folder(house: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("out") / "history", house, tables=VIEWS).folder


def values(house: Snapshot, view: str, *columns: str) -> list[tuple[Any, ...]]:
    rows = house.records(f"SELECT {', '.join(columns)} FROM {view} ORDER BY ALL")
    return [tuple(row.values()) for row in rows]


def test_pandas_reads_the_folder(house: Snapshot, folder: Path) -> None:
    pytest.importorskip("pyarrow", reason="pandas needs it for Parquet")
    import pandas as pd  # noqa: PLC0415 - only here

    trend = pd.read_parquet(folder / "readiness_trend")
    assert (str(trend["project_id"].dtype), str(trend["repository"].dtype)) == ("int64", "str")
    assert str(trend["observed_at"].dtype) == "datetime64[us, UTC]"
    assert {type(day) for day in trend["day"]} == {date}
    assert set(trend["project_id"]) == {1, 2}
    days = pd.read_parquet(folder / "readiness_trend", dtype_backend="pyarrow")["day"]
    assert str(days.dtype) == "date32[day][pyarrow]"
    key = ("project_id", "repository", "window_days", "day")
    rows = sorted(tuple(row) for row in trend[[*key]].itertuples(index=False))
    assert rows == values(house, "readiness_trend", *key)
    attempts = pd.read_parquet(folder / "run_attempts")
    assert str(attempts["run_id"].dtype) == "str"
    assert list(attempts["observed_in"].iloc[0]) == ["version"]
    assert attempts["at_start"].iloc[0]["repository"] == "acme/checkout"


def test_polars_reads_the_folder(house: Snapshot, folder: Path) -> None:
    pl = pytest.importorskip("polars")
    trend = pl.read_parquet(folder / "readiness_trend")
    kinds = {name: str(kind) for name, kind in trend.schema.items()}
    assert (kinds["project_id"], kinds["repository"], kinds["day"]) == ("Int64", "String", "Date")
    assert kinds["observed_at"] == "Datetime(time_unit='us', time_zone='UTC')"
    key = ("project_id", "repository", "window_days", "day")
    assert sorted(trend.select(key).rows()) == values(house, "readiness_trend", *key)
    attempts = pl.scan_parquet(folder / "run_attempts" / "*.parquet").filter(pl.col("attempt") == 1).collect()
    assert str(attempts.schema["observed_in"]) == "List(String)"
    assert attempts.schema["at_start"].fields[0].name == "environment"
    assert attempts["ended_at"].max() > datetime(2026, 1, 1, tzinfo=UTC)
    assert set(attempts["run_id"]) == {row[0] for row in values(house, "run_attempts", "run_id")}
