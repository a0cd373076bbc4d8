"""``taskhouse query``: ask the published copy."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.exits import guarded, say

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
    *,
    form: Annotated[Format, typer.Option("--format", "-f", help="How rows are written.")] = Format.TABLE,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV: leave text as it is, formulas and terminal commands included.")
    ] = False,
) -> None:
    """Ask the published copy in SQL, and print the rows.

    The copy is read-only and as old as the last sync that changed anything. Views for people are in the schema `main`:
    tasks, task_history, repositories, readiness, runs, run_history, run_events and more. What arrived is in `raw`, the
    proof in `ledger`. Times are in UTC.

    Titles and messages are whatever somebody wrote. So in CSV a text that a spreadsheet would take for a formula gets
    an apostrophe in front, and a terminal is shown no control characters; how many cells that changed is said.

    For example:

    - `taskhouse query "FROM runs SELECT status, count(*) GROUP BY ALL"`
    - `taskhouse query "SHOW ALL TABLES" --format csv`
    """
    from taskhouse.settings import load
    from taskhouse.warehouse import publish, reading

    text = sys.stdin.read() if sql == "-" else sql
    columns, rows = reading.query(publish.readable(load().published), text)
    write(columns, rows, form, raw=raw)


def write(columns: "Sequence[str]", rows: "Sequence[Sequence[Any]]", form: Format, *, raw: bool = False) -> None:
    """Print rows: a table for people, CSV or a JSON array for programs."""
    if form is Format.CSV:
        _csv(columns, rows, raw=raw)
    elif form is Format.JSON:
        import json

        from taskhouse.cells import in_json as harmless

        lines = (
            json.dumps(dict(zip(columns, row, strict=True)), default=_portable, ensure_ascii=False) for row in rows
        )
        sys.stdout.write(harmless("[" + ",\n ".join(lines) + "]\n"))
    else:
        from pipelines.cli import screen

        screen.results().print(screen.table(columns, rows, exact=True))
        screen.notes().print(f"[dim]{len(rows):,} row{'s' if len(rows) != 1 else ''}[/]")


def _csv(columns: "Sequence[str]", rows: "Sequence[Sequence[Any]]", *, raw: bool) -> None:
    from numbers import Number

    from taskhouse.cells import disarmed, harmless, line

    changed, shown = 0, sys.stdout.isatty()

    def cell(value: Any) -> Any:
        nonlocal changed
        if value is None:
            return None
        written = str(_portable(value))
        if raw or isinstance(value, Number):
            return written
        text = disarmed(written)
        text = harmless(text) if shown else text
        changed += text != written
        return text

    sys.stdout.write(line(cell(name) for name in columns))
    for row in rows:
        sys.stdout.write(line(cell(value) for value in row))
    if changed:
        say(f"Changed, so that they do nothing in a spreadsheet or terminal: {changed:,} cells; --raw leaves them.")


def _portable(value: Any) -> Any:
    """A value as programs read it: times in ISO 8601."""
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)
