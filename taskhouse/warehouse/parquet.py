"""Tables of one generation as Parquet files."""

from pathlib import Path

from taskhouse.warehouse.reading import Reader


def projects(reader: Reader, table: str) -> list[int | None]:
    """The projects that a table or view has rows of, in order; None stands for rows of no project."""
    rows = reader.records(f"SELECT DISTINCT project_id FROM {table} ORDER BY project_id NULLS LAST")  # noqa: S608 - our own name
    return [row["project_id"] for row in rows]


def write(reader: Reader, table: str, path: Path, *, project: int | None = None, partitioned: bool = False) -> int:
    """Write a table, or one project's part without its ``project_id``; returns the rows.

    Args:
        reader: The generation.
        table: ``schema.name`` of a table or view.
        path: The file, in a folder that exists.
        project: The project of this part.
        partitioned: Whether to write one part only.
    """
    source = f"SELECT * FROM {table}"  # noqa: S608 - our own name
    if partitioned:
        mine = "IS NULL" if project is None else f"= {project:d}"
        source = f"SELECT * EXCLUDE (project_id) FROM {table} WHERE project_id {mine}"  # noqa: S608 - a number
    target = str(path).replace("'", "''")
    return int(reader.records(f"COPY ({source}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")[0]["Count"])


def count(reader: Reader, path: Path) -> int:
    """Rows of a Parquet file, as the file itself says."""
    return int(reader.records("SELECT count(*) AS n FROM read_parquet($path)", {"path": str(path)})[0]["n"])
