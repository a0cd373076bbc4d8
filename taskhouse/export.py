"""Parquet files of everything that people read, of one generation, with a manifest that proves them.

DIR/manifest.json                            what was exported; rows, SHA-256 and fingerprint of each file
DIR/views.sql                                makes the same views and macros over the files in any DuckDB
DIR/readiness_trend/project-1.parquet        a file for each project, with all columns

The next export into the same folder writes only what changed. A file whose fingerprint is that of the earlier export is
not computed, and one whose rows come out as they were stays the file that it is. Files are computed from the
bottom up: a view that others are made of is read from its files, and their fingerprints rest on those of its files.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from taskhouse.errors import ConfigurationError, Corrupt, Full, Locked
from taskhouse.home import require_folder
from taskhouse.marts.keys import KEYS
from taskhouse.reading import Snapshot
from taskhouse.warehouse import parquet
from taskhouse.warehouse.drafts import NO_ROOM
from taskhouse.warehouse.parquet import Part, views_sql
from taskhouse.warehouse.sources import Sources

MANIFEST, FORMAT = "manifest.json", 3
LEDGER = ("ledger.passes", "ledger.gaps")
"""Tables of the proof that go with the views."""


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file.

    Attributes:
        path: Below the folder, with forward slashes.
        project_id: The one project of its rows; None where the table is not partitioned, or for rows of no project.
        fingerprint: Of everything that its rows are computed from.
    """

    table: str
    path: str
    project_id: int | None
    rows: int
    bytes: int
    sha256: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export.

    Attributes:
        generation: The published generation that every file comes from.
        exported_at: When it was written.
        written: Paths of the files that are new or changed; the others are those of the export before.
        removed: Paths of files that the export before had, and this one does not.
    """

    folder: Path
    generation: str
    exported_at: datetime
    files: tuple[File, ...]
    written: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        totals: dict[str, int] = {}
        for file in self.files:
            totals[file.table] = totals.get(file.table, 0) + file.rows
        return totals


def export(folder: str | Path, snapshot: Snapshot, *, tables: Collection[str] | None = None) -> Export:
    """Write Parquet files of one generation into ``folder``, which is replaced as a whole when all are complete.

    Files of an earlier export there that did not change are kept, with their time. What an interrupted export of the
    same generation had finished is kept and used, unless the disk was full.

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
    before = _Earlier.read(target)
    with _unless_full(draft):
        draft.mkdir(exist_ok=True)
        with snapshot.reader.whole_views(), snapshot.reader.moment():
            work = _Work(snapshot, draft, before)
            work.write(names)
        files = tuple(sorted(work.files, key=lambda file: (names.index(_full(file.table)), file.path)))
        removed = before.files.keys() - {file.path for file in files}
        is_same = before.generation == snapshot.generation and not work.written and not removed
        at = (before.exported_at if is_same else None) or snapshot.clock.now()
        done = Export(target, snapshot.generation, at, files, tuple(sorted(work.written)), tuple(sorted(removed)))
        _put(draft / "views.sql", views_sql(snapshot.reader, done.rows), target / "views.sql")
        _put(draft / MANIFEST, json.dumps(_manifest(snapshot, done), indent=1) + "\n", target / MANIFEST)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    draft.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return done


