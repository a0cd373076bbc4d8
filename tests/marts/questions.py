"""``docs/questions.md`` with the real results of its statements: ``python -m tests.marts.questions`` writes them anew.

People write the questions, the texts and the statements. The table of contents, the data model and the table below each
statement are made here, from the packed history.
"""

import contextlib
import lzma
import re
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.export import export
from taskhouse.pipelines.cli.query_output import markdown
from taskhouse.reading import Snapshot
from taskhouse.warehouse import migrate, parquet, views
from taskhouse.warehouse.engine import connect
from taskhouse.warehouse.reading import Reader
from tests.marts import model
from tests.marts.history import NOW, PACKED

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"
MOST, WIDEST = 8, 40
_ID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STATEMENT = re.compile(r"^```sql\n(.*?)^```\n(?:\n(?:\|[^\n]*\n)+(?:\n\*and [^\n]*\*\n)?)?", re.DOTALL | re.MULTILINE)
_MADE = re.compile(r"^<!-- (contents|model) -->\n.*?^<!-- end -->$", re.DOTALL | re.MULTILINE)

Answer = tuple[list[str], list[tuple[Any, ...]]]


@contextlib.contextmanager
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    """The packed history with the present views; each view is computed once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.duckdb"
        path.write_bytes(lzma.decompress(PACKED.read_bytes()))
        with connect(path) as connection:
            migrate.upgrade(connection)
            views.prepare(connection, path.parent)
        views.add(path, views.template(path.parent))
        with Snapshot(Reader(path)) as snapshot:
            done = export(Path(folder) / "files", snapshot)
            with snapshot.reader.moment():
                for name in snapshot.views():
                    paths = [done.folder / file.path for file in done.files if file.table == name]
                    parquet.shadow(snapshot.reader, name, paths)
                yield snapshot.reader.connection()


def answers(connection: duckdb.DuckDBPyConnection, page: str) -> list[Answer]:
    """Columns and rows of each statement of the page."""
    found = []
    for text in _STATEMENT.findall(page):
        result = connection.execute(text.replace("now()", f"TIMESTAMPTZ '{NOW}'"))
        found.append(([column[0] for column in result.description or []], result.fetchall()))
    return found


def written(connection: duckdb.DuckDBPyConnection, page: str) -> str:
    """The page with its contents, the data model and all results made anew."""
    results = iter(answers(connection, page))
    page = _STATEMENT.sub(lambda found: f"```sql\n{found[1]}```\n\n{_table(*next(results))}", page)
    made = {"contents": "\n".join(_contents(page)), "model": "\n".join(_model(connection))}
    return _MADE.sub(lambda found: f"<!-- {found[1]} -->\n\n{made[found[1]]}\n\n<!-- end -->", page)


def _table(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    lines = "".join(markdown(columns, [[_shown(value) for value in row] for row in rows[:MOST]]))
    more = len(rows) - MOST
    return lines + (f"\n*and {more} more {'row' if more == 1 else 'rows'}*\n" if more > 0 else "")


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if value is None or isinstance(value, bool | int | date):
        return value
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        value = ", ".join(value)
    text = _ID.sub(r"\1…", str(value))
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1].rstrip()}…"


def _contents(page: str) -> Iterator[str]:
    for marks, title in re.findall(r"^(##+) (.*)$", page, re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        yield f"{'  ' * (len(marks) - 2)}- [{title}](#{anchor})"


def _model(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    columns = {
        name: {row[0]: str(row[1]) for row in connection.execute(f"DESCRIBE main.{name}").fetchall()}
        for name in model.SHOWN
    }
    yield from model.picture(columns, connection)
    yield ""
    yield from model.rows()


if __name__ == "__main__":
    with history() as opened:
        PAGE.write_text(written(opened, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
