"""Where the lake is, and a DuckDB that has it open."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import duckdb

from taskhouse.advice import advised
from taskhouse.errors import ConfigurationError, Retryable, TaskhouseError
from taskhouse.lake import extensions, refusals, storage
from taskhouse.settings import Settings
from taskhouse.values import Bucket, lake_address
from taskhouse.warehouse import sql
from taskhouse.warehouse.engine import connect as start

NAME = "lake"
CATALOGUE = f"__ducklake_metadata_{NAME}"
"""What DuckLake calls the database of its catalogue, next to the lake."""

DRIVERS = {"postgres": "postgres_scanner", "sqlite": "sqlite_scanner"}
"""The extension that speaks to each kind of catalogue."""

SQLITE = ("META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 30000")
"""How a catalogue in SQLite is opened: without a write-ahead log, readers and writers stop each other."""

_PASSWORD = re.compile(r"(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)|(//[^:/@\s]*:)[^@\s]*(?=@)")


@dataclass(frozen=True, slots=True)
class Lake:
    """The address of a lake.

    Attributes:
        address: ``ducklake:postgres:…`` or ``ducklake:sqlite:PATH``; it may contain a password.
        data: Where the Parquet files are; None if the catalogue exists and knows it.
        over_http: Whether object storage on another machine may be reached without TLS.
    """

    address: str = field(repr=False)
    data: Path | Bucket | None = None
    over_http: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The lake of the settings.

        Raises:
            ConfigurationError: They name none.
        """
        if settings.lake is None:
            raise ConfigurationError(
                "TASKHOUSE_LAKE is not set, so there is no lake.",
                hint="Set it to the address of the catalogue, such as ducklake:postgres:dbname=lake host=db.example.com"
                " or ducklake:sqlite:/srv/lake/catalogue.sqlite. docs/lake.md explains both.",
            )
        return cls(settings.lake.get_secret_value(), settings.lake_data, settings.lake_http)

    @classmethod
    def at(cls, address: str) -> Self:
        """The lake with an address.

        Raises:
            ConfigurationError: It is none.
        """
        try:
            lake_address(address)
        except ValueError as problem:
            raise ConfigurationError(f"The address of the lake {problem}.", hint="docs/lake.md explains it.") from None
        return cls(address)

    @property
    def kind(self) -> str:
        """``postgres`` or ``sqlite``."""
        return self.address.split(":", 2)[1]

    @property
    def target(self) -> str:
        """What the driver connects to: a connection string, or a path."""
        return self.address.split(":", 2)[2]

    def hide(self, text: str) -> str:
        """A text without the connection string, and without passwords and keys."""
        return storage.hide(_PASSWORD.sub(r"\1\3…", text.replace(self.target, "the catalogue")))

    def failed(self, problem: duckdb.Error, purpose: str) -> TaskhouseError:
        """One of our errors for what DuckDB or the catalogue said.

        Args:
            problem: What it said.
            purpose: What was done with the lake, such as ``Reading``.
        """
        if refused := refusals.failed(problem, self.data) or advised(problem):
            return refused
        said = refusals.in_a_line(self.hide(str(problem)))
        if ".parquet" in said:
            return Retryable(
                f"{purpose} the lake failed: a file cannot be used ({said}).",
                hint="Run the command again. If it fails again, `taskhouse lake verify` names every file that cannot be"
                " read, and `taskhouse lake rebuild` publishes what they had anew.",
            )
        if self.kind == "postgres" and (how := refusals.lost(problem)):
            said = f"the connection to the catalogue was lost ({how})"
        elif self._is_broken(problem):
            said = f"DuckDB broke off, as it does when it loses the connection to the catalogue ({said.rstrip('.')})"
        return Retryable(
            f"{purpose} the lake failed: {said}.",
            hint="Check that the catalogue of TASKHOUSE_LAKE runs and that TASKHOUSE_LAKE_DATA can be used, then run"
            " the command again. Nothing was half written.",
        )

    def explain(self, problem: duckdb.Error) -> TaskhouseError | None:
        """The same for a statement of somebody who reads; None if the fault is in the statement."""
        if refused := refusals.failed(problem, self.data):
            return refused
        is_of_lake = self._is_broken(problem) or refusals.is_of_lake(problem)
        return self.failed(problem, "Reading") if is_of_lake else None

    def _is_broken(self, problem: duckdb.Error) -> bool:
        return self.kind == "postgres" and refusals.is_broken(problem)


def connect(
    lake: Lake,
    *,
    read_only: bool = False,
    create: bool = True,
    snapshot: int | None = None,
    spill: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that has the lake attached as ``lake``.

    Args:
        lake: Its address.
        read_only: Nothing can be written, and a lake that does not exist is not created.
        create: Create a lake that does not exist.
        snapshot: Read this snapshot of the lake, regardless of what is committed later.
        spill: Where to write what does not fit into memory.

    Raises:
        ConfigurationError: DuckLake is not installed here, or there is no such lake.
        Retryable: The catalogue does not answer.
    """
    create = create and not read_only
    connection = start()
    try:
        connection.execute(f"SET secret_directory = {sql.literal(os.devnull)}")  # not the keys that people stored there
        for name in ("ducklake", DRIVERS[lake.kind]):
            extensions.load(connection, name)
        storage.prepare(connection, lake.data, over_http=lake.over_http)
        if not read_only:  # before a catalogue names a bucket that is not there
            storage.look(connection, lake.data)
        if spill:
            connection.execute(f"SET temp_directory = {sql.literal(str(spill))}")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")
        if lake.kind == "sqlite":
            _prepare(Path(lake.target), create=create)
        options = [f"DATA_PATH {sql.literal(storage.address(lake.data))}"] if lake.data else []
        options += ["READ_ONLY"] if read_only else []
        options += [] if create else ["CREATE_IF_NOT_EXISTS false"]
        options += SQLITE if lake.kind == "sqlite" else ()
        options += [f"SNAPSHOT_VERSION {snapshot:d}"] if snapshot is not None else []
        listed = f" ({', '.join(options)})" if options else ""
        _attach(connection, lake, f"ATTACH {sql.literal(lake.address)} AS {NAME}{listed}")
    except duckdb.Error as problem:
        connection.close()
        raise _unreachable(lake, problem) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, lake: Lake, text: str) -> None:
    """Attach a lake, also one of which only the catalogue knows that its files are in a bucket."""
    try:
        connection.execute(text)
    except duckdb.Error as problem:
        if lake.data or "httpfs" not in str(problem):
            raise
        storage.load(connection)
        connection.execute(text)
    if lake.data is None:
        storage.prepare(connection, storage.known(connection), over_http=lake.over_http)


def _prepare(path: Path, *, create: bool) -> None:
    if not path.exists() and not create:
        raise ConfigurationError(f"There is no lake in {path}.", hint="Run `taskhouse lake publish` first.")
    path.parent.mkdir(parents=True, exist_ok=True)


def _unreachable(lake: Lake, problem: duckdb.Error) -> TaskhouseError:
    said = str(problem)
    if refused := refusals.failed(problem, lake.data):
        return refused
    if "DATA_PATH" in said:
        return ConfigurationError(
            f"The lake cannot be opened: {lake.hide(said).strip().splitlines()[0][:300]}",
            hint="Set TASKHOUSE_LAKE_DATA to the folder or the bucket in which the lake was created, on every machine"
            " the same.",
        )
    if "does not exist" in said and "DuckLake" in said:
        return ConfigurationError("There is no lake at this address yet.", hint="Run `taskhouse lake publish` first.")
    return lake.failed(problem, "Opening")
