"""Brings the index up to date with the newest copy: only runs and tasks that changed are read again.

Each of them has a mark, made of what its texts depend on. Where the mark in the copy is another one, its texts are
read, compared with those in the index, and only the differences are written. To find these marks, only buckets whose
fingerprints differ are compared. Batches are a transaction each, the runs that changed last come first, and the time is
bounded: what is left is done by the next update.
"""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from taskhouse.clock import Clock
from taskhouse.errors import ConfigurationError, Locked, TaskhouseError
from taskhouse.marts import derivation
from taskhouse.search import database, terms
from taskhouse.warehouse import publish, sql
from taskhouse.warehouse.identity import Identity
from taskhouse.warehouse.reading import Reader

BATCH_LINES = 25_000
"""How many events the runs of a batch have, about; a run is never divided."""

BATCH_SUBJECTS = 2_000
WITHIN_S = 20.0
"""How long a process that publishes goes on with it."""

TIES = 16
"""How many texts can have the same millisecond before one moves on to the next."""

LATEST_MS = 253_402_300_799_999
"""The end of the year 9999."""

VIEWS = ("run_history", "task_history", "macros/plain_text", "macros/event_document")
"""What the queries here read besides the stored views and what these are made of."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the index is.

    Attributes:
        copy: The generation that it was brought up to.
        done: How many runs and tasks were read.
        waiting: How many of that generation are still to be read.
        trouble: Why it could not be updated; empty if it could.
    """

    copy: str
    done: int
    waiting: int
    trouble: str = ""


class _Key(NamedTuple):
    """A run, or a task if it has no run."""

    project_id: int
    task_id: str
    run_id: str | None


@dataclass(frozen=True, slots=True)
class _Subject:
    """A run or task of the copy whose texts may have changed, or one that is gone and has no mark."""

    key: _Key
    mark: str
    repository: str | None = None
    title: str | None = None
    bucket: str = ""
    derivation: int | None = None
    lines: int = 1


class _Text(NamedTuple):
    kind: str
    place: str
    at: int | None
    text: str
    parts: str


@dataclass(slots=True)
class _Held:
    """What the index holds of a run or task."""

    id: int
    mark: str


@dataclass(slots=True)
class _Work:
    """One update of the index."""

    index: sqlite3.Connection
    reader: Reader
    held: dict[_Key, _Held] = field(default_factory=dict)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)
    buckets: dict[str, str | None] = field(default_factory=dict)

    def changed(self) -> list[_Subject]:
        """What to read again, those that changed last first, and what is gone."""
        self.reader.records(database.statement("subjects"), {"definitions": _definitions(self.reader)})
        rows = self.reader.records(database.statement("fingerprints"))
        now = {row["bucket"]: row["fingerprint"] for row in rows}
        before = {row["bucket"]: row["fingerprint"] for row in self.index.execute("SELECT * FROM buckets")}
        buckets = [each for each in sorted(now.keys() | before.keys()) if now.get(each) != before.get(each)]
        self.buckets = {each: now.get(each) for each in buckets}
        text = "SELECT * FROM subjects WHERE bucket IN (SELECT value FROM json_each(?))"
        for row in self.index.execute(text, [json.dumps(buckets)]):
            key = _Key(row["project_id"], row["task_id"], row["run_id"])
            self.held[key] = _Held(row["id"], row["mark"])
        for row in self.index.execute("SELECT * FROM labels"):
            self.labels[row["kind"], row["name"]] = terms.label(row["id"])
        found, gone = [], set(self.held)
        for row in self.reader.records(database.statement("subjects_of_buckets"), {"buckets": buckets}):
            key = _Key(row["project_id"], row["task_id"], row["run_id"])
            gone.discard(key)
            if key not in self.held or self.held[key].mark != row["mark"]:
                shown = (row["repository"], row["title"], row["bucket"])
                found.append(_Subject(key, row["mark"], *shown, row["derivation"], row["lines"]))
        return [*found, *(_Subject(key, "") for key in gone)]

    def finish(self) -> None:
        """Note that everything of the buckets that differed was read."""
        self.index.executemany("DELETE FROM buckets WHERE bucket = ?", [[each] for each in self.buckets])
        self.index.executemany(
            "INSERT INTO buckets (bucket, fingerprint) VALUES (?, ?)",
            [[bucket, made] for bucket, made in self.buckets.items() if made is not None],
        )

    def write(self, batch: Sequence[_Subject]) -> None:
        """Write what changed of the texts of a batch, inside the caller's transaction."""
        texts = _texts(self.reader, [subject for subject in batch if subject.mark])
        for subject in batch:
            self._write(subject, texts.get(subject.key, []))

    def _write(self, subject: _Subject, texts: list[_Text]) -> None:
        held = self.held.get(subject.key)
        before = self._before(held) if held is not None else {}
        if not subject.mark and held is not None:
            self.index.execute("DELETE FROM subjects WHERE id = ?", [held.id])
            del self.held[subject.key]
        elif held is not None:
            self.index.execute(
                "UPDATE subjects SET mark = ?, repository = ?, title = ? WHERE id = ?",
                [subject.mark, subject.repository, subject.title, held.id],
            )
        else:
            made = self.index.execute(
                "INSERT INTO subjects (project_id, task_id, run_id, repository, title, mark, bucket)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [*subject.key, subject.repository, subject.title, subject.mark, subject.bucket],
            )
            held = self.held[subject.key] = _Held(made.lastrowid or 0, subject.mark)
        after: dict[tuple[object, ...], _Text] = {}
        for text in texts:
            after[(*text, self._facets(subject, text.kind, held.id))] = text
        for row_id in [before[key] for key in before.keys() - after.keys()]:
            self.index.execute("DELETE FROM documents WHERE rowid = ?", [row_id])
        place = _Places(self.index)
        for key in [key for key in after if key not in before]:
            self.index.execute(
                "INSERT INTO documents (rowid, kind, place, at, text, parts, facets, subject)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [place.after(after[key].at or 0), *key, held.id],
            )

    def _before(self, held: _Held) -> dict[tuple[object, ...], int]:
        rows = self.index.execute(
            "SELECT rowid, kind, place, at, text, parts, facets FROM documents WHERE documents MATCH ?",
            [f'{{facets}} : "{terms.subject(held.id)}"'],
        )
        return {tuple(row)[1:]: row["rowid"] for row in rows}

    def _facets(self, subject: _Subject, kind: str, number: int) -> str:
        found = [self._label("kind", kind), self._label("project", str(subject.key.project_id))]
        if subject.repository is not None:
            found.append(self._label("repository", subject.repository))
        return " ".join([*found, terms.subject(number)])

    def _label(self, kind: str, name: str) -> str:
        if (kind, name) not in self.labels:
            made = self.index.execute("INSERT INTO labels (kind, name) VALUES (?, ?)", [kind, name])
            self.labels[kind, name] = terms.label(made.lastrowid or 0)
        return self.labels[kind, name]


