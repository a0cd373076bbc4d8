"""Queries on the warehouse or its published copy: one ``.sql`` file each below ``assets/sql``."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from taskhouse.clock import REAL, Clock

if TYPE_CHECKING:
    from taskhouse.reading import Snapshot
    from taskhouse.settings import Settings

Rows = list[dict[str, Any]]


class Queries:
    """Runs queries.

    Args:
        records: Returns the rows of a statement with its parameters, each by column name.
        clock: The clock for ``$now`` in a statement.
    """

    def __init__(self, records: Callable[[str, Mapping[str, object]], Rows], clock: Clock = REAL) -> None:
        self._records = records
        self._clock = clock

    def rows(self, name: str, parameters: Mapping[str, object] | None = None, **names: str) -> Rows:
        """The rows of ``sql/<name>.sql`` by column name; ``names`` fill in its identifiers, which are our own."""
        from taskhouse.warehouse import sql

        text = sql.statement("taskhouse.assets", f"sql/{name}")
        text = text.format(**names) if names else text
        return self._records(text, {**(parameters or {}), **sql.moment(text, self._clock)})


def records(connection: Any, text: str, parameters: Mapping[str, object]) -> Rows:
    """The rows of a statement over a connection to the warehouse."""
    from taskhouse.warehouse import sql

    return sql.rows(connection.execute(text, dict(parameters)))


@contextlib.contextmanager
def connected(settings: "Settings", purpose: str) -> Iterator[Queries]:
    """One short connection to the warehouse.

    Args:
        settings: Whose warehouse.
        purpose: Shown to a process that waits for the warehouse meanwhile.
    """
    from taskhouse.warehouse.opening import open_warehouse

    with open_warehouse(settings).reading(purpose) as connection:
        yield Queries(functools.partial(records, connection), settings.clock)


@contextlib.contextmanager
def reading(settings: "Settings") -> Iterator[tuple["Snapshot", Queries]]:
    """The published copy, where a long query does not delay anyone."""
    from taskhouse.reading import open_snapshot

    with open_snapshot(settings) as snapshot:
        yield snapshot, Queries(snapshot.reader.records, settings.clock)


def unproven(queries: Queries, project_id: int, resources: Iterable[str]) -> dict[str, str]:
    """Those of the resources whose last pass over a project is not complete, and why: the ledger's verdict."""
    found: dict[str, str] = {}
    for resource in resources:
        rows = [row for row in queries.rows("verdicts", {"resource": resource}) if row["project_id"] == project_id]
        if not rows or rows[0]["verdict"] != "complete":
            found[resource] = rows[0]["reason"] if rows else "there was no pass yet"
    return found
