"""``taskhouse query``: run SQL on the published copy."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperCommand

from taskhouse.pipelines.cli.arguments import InLake
from taskhouse.pipelines.cli.exits import OUTPUT, guarded, say
from taskhouse.plural import counted

if TYPE_CHECKING:
    from taskhouse.warehouse.reading import Reader

Rows = Iterator[tuple[Any, ...]]

MOST_ROWS = 100
"""How many rows a terminal shows by default."""


DASHED = 'SQL that begins with a dash needs `--` before it: taskhouse query [options] -- "-- a comment ..."'


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    MARKDOWN = "markdown"
    PARQUET = "parquet"


class Asking(TyperCommand):
    """The command. If a statement looks like an option, its error explains how to pass it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As every command does."""
        try:
            return super().parse_args(ctx, args)
        except Exception as problem:
            if type(problem).__name__ == "NoSuchOption":  # typer brings its own or takes that of click
                vars(problem)["message"] += f". {DASHED}"
            raise


@guarded
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SQL statement; - reads it from standard input.")],
    *,
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; standard output by default.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=f"Most rows to show in a table; 0 shows all. By default {MOST_ROWS} on a terminal, otherwise all.",
        ),
    ] = None,
    vertical: Annotated[
        bool, typer.Option("--vertical", help="Table: show each value in full, on its own line.")
    ] = False,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="CSV: leave text unchanged, including formulas and terminal control characters."),
    ] = False,
    lake: InLake = False,
) -> None:
    """Run SQL on the published copy, and print the rows.

    The copy is read-only and as old as the last sync that changed anything. Views for people are in the schema `main`:
    tasks, task_history, repositories, readiness, runs, run_history, run_events and more. The data as it arrived is in
    `raw`, and the proof of completeness is in `ledger`. Times are in UTC.

    A table fits the terminal: long values are cut, and rows with too many columns are shown with one value per line.
    All other formats are written row by row, so millions of rows need little memory. Only you can read the file that
    --output writes; use `chmod` to share it.

    Titles and messages contain any text that people wrote. In CSV, therefore, text that a spreadsheet would run as a
    formula gets a leading apostrophe. Control characters are not sent to a terminal. taskhouse reports how many cells
    it changed.

    For example:

    - `taskhouse query "FROM runs SELECT status, count(*) GROUP BY ALL"`
    - `taskhouse query "FROM runs LIMIT 1" --vertical`
    - `taskhouse query "FROM run_events" --format parquet --output events.parquet`
    """
    from taskhouse.atomic import appearing, naming
    from taskhouse.home import require_folder, writing
    from taskhouse.reading import open_snapshot
    from taskhouse.settings import load
    from taskhouse.warehouse import reading

    text = _statement(sql)
    target = None if output is None or str(output) == "-" else output
    if target is not None:
        require_folder(target)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(open_snapshot(load(), lake=lake)).reader
        draft = None
        if target is not None:
            stack.enter_context(writing(target))
            target.parent.mkdir(exist_ok=True)  # a link to nothing is refused
            draft = stack.enter_context(appearing(target))
        else:
            stack.enter_context(naming(OUTPUT))
        if form is Format.PARQUET:
            _parquet(reader, text, draft)
        else:
            columns, found = stack.enter_context(reading.streamed(reader, text))
            out = sys.stdout if draft is None else stack.enter_context(draft.open("w", encoding="utf-8", newline=""))
            if form is Format.TABLE:
                _table(columns, found, out, most=rows, vertical=vertical)
            else:
                _write(columns, found, form, out, raw=raw)
    if target is not None:
        say(f"Written: {target} ({target.stat().st_size / 1000:,.0f} KB)")


def _statement(given: str) -> str:
    """The text of a statement, which is UTF-8 in every locale."""
    from taskhouse.errors import ConfigurationError

    try:
        return (sys.stdin.buffer.read() if given == "-" else os.fsencode(given)).decode("utf-8")
    except UnicodeError:
        raise ConfigurationError(
            "The statement contains bytes that are not UTF-8.",
            hint="Write bytes as '\\xFF'::BLOB, and save files as UTF-8.",
        ) from None


def _table(columns: Sequence[str], found: Rows, out: TextIO, *, most: int | None, vertical: bool) -> None:
    """Rows for people: cut to fit a terminal, complete elsewhere."""
    from taskhouse.pipelines.cli import layout, screen

    console = screen.results()
    shown = out is sys.stdout and console.is_terminal
    most = most if most is not None else (MOST_ROWS if shown else 0)
    rows = list(islice(found, most + 1) if most else found)
    more = bool(most) and len(rows) > most
    rows = rows[:most] if most else rows
    room = console.width if shown else None
    beside = None if vertical else layout.lines(columns, rows, room)
    cut = not vertical and room is not None
    for line in beside or layout.upright(columns, rows, room if cut else None):
        if out is sys.stdout:
            console.print(line, soft_wrap=True)
        else:
            out.write(f"{line.plain}\n")
    hint = "" if beside or vertical else " Values are cut; --vertical shows them in full."
    if more:
        say(f"These are the first {counted(most, 'row')}; --rows 0 shows all, --format csv writes all as CSV.{hint}")
    else:
        say(f"{counted(len(rows), 'row')}{'.' if hint else ''}{hint}", style="dim")


def _write(columns: Sequence[str], found: Rows, form: Format, out: TextIO, *, raw: bool) -> None:
    """Rows for programs, as they come."""
    from taskhouse.pipelines.cli import query_output

    csv = query_output.Csv(shown=out.isatty(), raw=raw)
    ways: dict[Format, Callable[..., Iterator[str]]] = {
        Format.CSV: csv,
        Format.JSON: query_output.array,
        Format.NDJSON: query_output.ndjson,
        Format.MARKDOWN: query_output.markdown,
    }
    out.writelines(ways[form](columns, found))
    if csv.changed:
        cells = counted(csv.changed, "cell")
        say(f"Changed so that it does nothing in a spreadsheet or terminal: {cells}. --raw leaves text unchanged.")


def _parquet(reader: "Reader", text: str, draft: Path | None) -> None:
    from taskhouse.errors import ConfigurationError
    from taskhouse.warehouse import reading

    if draft is not None:
        reading.to_parquet(reader, text, draft)
        return
    if sys.stdout.isatty():
        raise ConfigurationError("A terminal cannot show Parquet.", hint="Name a file with --output.")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "rows.parquet"
        reading.to_parquet(reader, text, made)
        with made.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
