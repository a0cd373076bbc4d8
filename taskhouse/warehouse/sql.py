"""SQL lives in ``.sql`` files, one statement each; this reads them, and the rows that they give."""

import functools
import importlib.resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


@functools.cache
def statement(package: str, path: str) -> str:
    """The text of ``path``, given without ``.sql``, below a package."""
    return importlib.resources.files(package).joinpath(f"{path}.sql").read_text(encoding="utf-8")


def warehouse(path: str) -> str:
    """A statement of the warehouse's own: ``statements/<path>.sql``."""
    return statement("taskhouse.warehouse", f"statements/{path}")


def rows(result: "duckdb.DuckDBPyConnection") -> list[dict[str, Any]]:
    """The rows of what was executed, each by column name."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
