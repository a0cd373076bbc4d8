"""Parquet files of everything that people read, of one generation, with a manifest that proves them.

DIR/manifest.json                            what was exported, rows and SHA-256 of each file
DIR/views.sql                                makes the same views and macros over the files in any DuckDB
DIR/readiness_trend/project-1.parquet        a file for each project, with all columns
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from taskhouse.errors import ConfigurationError, Corrupt, Full, Locked
from taskhouse.home import require_folder
from taskhouse.reading import Snapshot
from taskhouse.warehouse import parquet
from taskhouse.warehouse.drafts import NO_ROOM
from taskhouse.warehouse.parquet import views_sql

MANIFEST = "manifest.json"
LEDGER = ("ledger.passes", "ledger.gaps")
"""Tables of the proof that go with the views."""


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file.

    Attributes:
        path: Below the folder, with forward slashes.
        project_id: The one project of its rows; None where the table is not partitioned, or for rows of no project.
    """

    table: str
    path: str
    project_id: int | None
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export.

    Attributes:
        generation: The published generation that every file comes from.
        exported_at: When it was written.
    """

    folder: Path
    generation: str
    exported_at: datetime
    files: tuple[File, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        totals: dict[str, int] = {}
        for file in self.files:
            totals[file.table] = totals.get(file.table, 0) + file.rows
        return totals


def export(folder: str | Path, snapshot: Snapshot, *, tables: Collection[str] | None = None) -> Export:
    """Write Parquet files of one generation into ``folder``, which is replaced as a whole when all are complete.

    What an interrupted export of the same generation had finished is kept and used, unless the disk was full.

    Args:
        folder: A new or empty folder, or an earlier export.
        snapshot: What to export.
        tables: Views, or tables such as ``raw.run_versions``; every view and ``LEDGER`` by default.

    Raises:
        ConfigurationError: The folder holds something else, the one around it is not there, or there is no such table.
        Full: The disk has no room for it; nothing of it is left.
        Locked: Another export is writing there.
        Corrupt: A file does not hold the rows that were written.
    """
    target = Path(folder).absolute()
    require_folder(target)
    names = _names(snapshot, tables)
    if target.exists() and not (target.is_dir() and ((target / MANIFEST).is_file() or not any(target.iterdir()))):
        raise ConfigurationError(
            f"{target} already exists and is not an export.", hint="Name a new folder, or an earlier export."
        )
    target.parent.mkdir(exist_ok=True)  # a link to nothing is refused
    lock = FileLock(_beside(target, "lock"))
    try:
        with lock.acquire(timeout=0):
            return _export(target, snapshot, names)
    except Timeout:
        raise Locked(f"Another export is writing {target}.", hint="Wait for it to finish.") from None


def _export(target: Path, snapshot: Snapshot, names: list[str]) -> Export:
    draft, old = _beside(target, f"draft-{snapshot.generation}"), _beside(target, "old")
    if old.exists() and not target.exists():  # died between the two renames
        old.rename(target)
    for left in target.parent.glob(f".{target.name}.draft-*"):
        if left != draft:
            shutil.rmtree(left)
    with _unless_full(draft):
        draft.mkdir(exist_ok=True)
        with snapshot.reader.moment():
            files = tuple(file for name in names for file in _write(snapshot, name, draft))
        done = Export(target, snapshot.generation, snapshot.clock.now(), files)
        _put(draft / "views.sql", views_sql(snapshot.reader, done.rows))
        _put(draft / MANIFEST, json.dumps(_manifest(snapshot, done), indent=1) + "\n")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    draft.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return done


@contextlib.contextmanager
def _unless_full(draft: Path) -> Iterator[None]:
    """Write a draft; what was written of it is removed if the disk has no room for the rest."""
    try:
        yield
    except (Full, OSError) as problem:
        if isinstance(problem, Full) or problem.errno in NO_ROOM:
            shutil.rmtree(draft, ignore_errors=True)
        raise


def _names(snapshot: Snapshot, tables: Collection[str] | None) -> list[str]:
    known = snapshot.tables()
    if tables is None:
        return [name for name in known if name.startswith("main.")] + [name for name in LEDGER if name in known]
    names = [name if "." in name else f"main.{name}" for name in tables]
    for name, given in zip(names, tables, strict=True):
        if name not in known:
            raise ConfigurationError(f"There is no view {given!r}.", hint=f"There are: {', '.join(snapshot.views())}.")
    return list(dict.fromkeys(names))


def _write(snapshot: Snapshot, name: str, draft: Path) -> Iterator[File]:
    """Files of one table: a part for each project, or one file where there is no project or no row."""
    short = name.removeprefix("main.")
    partitioned = "project_id" in snapshot.tables()[name]
    parts = parquet.projects(snapshot.reader, name) if partitioned else []
    for project in parts:
        path = f"{short}/no-project.parquet" if project is None else f"{short}/project-{project}.parquet"
        yield _file(snapshot, name, draft, path, project=project, partitioned=True)
    if not parts:
        yield _file(snapshot, name, draft, f"{short}/data.parquet")


def _file(
    snapshot: Snapshot, name: str, draft: Path, path: str, *, project: int | None = None, partitioned: bool = False
) -> File:
    """Write one file under its final name when it is complete, or take the one that is there."""
    final = draft / path
    if not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        part = final.with_suffix(".part")
        written = parquet.write(snapshot.reader, name, part, project=project, partitioned=partitioned)
        if parquet.count(snapshot.reader, part) != written:
            raise Corrupt(f"{part} does not contain the {written} rows that were written.", hint="Export again.")
        _sync(part)
        part.rename(final)
    with final.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows = parquet.count(snapshot.reader, final)
    return File(name.removeprefix("main."), path, project, rows, final.stat().st_size, digest)


def _manifest(snapshot: Snapshot, done: Export) -> dict[str, Any]:
    known = snapshot.tables()
    return {
        "format": 2,
        "generation": done.generation,
        "exported_at": done.exported_at.isoformat(),
        "rows": sum(done.rows.values()),
        "tables": {
            table: {
                "rows": rows,
                "columns": known[table if "." in table else f"main.{table}"],
                "files": [
                    {key: value for key, value in asdict(file).items() if key != "table"}
                    for file in done.files
                    if file.table == table
                ],
            }
            for table, rows in done.rows.items()
        },
    }


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}")