class _Places:
    """Free rowids of the index, for texts by their time."""

    def __init__(self, index: sqlite3.Connection) -> None:
        self._index = index
        self._next: dict[int, int] = {}

    def after(self, at: int) -> int:
        """A free rowid for a text of that millisecond: in it, or in the first one after it that has room."""
        first = self._next.get(at, at * TIES)
        while True:
            last = first - first % TIES + TIES - 1
            found = self._index.execute(
                "SELECT max(rowid) AS taken FROM documents WHERE rowid BETWEEN ? AND ?", [first, last]
            ).fetchone()["taken"]
            first = first if found is None else found + 1
            if first <= last:
                self._next[at] = first + 1
                return first


def update(
    folder: Path, clock: Clock, *, within_s: float = WITHIN_S, create: bool = False, check: bool = False
) -> Progress | None:
    """Bring the index of a folder up to date with its newest copy, for the given number of seconds at most.

    Args:
        folder: The published copies.
        clock: What says how long it has taken.
        within_s: No further batch begins after this many seconds.
        create: Begin one if there is none.
        check: Read all of it first, and begin another one if a part is damaged. Otherwise only what is read shows it.

    Returns:
        How far it is; None if there is no index, or no copy.

    Raises:
        ConfigurationError: This Python's SQLite lacks FTS5.
        Full: The disk has no room for it.
        Locked: Another process is updating it.
        Corrupt: The copy cannot be opened.
    """
    copy = publish.current(folder) if create or (folder / database.NAME).exists() else None
    if copy is None:
        return None
    with contextlib.suppress(database.Damaged), database.writing(folder, check=check) as index:
        if not _is_of_another_home(index, copy.path):
            return _update(index, copy.path, clock, within_s)
    database.remove(folder / database.NAME)
    with database.writing(folder) as index:
        return _update(index, copy.path, clock, within_s)


def follow(folder: Path, clock: Clock, *, within_s: float = WITHIN_S) -> Progress | None:
    """The same for a process that has published a copy and has other things to do: a failure is logged, not raised."""
    try:
        return update(folder, clock, within_s=within_s) if os.access(folder, os.W_OK) else None
    except Locked:
        return None  # somebody else is at it
    except (TaskhouseError, OSError) as problem:
        logging.getLogger("taskhouse").warning("The search index was not updated: %s", problem)
        return Progress("", 0, 0, str(problem))


def _is_of_another_home(index: sqlite3.Connection, copy: Path) -> bool:
    """Whether the copy is of another home than the index. An earlier state of the same one has other marks."""
    state, identity = index.execute("SELECT * FROM state").fetchone(), Identity.beside(copy)
    return state is not None and identity is not None and bool(state["home"] != identity.id)


