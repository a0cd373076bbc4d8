"""What the lake has of a home, against what its newest copy has."""

import contextlib
from collections import Counter

import duckdb

from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.reading import show_tables
from taskhouse.lake.tables import DERIVED, SHARED
from tests.lake.homes import Home, Rows


def kept(lake: Lake, project: int) -> dict[str, Rows]:
    """What the lake has of a project, by table."""
    with contextlib.closing(connect(lake, read_only=True)) as connection:
        show_tables(connection)
        return shown(connection, project)


def shown(connection: duckdb.DuckDBPyConnection, project: int) -> dict[str, Rows]:
    """What a connection that shows the tables of the lake sees of a project, by table."""
    rows = {}
    for name in (*(table.name for table in SHARED), *DERIVED):
        where = "" if name == "ledger.origin" else f" WHERE project_id = {project}"
        rows[name] = Counter(map(repr, connection.execute(f"SELECT * FROM {name}{where}").fetchall()))
    return rows


def differs(lake: Lake, home: Home) -> dict[str, tuple[Rows, Rows]]:
    """By table, which rows the lake lacks of a home, and which it has too many; `ledger.origin` has those of all."""
    truth, found = home.truth(), kept(lake, home.project)
    pairs = {name: (truth[name] - found[name], found[name] - truth[name]) for name in truth}
    pairs["ledger.origin"] = (pairs["ledger.origin"][0], Counter())
    return {name: pair for name, pair in pairs.items() if any(pair)}
