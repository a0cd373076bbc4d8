"""What is in the files of a lake, read without its catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from taskhouse.lake import storage
from taskhouse.lake.engine import Lake
from taskhouse.warehouse import sql


@contextmanager
def opened(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that can read the files of a lake, and does not know the lake."""
    with duckdb.connect() as connection:
        storage.prepare(connection, lake.data)
        yield connection


def files_in(lake: Lake) -> dict[Path, int]:
    """The files in the folder or the bucket of the lake, and their bytes."""
    with opened(lake) as connection:
        paths = _paths(lake, connection)
        rows = connection.execute("SELECT filename, size FROM read_blob(?)", [paths]).fetchall() if paths else []
    return {Path(path): size for path, size in rows}


def copy_of_one(lake: Lake, name: str) -> None:
    """Put a copy of a file of the lake beside it, as a publication leaves one that is killed."""
    with opened(lake) as connection:
        path = _paths(lake, connection)[0]
        target = sql.literal(f"{path.rpartition('/')[0]}/{name}")
        connection.execute(f"COPY (FROM read_parquet({sql.literal(path)})) TO {target} (FORMAT parquet)")


def holding(lake: Lake, text: str) -> list[Path]:
    """The files of the lake in which a text stands in any column; all must be readable."""
    found, rows = [], "SELECT count(*) FROM read_parquet({}) AS row WHERE contains(row::VARCHAR, ?)"
    with opened(lake) as connection:
        for path in _paths(lake, connection):
            found += [Path(path)] * bool(connection.execute(rows.format(sql.literal(path)), [text]).fetchall()[0][0])
    return found


def _paths(lake: Lake, connection: duckdb.DuckDBPyConnection) -> list[str]:
    assert lake.data is not None
    pattern = f"{storage.address(lake.data)}**/*.parquet"
    return [path for (path,) in connection.execute("FROM glob(?) ORDER BY ALL", [pattern]).fetchall()]
