"""Answers: the newest texts that match, or the best of the newest."""

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from taskhouse.errors import ConfigurationError
from taskhouse.plural import plural
from taskhouse.search import database, terms
from taskhouse.search.index import LATEST_MS, TIES
from taskhouse.search.snippet import snippet

KINDS = ("task", "prompt", "message", "thought", "command", "error")
"""Title and description of a task; what the user wrote, the agent said or thought; a tool call; what went wrong."""

MOST = 10_000
"""The largest number of results."""

CANDIDATES = 1_000
"""How many of the newest texts that match are ranked."""

DEADLINE_S = 5.0
"""How long a search may take; then it ends with what was found."""

LEAST_OF_ID = 8
"""How many characters of the beginning of a run's id stand for it."""

_LAST = chr(0x10FFFF)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """What to search for.

    Attributes:
        words: Words that must all occur; ``"a phrase"``, ``prefix*`` and ``-without``.
        projects: Only these projects; all if there are none.
        repository: Only repositories that match this pattern, such as ``acme/*``.
        run: Only this run, by its id; also by the beginning of it, if that has eight characters.
        kinds: Only these of ``KINDS``; all if there are none.
        since: The first moment.
        until: The first moment that is left out.
        limit: Most results, up to 10,000.
        rank: Order by relevance, among the newest 1,000 texts that match, instead of by time.
    """

    words: str
    projects: Collection[int] = ()
    repository: str | None = None
    run: str | None = None
    kinds: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 20
    rank: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that matches.

    Attributes:
        at: Its time; None if it has none.
        kind: One of ``KINDS``.
        project_id: The PostHog project.
        repository: Repository of the task, as last seen.
        task_id: The task.
        title: Its title, as last seen.
        run_id: The run; None for a task.
        place: `number` of the message in `messages`, or `tool_call_id`; empty for a task and for the failure of a run.
        snippet: Some words of it around the first match, on one line.
        highlights: Where the matches are in the snippet, as pairs of first and last offset; the last is excluded.
        score: Its relevance, larger is better; None unless it was asked for.
    """

    at: datetime | None
    kind: str
    project_id: int
    repository: str | None
    task_id: str
    title: str | None
    run_id: str | None
    place: str
    snippet: str
    highlights: list[tuple[int, int]]
    score: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """The answer.

    Attributes:
        hits: What was found.
        more: Whether there is more than the limit.
        stopped: Whether the search took too long, and older texts were not looked at.
        waiting: How many runs and tasks are not yet in the index, or not in their newest state.
        copy: The generation that the index was last brought up to.
    """

    hits: list[Hit]
    more: bool
    stopped: bool
    waiting: int
    copy: str


def search(folder: Path, question: Question) -> Found:
    """Search the index beside the published copies of a folder.

    Raises:
        ConfigurationError: There is no index, the question makes no sense, or a complete index has nothing of the
            projects or the repositories.
        Corrupt: The index is damaged.
        Locked: An update was interrupted, and this process may not complete it.
    """
    words = terms.parsed(question.words)
    if not 0 < question.limit <= MOST:
        raise ConfigurationError(
            f"limit={question.limit} is not between 1 and {MOST:,}.", hint="Choose another limit, or narrow the search."
        )
    if unknown := sorted(set(question.kinds) - set(KINDS)):
        raise ConfigurationError(f"There is no kind {unknown[0]!r}.", hint=f"The kinds are: {', '.join(KINDS)}.")
    with database.reading(folder) as index:
        state = index.execute("SELECT * FROM state").fetchone()
        waiting, copy = (state["waiting"], state["copy"]) if state else (0, "")
        labels = _labels(index, question)
        if state and not waiting:
            _require(index, question)
        if not all(labels):
            return Found([], more=False, stopped=False, waiting=waiting, copy=copy)
        parameters = {
            "match": terms.matching(words, labels),
            "first": _rowid(question.since) if question.since else 0,
            "last": _rowid(question.until) - 1 if question.until else LATEST_MS * TIES * 2,
            "most": question.limit + 1,
            "candidates": CANDIDATES,
        }
        rows, stopped = _rows(index, parameters, rank=question.rank)
        titles = _titles(index, rows)
    more = len(rows) > question.limit
    hits = [_hit(row, titles.get((row["project_id"], row["task_id"]))) for row in rows[: question.limit]]
    return Found(hits, more, stopped, waiting, copy)


def _rows(index: sqlite3.Connection, parameters: dict[str, Any], *, rank: bool) -> tuple[list[database.Row], bool]:
    """The rows that were found, and whether there was no time for all."""
    rows: list[database.Row] = []
    text = "ranked" if rank else "newest"
    with _in_time(index) as late:
        try:
            if rank:
                index.execute("PRAGMA temp_store = memory")
                index.execute(database.statement("candidates"))
                index.execute(database.statement("choose_candidates"), parameters)
            rows.extend(index.execute(database.statement(text), parameters))
        except sqlite3.OperationalError:
            if not late.is_set():
                raise
    return rows, late.is_set()


@contextmanager
def _in_time(index: sqlite3.Connection) -> Iterator[threading.Event]:
    """Interrupt what goes on for too long; the event says that it did."""
    late = threading.Event()

    def interrupt() -> None:
        late.set()
        index.interrupt()

    timer = threading.Timer(DEADLINE_S, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()


def _labels(index: sqlite3.Connection, question: Question) -> list[list[str]]:
    """For each filter, the words of the column facets of which a text must have one."""
    groups: list[list[str]] = []
    for kind, names in (("kind", question.kinds), ("project", [str(project) for project in question.projects])):
        if names:
            groups.append([each for name in names for each in _label(index, kind, name, "name = ?")])
    if question.repository is not None:
        groups.append(_label(index, "repository", question.repository.lower(), "name GLOB ?"))
    if question.run is not None:
        last = f"{question.run}{_LAST}" if len(question.run) >= LEAST_OF_ID else question.run
        rows = index.execute("SELECT id FROM subjects WHERE run_id BETWEEN ? AND ?", [question.run, last])
        groups.append([terms.subject(row["id"]) for row in rows])
    return groups


def _require(index: sqlite3.Connection, question: Question) -> None:
    """Refuse projects, or a pattern of repositories, of which there is nothing: most likely, it is a mistake."""
    numbers = ", ".join(map(str, question.projects))
    asked = {
        f"{plural(len(question.projects), 'project')} {numbers}": (
            "project",
            [*map(str, question.projects)],
            "name = ?",
        ),
        f"repositories like {question.repository}": (
            "repository",
            [] if question.repository is None else [question.repository.lower()],
            "name GLOB ?",
        ),
    }
    for what, (kind, names, condition) in asked.items():
        if names and not any(_label(index, kind, name, condition) for name in names):
            raise ConfigurationError(
                f"There is no text of {what}.",
                hint="Check `--project` and `--repository`; * stands for any characters.",
            )


def _titles(index: sqlite3.Connection, rows: Collection[database.Row]) -> dict[tuple[int, str], str | None]:
    tasks = json.dumps(sorted({row["task_id"] for row in rows}))
    found = index.execute(database.statement("titles"), {"tasks": tasks})
    return {(row["project_id"], row["task_id"]): row["title"] for row in found}


def _label(index: sqlite3.Connection, kind: str, name: str, condition: str) -> list[str]:
    rows = index.execute(f"SELECT id FROM labels WHERE kind = ? AND {condition}", [kind, name])  # noqa: S608 - our own
    return [terms.label(row["id"]) for row in rows]


def _rowid(moment: datetime) -> int:
    return min(max(0, (moment - _EPOCH) // timedelta(milliseconds=1)), LATEST_MS) * TIES


def _hit(row: database.Row, title: str | None) -> Hit:
    shown = snippet(row["marked"])
    at = None if row["at"] is None else _EPOCH + timedelta(milliseconds=row["at"])
    return Hit(
        at=at,
        kind=row["kind"],
        project_id=row["project_id"],
        repository=row["repository"],
        task_id=row["task_id"],
        title=title,
        run_id=row["run_id"],
        place=row["place"],
        snippet=shown.text,
        highlights=shown.highlights,
        score=row["score"],
    )
