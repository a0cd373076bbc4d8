"""The identity of a home: stored inside its warehouse and beside it.

``ledger.origin`` contains an id, the PostHog host, the beginning of the history and the generation: the number of the
newest commit, which grows with each transaction. The same facts are in ``<warehouse>.json`` and beside each copy. So
taskhouse notices a warehouse that is missing, older than what this home has seen, or from another home. It checks this
whenever it opens the file, before it writes anything.

A warehouse belongs to its host once it contains data. An empty one has no file beside it and can change its host.
"""

import contextlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import duckdb

from taskhouse.atomic import appearing
from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError, Corrupt
from taskhouse.plural import counted
from taskhouse.resources.registry import TABLES
from taskhouse.warehouse import sql

COPIES = "[0-9]*Z.duckdb"
"""The names of published copies and of backups."""

SHOWN = 8
"""How many characters of an id are shown."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which history a file contains, and up to which commit.

    Attributes:
        id: The id of the history, the same in all of its copies.
        host: Origin of the PostHog server.
        created_at: When the history began.
        generation: Number of the newest commit; 0 in files of versions that did not count commits.
    """

    id: str
    host: str
    created_at: datetime
    generation: int

    def __str__(self) -> str:
        return f"home {self.id[:SHOWN]} of {self.host}, begun {self.created_at:%Y-%m-%d %H:%M}"

    def facts(self) -> dict[str, Any]:
        """The identity as JSON."""
        return asdict(self) | {"created_at": self.created_at.isoformat()}

    @classmethod
    def of(cls, facts: Any) -> Self | None:
        """The identity in a JSON object; None if there is none."""
        with contextlib.suppress(TypeError, KeyError, ValueError, AttributeError):
            began = datetime.fromisoformat(facts["created_at"])
            return cls(str(facts["id"]), str(facts["host"]), began, int(facts["generation"]))
        return None

    @classmethod
    def beside(cls, path: Path) -> Self | None:
        """The identity in the file beside a warehouse or a copy; None if there is none or it cannot be read."""
        return cls.of(about(path))

    def note(self, path: Path) -> None:
        """Store it beside a warehouse; on a full disk the older note stays, which is still true."""
        with contextlib.suppress(OSError), appearing(path.with_suffix(".json")) as fresh:
            fresh.write_text(json.dumps(self.facts()), encoding="utf-8")


def about(path: Path) -> dict[str, Any]:
    """The facts in the file beside a warehouse, a copy or a backup."""
    try:
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def read(connection: duckdb.DuckDBPyConnection) -> Identity | None:
    """The identity of an open file, outside of any transaction; None if it is not a warehouse, or is a new one.

    Files of versions without ids get one from the time at which their history began.
    """
    for question in ("identity/read", "identity/read_earlier"):
        try:
            rows = sql.rows(sql.run(connection, question))
        except (duckdb.CatalogException, duckdb.BinderException):
            continue
        return Identity(**rows[0]) if rows else None
    return None


def bind(connection: duckdb.DuckDBPyConnection, host: str, clock: Clock = REAL) -> None:
    """Make sure that the file belongs to a host; a new or empty one is assigned to it.

    Raises:
        ConfigurationError: The file belongs to another host.
    """
    held = read(connection)
    if held is not None and held.host == host:
        return
    if held is not None and holds(connection):
        raise ConfigurationError(
            f"This warehouse belongs to {held.host}, but taskhouse is set to {host}.",
            hint=f"Set POSTHOG_HOST to {held.host}, or set TASKHOUSE_HOME to another folder: one warehouse keeps the"
            " history of one host.",
        )
    with sql.atomic(connection):
        if held is None:
            sql.run(connection, "identity/begin", id=secrets.token_hex(16), host=host, now=clock.now())
        else:
            sql.run(connection, "identity/anew_passes", "identity/anew_cursors", "identity/anew_host", host=host)


def advance(connection: duckdb.DuckDBPyConnection) -> Identity:
    """Count the commit that is about to happen."""
    return Identity(**sql.rows(sql.run(connection, "identity/advance"))[0])


def holds(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a warehouse contains anything from a server."""
    tables = " UNION ALL ".join(f"SELECT 1 FROM raw.{table.name}" for table in TABLES)  # noqa: S608 - our own names
    return bool(connection.execute(sql.query("identity/holds").format(tables=tables)).fetchall())


def require(path: Path, copies: Path | None, spool: Path | None) -> Identity | None:
    """Make sure that a warehouse exists, or never existed; returns the identity that is stored outside of it.

    Raises:
        Corrupt: It is missing.
    """
    known = known_of(path, copies)
    if not path.exists():
        gone(path, known, copies, spool)
    return known


def known_of(path: Path, copies: Path | None) -> Identity | None:
    """The identity of a home, from the file beside the warehouse or else from its newest copy."""
    return Identity.beside(path) or next(filter(None, map(Identity.beside, copies_in(copies))), None)


def copies_in(folder: Path | None) -> list[Path]:
    """The published copies in a folder, newest first; their commits decide, because a clock may have been wrong."""

    def age(path: Path) -> tuple[int, str]:
        content = Identity.beside(path)
        return (content.generation if content else -1), path.name

    return sorted(folder.glob(COPIES), key=age, reverse=True) if folder else []


def same(path: Path, held: Identity | None, known: Identity | None, copies: Path | None, spool: Path | None) -> None:
    """Make sure that an open warehouse is the one that this home had last.

    Raises:
        Corrupt: It is empty, or older.
        ConfigurationError: It belongs to another home.
    """
    if held is None:
        gone(path, known, copies, spool)
    elif known is not None and held.id != known.id:
        raise ConfigurationError(
            f"The warehouse {path} belongs to {held}, but this is {known}.",
            hint="Move it away and run `taskhouse restore` to restore the newest copy of this home, or run"
            f" `taskhouse restore {path}` to use it in place of this one.",
        )
    elif known is not None and held.generation < known.generation:
        raise Corrupt(
            f"The warehouse {path} is older than this home's history: it ends with commit {held.generation}, but"
            f" {known.generation} was seen here.",
            hint=f"If you put a backup there, accept it with `taskhouse restore {path}`. `taskhouse restore` restores"
            " the newest published copy instead.",
        )


def gone(path: Path, known: Identity | None, copies: Path | None, spool: Path | None) -> None:
    """Refuse to begin an empty history if there was one before.

    Raises:
        Corrupt: There was one.
    """
    published = len(copies_in(copies))
    waiting = any(part.stat().st_size for part in spool.glob("*/*/*") if part.suffix != ".lock") if spool else False
    left = [f"{counted(published, 'published copy', 'published copies')} of it"] if published else []
    left += ["captured events in the spool"] if waiting else []
    left += [f"the note that it held commit {known.generation}"] if known and not published else []
    if left:
        newest = "restores the newest copy" if published else "FILE restores a backup"
        raise Corrupt(
            f"The warehouse {path} {'is empty' if path.exists() else 'is gone'}, but this home has"
            f" {' and '.join(left)}.",
            hint=f"`taskhouse restore{'' if published else ' FILE'}` {newest.removeprefix('FILE ')};"
            " `taskhouse restore --empty` starts an empty history.",
        )
