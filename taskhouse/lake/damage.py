"""Files of the lake that cannot be read: missing, cut off, with bytes that changed, or replaced by another file.

DuckLake has no way to do without such a file: every statement that needs it fails. So it is taken out of the catalogue.
Nothing is lost by that as long as the shards are there: before the catalogue forgets a file, the marks of all shards
that may have rows in it are set back. With its next copy, each of them compares everything and inserts what the lake
lacks.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from taskhouse.errors import ConfigurationError
from taskhouse.lake import refusals
from taskhouse.lake.tables import DERIVED
from taskhouse.warehouse import sql

_ELSEWHERE = ("Permission denied", "Input/output error", "Stale file handle", "timed out")
"""What is wrong with a machine or a network, and not with a file."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that cannot be read.

    Attributes:
        table: The table that it is of.
        path: The file, or the one with its deleted rows.
        problem: What DuckDB said.
        file_id: Its number in the catalogue.
        first: The first shard that it may have rows of; None if that is not known.
        last: The last one.
    """

    table: str
    path: str
    problem: str
    file_id: int
    first: str | None
    last: str | None

    @property
    def of_marks(self) -> bool:
        """Whether it has the marks of a shard."""
        return self.table.startswith("shards.mark_")

    def concerns(self, shard: str) -> bool:
        """Whether it may have rows of a shard."""
        if self.of_marks:
            return self.table == f"shards.mark_{shard}"
        return self.first is None or self.last is None or self.first <= shard <= self.last


@dataclass(frozen=True, slots=True)
class Checked:
    """Files that were read.

    Attributes:
        files: How many.
        damaged: Those that cannot be read.
    """

    files: int
    damaged: tuple[Damaged, ...]


def check(
    connection: duckdb.DuckDBPyConnection, tables: Collection[str] | None = None, *, shard: str | None = None
) -> Checked:
    """Read every value of files of the lake.

    Args:
        connection: A DuckDB that has the lake attached.
        tables: The tables, with their schemas; None for all.
        shard: Read only the files that may have rows of this shard, and the marks of all.

    Raises:
        duckdb.Error: The object storage refuses or does not answer, so nothing is known of its files.
    """
    files, damaged = 0, list[Damaged]()
    for schema, table in sql.run(connection, "lake_damage/tables").fetchall():
        name = f"{schema}.{table}"
        if tables is not None and name not in tables:
            continue
        text = sql.query("lake_damage/files").format(schema=schema, table=table)
        for *known, file_id, first, last in connection.execute(text).fetchall():
            one = Damaged(name, known[0], "", file_id, first, last)
            if shard is not None and not one.concerns(shard) and not one.of_marks:
                continue
            files += 1
            damaged += _read(connection, one, known[:3], known[3:])
    return Checked(files, tuple(damaged))


def _read(connection: duckdb.DuckDBPyConnection, one: Damaged, *files: Sequence[Any]) -> list[Damaged]:
    """Read a file and the one with its deleted rows, each given as path, size and size of its footer."""
    for path, *sizes in files:
        if path is None:
            continue
        try:
            sql.run(connection, "lake_damage/read", path=path).fetchall()
            found = sql.run(connection, "lake_damage/sizes", path=path).fetchall()
        except duckdb.Error as problem:
            if refusals.failed(problem):
                raise
            said = str(problem).strip().splitlines()[0]
            return [replace(one, path=path, problem=said)]
        if found != [tuple(sizes)]:
            return [replace(one, path=path, problem="It is another file than the one that was published.")]
    return []


def take_out(connection: duckdb.DuckDBPyConnection, checked: Checked, place: str) -> list[str]:
    """Take files that cannot be read out of the catalogue; the shards that may have had rows in them.

    The caller has the lake alone. Those shards publish again what is missing, with their next copy.

    Args:
        connection: A DuckDB that has the lake attached.
        checked: The files.
        place: Where the files are, for the error.

    Raises:
        ConfigurationError: The fault is not in the files.
    """
    damaged = checked.damaged
    for one in damaged:
        if any(words in one.problem for words in _ELSEWHERE):
            raise ConfigurationError(
                f"The file {one.path} of the lake cannot be read: {one.problem}",
                hint="Run the command as the user of the publishers, and check the disk or the network.",
            )
    if checked.files > 1 and len(damaged) == checked.files:
        raise ConfigurationError(
            f"None of the {checked.files} files of the lake in {place} can be read.",
            hint="Check that the folder is mounted, or that AWS_ENDPOINT_URL is that of the publishers. If the files"
            " are lost, make a new lake: set TASKHOUSE_LAKE to an empty catalogue for each shard.",
        )
    shards = [name.removeprefix("mark_") for (name,) in sql.run(connection, "lake_upkeep/marks").fetchall()]
    concerned = set[str]()
    for derived in (False, True):  # runs can be read when what is computed from them is published anew
        some = [one for one in damaged if (one.table in DERIVED) is derived]
        those = [shard for shard in shards if any(one.concerns(shard) for one in some)]
        _publish_again(connection, those, {one.table for one in some}, derived=derived)
        with sql.atomic(connection):
            for address in ("lake_damage/forget_deletes", "lake_damage/forget_ranges", "lake_damage/forget_files"):
                sql.run(connection, address, files=[one.file_id for one in some])
        concerned.update(those)
    return sorted(concerned)


def _publish_again(
    connection: duckdb.DuckDBPyConnection, shards: Iterable[str], lost: Collection[str], *, derived: bool
) -> None:
    with sql.atomic(connection):
        for shard in shards:
            if f"shards.mark_{shard}" not in lost:  # else it is made anew, which does the same
                connection.execute(sql.query("lake_damage/publish_again").format(mark=f"mark_{shard}"))
            if derived:
                sql.run(connection, "lake_damage/bury_runs", shard=shard)
