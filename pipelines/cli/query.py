"""``taskhouse query``: ask the published copy."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.exits import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@guarded
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement; - reads it from standard input.")],
    form: Annotated[Format, typer.Option("--format", "-f", help="How rows are written.")] = Format.TABLE,
) -> None:
    """Ask the published copy in SQL, and print the rows.

    The copy is read-only and as old as the last sync that changed anything. Views for people are in the schema `main`:
    tasks, task_history, repositories, readiness, runs, run_history, run_events and more. What arrived is in `raw`, the
    proof in `ledger`. Times are in UTC.

    For example:

    - `taskhouse query "FROM runs SELECT status, count(*) GROUP BY ALL"`
    - `taskhouse query "SHOW ALL TABLES" --format csv`
    """
    from taskhouse.settings import load
    from taskhouse.warehouse import publish, reading

    text = sys.stdin.read() if sql == "-" else sql
    columns, rows = reading.query(publish.readable(load().published), text)
    write(columns, rows, form)


def write(columns: "Sequence[str]", rows: "Sequence[Sequence[Any]]", form: Format) -> None:
    """Print rows: a table for people, CSV or a JSON array for programs."""
    if form is Format.CSV:
        import csv

        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(columns)
        out.writerows([_portable(value) if value is not None else None for value in row] for row in rows)
    elif form is Format.JSON:
        import json

        lines = (
            json.dumps(dict(zip(columns, row, strict=True)), default=_portable, ensure_ascii=False) for row in rows
        )
        sys.stdout.write("[" + ",\n ".join(lines) + "]\n")
    else:
        from pipelines.cli import screen

        screen.results().print(screen.table(columns, rows, exact=True))
        screen.notes().print(f"[dim]{len(rows):,} row{'s' if len(rows) != 1 else ''}[/]")


def _portable(value: Any) -> Any:
    """A value as programs read it: times in ISO 8601."""
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)
