"""SQL lives in ``.sql`` files; this reads them, and the rows that they give.

Tables, views and macros have a file each. Queries have names: each stands below a line ``-- name: <name>``, in a file
that has them in the order in which they run.
"""

import contextlib
import functools
import importlib.resources
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from taskhouse.clock import Clock

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PARAMETER = re.compile(r"\$([a-z]\w*)")


@functools.cache
def statement(package: str, path: str) -> str:
    """The text of ``path``, given without ``.sql``, below a package."""
    return importlib.resources.files(package).joinpath(f"{path}.sql").read_text(encoding="utf-8")


def engine(path: str) -> str:
    """A statement of any room: ``taskhouse/<path>.sql``."""
    return statement("taskhouse", path)


@functools.cache
def queries(file: str) -> dict[str, str]:
    """The named queries of a file, in their order: ``<file>.sql`` in the statements of the warehouse or of the lake.

    The queries of a resource are those of ``resources/<file>/queries.sql``.

    Raises:
        LookupError: There is no such file, or two queries of it have one name.
    """
    for path in (f"warehouse/statements/{file}", f"lake/statements/{file}", f"resources/{file}/queries"):
        with contextlib.suppress(FileNotFoundError):
            _, *parts = _NAME.split(engine(path))
            found = dict(zip(parts[::2], parts[1::2], strict=True))
            if len(found) < len(parts) // 2:
                raise LookupError(f"Two queries of {path}.sql have the same name.")
            return found
    raise LookupError(
        f"There is no file of queries named {file}: see {{warehouse,lake}}/statements and resources/*/queries.sql."
    )


def query(address: str) -> str:
    """The query ``<file>/<name>``, such as ``load_live/insert`` or ``runs/due``, with the comment above it.

    Raises:
        LookupError: No such query.
    """
    file, name = address.split("/")
    found = queries(file)
    if name not in found:
        raise LookupError(f"{file}.sql has no query named {name}. It has {', '.join(found)}.")
    return found[name]


def run(connection: duckdb.DuckDBPyConnection, *addresses: str, **named: object) -> duckdb.DuckDBPyConnection:
    """Run queries one after the other, each with those parameters that it names; the result is that of the last."""
    result = connection
    for address in addresses:
        parsed, wanted = _parsed(connection, address)
        result = connection.execute(parsed, {name: _storable(value) for name, value in named.items() if name in wanted})
    return result


_statements: dict[str, tuple[duckdb.Statement, frozenset[str]]] = {}


def _parsed(connection: duckdb.DuckDBPyConnection, address: str) -> tuple[duckdb.Statement, frozenset[str]]:
    """A query as DuckDB parsed it, and the parameters that it names: parsing takes a fifth of a small query's time."""
    if address not in _statements:
        text = query(address)
        (parsed,) = connection.extract_statements(text)
        _statements[address] = parsed, frozenset(_PARAMETER.findall(text))
    return _statements[address]


def moment(text: str, clock: Clock) -> dict[str, object]:
    """The parameter ``now`` if a statement names it."""
    return {"now": clock.now()} if "$now" in text else {}


def _storable(value: object) -> object:
    """A parameter that DuckDB always takes: a lone surrogate in a text becomes a question mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


def literal(text: str) -> str:
    """A text as SQL, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of what was executed, each by column name."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def distinct(columns: Sequence[str]) -> list[str]:
    """Names of columns, each once, so that a row by name loses no value: ``a, a`` is ``a, a_1``, as DuckDB has it."""
    names: list[str] = []
    taken: set[str] = set()
    for column in columns:
        name = next(
            each
            for number in itertools.count()
            if (each := f"{column}_{number}" if number else column).lower() not in taken
        )
        taken.add(name.lower())
        names.append(name)
    return names


@contextlib.contextmanager
def atomic(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction: committed when the block ends, rolled back when it raises or cannot be committed."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # where a commit failed, nothing is left to roll back
            connection.execute("ROLLBACK")
        raise
