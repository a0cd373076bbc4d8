"""One published generation, open for reading: statements in, frames out."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from taskhouse.advice import advised
from taskhouse.errors import ConfigurationError, Corrupt, Locked, TaskhouseError
from taskhouse.warehouse import damage, publish, sql, views
from taskhouse.warehouse.connection import held
from taskhouse.warehouse.engine import connect

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
CHUNK = 2048
_UNKNOWN = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException)
_WRITING = {
    *(duckdb.StatementType.INSERT, duckdb.StatementType.UPDATE, duckdb.StatementType.DELETE),
    *(duckdb.StatementType.CREATE, duckdb.StatementType.DROP, duckdb.StatementType.ALTER),
}


SKIPPED = "cte_inlining"
"""What DuckDB 1.5 spends most of the time on when it plans a view over a lake. Without it, a filter on a run does not
reach all tables, so only statements over whole views go without it."""

OTHER_VERSION = "Another version of taskhouse made this copy: `taskhouse sync` publishes a new one."


class Reader:
    """A read-only connection to one generation; what is published later does not change what it sees.

    Args:
        path: The file; of anything else, what its ``stem`` should call it.
        connection: A connection that shows something else in the same schemas.
        explain: What to say of a statement that failed on it; None if the fault is in the statement.
    """

    def __init__(
        self,
        path: Path,
        connection: duckdb.DuckDBPyConnection | None = None,
        explain: Callable[[duckdb.Error], TaskhouseError | None] = lambda _: None,
    ) -> None:
        self.path, self._explain = path, explain
        self.is_copy = connection is None
        self._connection: duckdb.DuckDBPyConnection | None = connection or _connect(path)

    def close(self) -> None:
        """Let go of the generation; closing twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def frame(self, text: str, parameters: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """The rows of one statement as a frame; times are aware and in UTC.

        Raises:
            ConfigurationError: The statement is not valid, or would write.
        """
        with self._cursor(text, parameters) as cursor:
            return cursor.df()

    def arrow(self, text: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The rows of one statement as a ``pyarrow.Table``; needs pyarrow.

        Raises:
            ConfigurationError: The statement is not valid, or would write.
        """
        try:
            return self.connection().sql(text, params=dict(parameters or {})).to_arrow_table()
        except duckdb.Error as problem:
            raise self.failed(text, problem) from None

    def records(self, text: str, parameters: Mapping[str, Any] | None = None) -> list[Record]:
        """The rows of one statement, each by column name.

        Raises:
            ConfigurationError: The statement is not valid, or would write.
        """
        with self._cursor(text, parameters) as cursor:
            names = sql.distinct([column[0] for column in cursor.description or []])
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def columns(self) -> dict[str, dict[str, str]]:
        """Every table and view as ``schema.name``, with its columns: name to type."""
        found: dict[str, dict[str, str]] = {}
        for row in self.records(sql.query("catalog/columns")):
            found.setdefault(f"{row['schema_name']}.{row['table_name']}", {})[row["column_name"]] = row["data_type"]
        return found

    def why_absent(self) -> str:
        """Why the copy may lack a view or column that this taskhouse knows, with what mends it; else empty."""
        return f"{OTHER_VERSION} " if _of_another_version(self.connection()) else ""

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        """Statements inside the block see one value of ``now()``."""
        connection = self.connection()
        self.records("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(duckdb.Error):  # a lake that does not answer has said so before
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def whole_views(self) -> Iterator[None]:
        """Statements inside the block read whole views: those over a lake are planned in less time."""
        if self.is_copy:
            yield
            return
        connection = self.connection()
        before = self.records("SELECT current_setting('disabled_optimizers') AS names")[0]["names"]
        self.records(f"SET disabled_optimizers = {sql.literal(SKIPPED)}")
        try:
            yield
        finally:
            with contextlib.suppress(duckdb.Error):  # a lake that does not answer has said so before
                connection.execute(f"SET disabled_optimizers = {sql.literal(before)}")

    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection itself.

        Raises:
            ConfigurationError: It is closed.
        """
        if self._connection is None:
            raise ConfigurationError(
                "This warehouse has been closed.", hint="Read inside the `with taskhouse.open() as snapshot:` block."
            )
        return self._connection

    def failed(self, text: str, problem: duckdb.Error) -> TaskhouseError:
        """One of our errors for what DuckDB said of a statement."""
        return self._explain(problem) or _failed(self.connection(), self.path, text, problem)

    @contextlib.contextmanager
    def _cursor(self, text: str, parameters: Mapping[str, Any] | None) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self.connection()
        try:
            yield connection.execute(text, dict(parameters or {}))
        except duckdb.Error as problem:
            raise self.failed(text, problem) from None


def query(
    path: Path, text: str, parameters: Mapping[str, Any] | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one read-only statement against a published copy; returns column names and rows.

    Raises:
        ConfigurationError: The statement is not valid, or would write.
        Corrupt: The file cannot be opened.
    """
    with connected(path) as connection:
        try:
            result = connection.execute(text, dict(parameters or {}))
            return [column[0] for column in result.description or []], result.fetchall()
        except duckdb.Error as problem:
            raise _failed(connection, path, text, problem) from None


@contextlib.contextmanager
def streamed(reader: Reader, text: str) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """One read-only statement against a generation: column names, and rows that are fetched as they are taken.

    Raises:
        ConfigurationError: There is not exactly one statement, it is not valid, or it brings no rows.
        Corrupt: The file is damaged.
    """
    connection = reader.connection()

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            while batch := connection.fetchmany(CHUNK):
                yield from batch
        except duckdb.Error as problem:
            raise reader.failed(text, problem) from None

    try:
        connection.execute(_asking(connection, text).query)
        columns = [column[0] for column in connection.description or []]
    except duckdb.Error as problem:
        raise reader.failed(text, problem) from None
    yield columns, rows()


def to_parquet(reader: Reader, text: str, target: Path) -> None:
    """Write the rows of one statement as Parquet.

    Raises:
        ConfigurationError: There is not exactly one statement, it is not valid, or it brings no rows.
        Corrupt: The file is damaged.
    """
    connection = reader.connection()
    try:
        statement = _asking(connection, text)
        connection.sql(statement.query).write_parquet(str(target), compression="zstd")
    except duckdb.Error as problem:
        raise reader.failed(text, problem) from None


def _asking(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The only statement of a text, which has to bring rows."""
    statements = connection.extract_statements(text)
    if len(statements) != 1:
        found = f"These are {len(statements)} statements." if statements else "There is no statement."
        raise ConfigurationError(found, hint='Give exactly one, such as "FROM runs LIMIT 3".')
    brings = duckdb.ExpectedResultType.QUERY_RESULT in statements[0].expected_result_type
    if not brings or statements[0].type == duckdb.StatementType.COPY:
        raise ConfigurationError(
            "The statement returns no rows.",
            hint="Use SELECT or FROM. `taskhouse query … --format … --output …` writes the rows to a file.",
        )
    return statements[0]


@contextlib.contextmanager
def connected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to a copy or a backup.

    Raises:
        ConfigurationError: There is no such file.
        Corrupt: The file cannot be opened.
    """
    with contextlib.closing(_connect(path)) as connection:
        yield connection


def newest(folder: Path) -> Reader:
    """The newest generation in a folder of published copies.

    Raises:
        ConfigurationError: Nothing has been published yet.
    """
    path = publish.readable(folder)
    try:
        return Reader(path)
    except ConfigurationError:  # it was replaced, and removed, between looking and opening
        return Reader(publish.readable(folder))


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}.", hint="Run `taskhouse sync` (or `taskhouse demo`) first.")
    try:
        connection = connect(path, read_only=True)
    except duckdb.IOException as problem:
        if not held(problem):
            raise advised(problem) or _unreadable(path, problem) from None
        raise Locked(
            f"{path} is open for writing in another process.", hint="Read the published copy instead: taskhouse.open()."
        ) from None
    except duckdb.Error as problem:
        raise _unreadable(path, problem) from None
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET python_enable_replacements = false")
    return connection


def _failed(connection: duckdb.DuckDBPyConnection, path: Path, text: str, problem: Exception) -> TaskhouseError:
    """What to say of a statement that failed; a copy of another version may lack what it asks for."""
    if damage.said(problem):
        return Corrupt(
            f"{path} is damaged: {damage.first_line(problem)}.",
            hint="`taskhouse verify` tells whether the warehouse is sound. If it is, remove this copy, and"
            " `taskhouse sync` publishes another one. If not, `taskhouse restore` restores a copy.",
        )
    refused = advised(problem) if isinstance(problem, duckdb.IOException) else None
    if refused is not None:
        return refused
    hint = OTHER_VERSION if _of_another_version(connection) else ""
    if not hint and isinstance(problem, _UNKNOWN):
        hint = 'Correct the SQL. `taskhouse query "SHOW TABLES"` lists the views, and docs/views.md describes them.'
    if "read-only mode" in str(problem) or _writes(connection, text):
        hint = "The published copy is for reading: ask with SELECT or FROM."
    said = str(problem).replace(f"{path.stem}.", "")  # DuckDB proposes names with that of the copy before them
    return ConfigurationError(f"The query failed: {said}", hint=hint)


def _of_another_version(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether its views are not those of this taskhouse; a file that is no warehouse of ours has no version."""
    try:
        return not views.current(connection)
    except duckdb.Error:
        return False


def _writes(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a statement is there to change something, such as a table that does not exist."""
    with contextlib.suppress(duckdb.Error):
        return any(statement.type in _WRITING for statement in connection.extract_statements(text))
    return False


def _unreadable(path: Path, problem: Exception) -> Corrupt:
    return Corrupt(
        f"{path} cannot be opened: {str(problem).splitlines()[0][:200]}.",
        hint="If it is a copy that taskhouse made, `taskhouse sync` publishes a new one. Otherwise name a copy or a"
        " backup.",
    )