@dataclass(frozen=True, slots=True)
class _Earlier:
    """An earlier export into the same folder, with its files by path."""

    folder: Path
    generation: str = ""
    exported_at: datetime | None = None
    files: Mapping[str, File] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "_Earlier":
        """None of them if the manifest cannot be read, or is that of a version that kept no fingerprints."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            files = [
                File(table=table, **file) for table, about in manifest["tables"].items() for file in about["files"]
            ]
            at = datetime.fromisoformat(manifest["exported_at"])
            return cls(folder, manifest["generation"], at, {file.path: file for file in files})
        return cls(folder)

    def is_there(self, path: str) -> bool:
        """Whether a file is there with its size."""
        file, place = self.files.get(path), self.folder / path
        return file is not None and place.is_file() and place.stat().st_size == file.bytes


@dataclass(slots=True)
class _Work:
    """The files of one export, one after the other."""

    snapshot: Snapshot
    draft: Path
    before: _Earlier
    files: list[File] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def write(self, names: list[str]) -> None:
        """Write every table and view, each after what it is made of."""
        reader = self.snapshot.reader
        sources = Sources(reader)
        below = {each for name in names for each in sources.below(name)}
        fingerprints: dict[str, dict[Part, str]] = {}
        for name in sources.order(names):
            short = name.removeprefix("main.")
            parts = sources.parts(name)
            files = [self._file(name, part, sources.fingerprint(name, part, fingerprints)) for part in parts]
            self.files += files
            if name in below and short != name:
                parquet.shadow(reader, name, [self.draft / file.path for file in files])
                fingerprints[name] = {part: file.sha256 for part, file in zip(parts, files, strict=True)}

    def _file(self, name: str, part: Part, fingerprint: str) -> File:
        """One file, under its final name when it is complete: the earlier one, that of a draft, or a new one."""
        path = f"{name.removeprefix('main.')}/{part.stem}.parquet"
        final = self.draft / path
        final.parent.mkdir(parents=True, exist_ok=True)
        before = self.before.files.get(path) if self.before.is_there(path) else None
        if before is not None and before.fingerprint == fingerprint:
            _link(self.before.folder / path, final)
            return before
        if not final.exists():
            self._compute(name, part, final)
        if before is not None and parquet.equal(self.before.folder / path, final):
            _link(self.before.folder / path, final)
            return dataclasses.replace(before, fingerprint=fingerprint)
        self.written.append(path)
        with final.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        rows, size = parquet.count(self.snapshot.reader, final), final.stat().st_size
        return File(name.removeprefix("main."), path, part.project_id, rows, size, digest, fingerprint)

    def _compute(self, name: str, part: Part, final: Path) -> None:
        reader, columns = self.snapshot.reader, self.snapshot.tables()[name]
        key = KEYS.get(name.removeprefix("main."))
        order = [each for each in ("project_id", *key) if each in columns] if key is not None else []
        draft = final.with_suffix(".part")
        written = parquet.write(reader, name, draft, part=part, order=order)
        if parquet.count(reader, draft) != written:
            raise Corrupt(f"{draft} does not contain the {written} rows that were written.", hint="Export again.")
        _sync(draft)
        draft.rename(final)


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
    columns = snapshot.tables()
    if tables is None:
        return [name for name in columns if name.startswith("main.")] + [name for name in LEDGER if name in columns]
    names = [_full(name) for name in tables]
    for name, given in zip(names, tables, strict=True):
        if name not in columns:
            raise ConfigurationError(f"There is no view {given!r}.", hint=f"There are: {', '.join(snapshot.views())}.")
    return list(dict.fromkeys(names))


def _manifest(snapshot: Snapshot, done: Export) -> dict[str, Any]:
    columns = snapshot.tables()
    return {
        "format": FORMAT,
        "generation": done.generation,
        "exported_at": done.exported_at.isoformat(),
        "rows": sum(done.rows.values()),
        "tables": {
            table: {
                "rows": rows,
                "columns": columns[_full(table)],
                "files": [
                    {key: value for key, value in asdict(file).items() if key != "table"}
                    for file in done.files
                    if file.table == table
                ],
            }
            for table, rows in done.rows.items()
        },
    }


def _full(table: str) -> str:
    return table if "." in table else f"main.{table}"


def _put(path: Path, text: str, before: Path) -> None:
    """Write a text, or keep the file that says the same."""
    if before.is_file() and before.read_bytes() == text.encode():
        _link(before, path)
    else:
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
        _sync(path)


def _link(before: Path, path: Path) -> None:
    """Let a file of the earlier export be in the new folder too, with its time; copied if there are no hard links."""
    path.unlink(missing_ok=True)
    try:
        path.hardlink_to(before)
    except OSError:
        shutil.copy2(before, path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}")
