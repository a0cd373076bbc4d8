"""What is in the files of a lake, read without its catalogue."""

from pathlib import Path

import duckdb

from taskhouse.lake.engine import Lake
from taskhouse.warehouse import sql


def holding(lake: Lake, text: str) -> list[Path]:
    """The files in the folder of the lake in which a text stands in any column; all must be readable."""
    assert lake.data is not None
    found = []
    with duckdb.connect() as connection:
        for path in lake.data.rglob("*.parquet"):
            rows = f"SELECT count(*) FROM read_parquet({sql.literal(str(path))}) AS row WHERE contains(row::VARCHAR, ?)"
            found += [path] * bool(connection.execute(rows, [text]).fetchall()[0][0])
    return found
