"""Views and macros for people: rebuilt when their text changed, in one transaction."""

import hashlib
from datetime import UTC, datetime

import duckdb

from taskhouse import marts
from taskhouse.warehouse import sql


def refresh(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``main`` hold exactly the views and macros of ``taskhouse.marts``."""
    texts = {f"macros/{name}": sql.statement("taskhouse.marts", f"macros/{name}") for name in marts.MACROS}
    texts |= {name: sql.statement("taskhouse.marts", name) for name in marts.VIEWS}
    wanted = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    held = dict(connection.execute("SELECT name, sha256 FROM ledger.views").fetchall())
    if held == wanted:
        return
    connection.execute("BEGIN")
    try:
        for name in held:
            kind, bare = ("MACRO", name.removeprefix("macros/")) if "/" in name else ("VIEW", name)
            connection.execute(f"DROP {kind} IF EXISTS main.{bare}")
        for name, text in texts.items():
            connection.execute(text if "/" in name else f"CREATE VIEW main.{name} AS {text}")
        connection.execute("DELETE FROM ledger.views")
        connection.executemany(
            "INSERT INTO ledger.views BY NAME SELECT ? AS name, ? AS sha256, ? AS built_at",
            [[name, digest, datetime.now(UTC)] for name, digest in wanted.items()],
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