def _update(index: sqlite3.Connection, copy: Path, clock: Clock, within_s: float) -> Progress:
    state = index.execute("SELECT * FROM state").fetchone()
    if state is not None and state["copy"] == copy.stem and not state["waiting"]:
        return Progress(copy.stem, 0, 0)
    began, done = clock.monotonic(), 0
    with contextlib.closing(Reader(copy)) as reader:
        work = _Work(index, reader)
        waiting = work.changed()
        for batch in _batches(waiting):
            with database.atomic(index):
                work.write(batch)
                done += len(batch)
                _note(index, copy, len(waiting) - done)
            if clock.monotonic() - began >= within_s:
                break
        if done == len(waiting):
            with database.atomic(index):
                work.finish()
                _note(index, copy, 0)
    return Progress(copy.stem, done, len(waiting) - done)


def _note(index: sqlite3.Connection, copy: Path, waiting: int) -> None:
    identity = Identity.beside(copy)
    index.execute("DELETE FROM state")
    index.execute(
        "INSERT INTO state (home, copy, waiting) VALUES (?, ?, ?)",
        [identity.id if identity else None, copy.stem, waiting],
    )


def _batches(subjects: Sequence[_Subject]) -> Iterator[list[_Subject]]:
    batch: list[_Subject] = []
    lines = 0
    for subject in subjects:
        if batch and (lines + subject.lines > BATCH_LINES or len(batch) >= BATCH_SUBJECTS):
            yield batch
            batch, lines = [], 0
        batch.append(subject)
        lines += subject.lines
    if batch:
        yield batch


def _definitions(reader: Reader) -> str:
    """A fingerprint of all that decides which texts a run has; if it changes, every run is read again."""
    used = {*derivation.CHAIN, *VIEWS}
    views = {row["name"]: row["sha256"] for row in reader.records(sql.query("ledger/views_held"))}
    ours = ("texts_of_runs", "failures_of_runs", "texts_of_tasks")
    made = [*map(database.statement, ours), *(f"{name} {views.get(name)}" for name in sorted(used))]
    return hashlib.sha256("\0".join(made).encode()).hexdigest()[:16]


def _texts(reader: Reader, subjects: Sequence[_Subject]) -> dict[_Key, list[_Text]]:
    """The texts of some runs and tasks. One that DuckDB cannot read has none until it changes; the others are read."""
    try:
        return _read(reader, subjects)
    except ConfigurationError:
        if len(subjects) < 2:  # noqa: PLR2004 - it cannot be divided
            return {}
        half = len(subjects) // 2
        return _texts(reader, subjects[:half]) | _texts(reader, subjects[half:])


def _read(reader: Reader, subjects: Sequence[_Subject]) -> dict[_Key, list[_Text]]:
    runs = [subject for subject in subjects if subject.key.run_id is not None]
    stored = [subject for subject in runs if subject.derivation is not None]
    others = [subject for subject in runs if subject.derivation is None]
    tasks = [subject for subject in subjects if subject.key.run_id is None]
    found: list[dict[str, Any]] = []
    if stored:
        text = database.statement("texts_of_runs").format(schema="mart", condition="derivation IN (SELECT unnest($of))")
        found += reader.records(text, {**_wanted(stored), "of": sorted({each.derivation or 0 for each in stored})})
    if others:
        text = database.statement("texts_of_runs").format(schema="waiting", condition="true")
        found += reader.records(text, _wanted(others))
    if runs:
        found += reader.records(database.statement("failures_of_runs"), _wanted(runs))
    if tasks:
        named = {"projects": [each.key.project_id for each in tasks], "tasks": [each.key.task_id for each in tasks]}
        found += reader.records(database.statement("texts_of_tasks"), named)
    of_run = {(subject.key.project_id, subject.key.run_id): subject.key for subject in runs}
    texts: dict[_Key, list[_Text]] = {}
    for row in found:
        text, parts = terms.indexed(row["text"] or "")
        if text:
            key = of_run.get((row["project_id"], row["run_id"])) if "run_id" in row else None
            key = key or _Key(row["project_id"], row["task_id"], None)
            texts.setdefault(key, []).append(_Text(row["kind"], row["place"] or "", _ms(row["at"]), text, parts))
    return {key: sorted(several, key=lambda each: each.at or 0) for key, several in texts.items()}


def _wanted(subjects: Sequence[_Subject]) -> dict[str, object]:
    return {
        "projects": [subject.key.project_id for subject in subjects],
        "runs": [subject.key.run_id for subject in subjects],
    }


def _ms(at: int | None) -> int | None:
    """A time in milliseconds since 1970, if an index can hold it."""
    return at if at is None or 0 <= at <= LATEST_MS else None
