"""Tables of one generation as Parquet files."""

import graphlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from taskhouse.warehouse import sql
from taskhouse.warehouse.reading import Reader

_NAMED = re.compile(r"\b(main|raw|ledger)\.(\w+)")


def projects(reader: Reader, table: str) -> list[int | None]:
    """The projects that a table or view has rows of, in order; None stands for rows of no project."""
    rows = reader.records(f"SELECT DISTINCT project_id FROM {table} ORDER BY project_id NULLS LAST")  # noqa: S608 - our own name
    return [row["project_id"] for row in rows]


def write(reader: Reader, table: str, path: Path, *, project: int | None = None, partitioned: bool = False) -> int:
    """Write a table, or one project's part; returns the rows.

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
        source += f" WHERE project_id {mine}"
    return int(
        reader.records(f"COPY ({source}) TO {sql.literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")[0]["Count"]
    )


def count(reader: Reader, path: Path) -> int:
    """Rows of a Parquet file, as the file itself says."""
    return int(reader.records("SELECT count(*) AS n FROM read_parquet($path)", {"path": str(path)})[0]["n"])


def views_sql(reader: Reader, tables: Collection[str]) -> str:
    """SQL that makes exported tables readable again in any DuckDB, with their comments; paths are relative.

    Macros come with them if all that they read was exported.

    Args:
        reader: The generation that was exported.
        tables: Views by their name, and tables as ``schema.name``, each in a folder of that name.
    """
    names = {table if "." in table else f"main.{table}": table for table in tables}
    lines = ["-- Run in this folder: duckdb -init views.sql"]
    lines += [
        f"CREATE SCHEMA IF NOT EXISTS {each};" for each in sorted({name.split(".")[0] for name in names} - {"main"})
    ]
    for name, folder in names.items():
        lines.append(f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet('{folder}/*.parquet');")
    lines += _comments(reader, names)
    lines += _macros(reader, names)
    return "\n".join(lines) + "\n"


def _comments(reader: Reader, names: Collection[str]) -> Iterator[str]:
    for row in reader.records(sql.query("catalog/comments")):
        if row["name"] in names:
            column = row["column_name"]
            what = f"VIEW {row['name']}" if column is None else f'COLUMN {row["name"]}."{column}"'
            yield f"COMMENT ON {what} IS {sql.literal(row['comment'])};"


def _macros(reader: Reader, names: Collection[str]) -> Iterator[str]:
    rows = {f"main.{row['name']}": row for row in reader.records(sql.query("catalog/macro_statements"))}
    uses = {
        name: {".".join(found) for found in _NAMED.findall(row["statement"])} - {name} for name, row in rows.items()
    }
    known = {*names}
    for name in graphlib.TopologicalSorter(
        {name: sorted(used & rows.keys()) for name, used in uses.items()}
    ).static_order():
        if uses[name] <= known:
            known.add(name)
            kind = "MACRO TABLE" if rows[name]["gives_table"] else "MACRO"
            yield f"{rows[name]['statement']};"
            yield f"COMMENT ON {kind} {name} IS {sql.literal(rows[name]['comment'])};"
