"""Questions to the warehouse that describe a pass: one ``.sql`` file each below ``assets/sql``."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskhouse.settings import Settings

Rows = list[dict[str, Any]]


class Questions:
    """Asks questions over one open connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, question: str, parameters: Mapping[str, object] | None = None, **names: str) -> Rows:
        """The rows of ``sql/<question>.sql`` by column name; ``names`` fill in its identifiers, which are our own."""
        from taskhouse.warehouse import sql

        text = sql.statement("assets", f"sql/{question}")
        result = self._connection.execute(text.format(**names) if names else text, dict(parameters or {}))
        columns = [column[0] for column in result.description or []]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


@contextlib.contextmanager
def asking(settings: "Settings", purpose: str) -> Iterator[Questions]:
    """One short connection to the warehouse.

    Args:
        settings: Whose warehouse.
        purpose: Named to whoever waits for the warehouse meanwhile.
    """
    from taskhouse.sync.resources import open_warehouse

    with open_warehouse(settings).transaction(purpose) as connection:
        yield Questions(connection)
