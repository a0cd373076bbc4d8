"""Tables of one generation as Parquet files."""

import graphlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from taskhouse.warehouse import sql
from taskhouse.warehouse.engine import connect
from taskhouse.warehouse.reading import Reader

_NAMED = re.compile(r"\b(main|raw|ledger)\.(\w+)")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one project; or of no project, or all rows."""

    project_id: int | None = None
    is_all: bool = False

    @property
    def stem(self) -> str:
        """The name of its file."""
        if self.is_all:
            return "data"
        return "no-project" if self.project_id is None else f"project-{self.project_id}"

    @property
    def condition(self) -> str:
        """What its rows have in common, as SQL."""
        if self.is_all:
            return "true"
        return "project_id IS NULL" if self.project_id is None else f"project_id = {self.project_id:d}"


PART_OF_ALL = Part(is_all=True)


def write(reader: Reader, table: str, path: Path, *, part: Part = PART_OF_ALL, order: Sequence[str] = ()) -> int:
    """Write a part of a table or view; returns the rows.

    Args:
        reader: The generation.
        table: ``schema.name`` of a table or view.
        path: The file, in a folder that exists.
        part: The part.
        order: Columns by which the rows are sorted; all by default.
    """
    columns = ", ".join(f'"{name}"' for name in order) or "ALL"
    rows = f"SELECT * FROM {table} WHERE {part.condition} ORDER BY {columns}"  # noqa: S608 - our own names
    copy = f"COPY ({rows}) TO {sql.literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    return int(reader.records(copy)[0]["Count"])


def shadow(reader: Reader, view: str, paths: Sequence[Path]) -> None:
    """Until the end of the transaction, let statements read files that hold the rows of a view of ``main``.

    A temporary view hides the view of its name, also from the views above it. So it is computed once.
    """
    files = ", ".join(sql.literal(str(path)) for path in paths)
    reader.records(f'CREATE OR REPLACE TEMP VIEW "{view.removeprefix("main.")}" AS FROM read_parquet([{files}])')


def count(reader: Reader, path: Path) -> int:
    """Rows of a Parquet file, as the file itself says."""
    return int(reader.records("SELECT count(*) AS n FROM read_parquet($path)", {"path": str(path)})[0]["n"])


def equal(one: Path, other: Path) -> bool:
    """Whether two files have the same columns, and the same rows in the same order.

    Their bytes can differ even so, since DuckDB's encoding depends on how the rows reached the writer. A file that
    cannot be read is not equal.
    """
    paths = {"one": str(one), "other": str(other)}
    with connect() as connection:  # not the reader's, whose transaction an unreadable file would end
        try:
            shapes = [
                connection.execute("DESCRIBE FROM read_parquet($p)", {"p": path}).fetchall() for path in paths.values()
            ]
            return (
                shapes[0] == shapes[1]
                and not connection.execute(
                    "SELECT true FROM (SELECT a FROM read_parquet($one) AS a)"
                    " POSITIONAL JOIN (SELECT b FROM read_parquet($other) AS b) WHERE a IS DISTINCT FROM b LIMIT 1",
                    paths,
                ).fetchall()
            )
        except duckdb.Error:
            return False


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
