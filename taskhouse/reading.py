"""Read-only access for Python: SQL and views of the published copy as frames."""

import importlib.util
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from taskhouse import settings as environment
from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError, TaskhouseError
from taskhouse.settings import Settings
from taskhouse.warehouse import sql
from taskhouse.warehouse.reading import Reader, Record, newest

if TYPE_CHECKING:
    import pandas as pd

    from taskhouse.search.query import Found

MOMENTS = (
    *("day", "week", "hour"),
    *("observed_at", "occurred_at", "started_at", "valid_from", "created_at", "first_seen_at"),
    *("failed_at", "first_event_at", "changed_before", "merged_before", "pinned_since"),
)
"""What ``since`` and ``until`` look at: the first of these columns that a view has."""

FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 29)
"""Days that have a beginning and an end in every time zone; one outside means the nearest of these."""


class Snapshot:
    """One published generation of the warehouse, open for reading.

    What is published later does not change what it sees; open again to see it. Not for use by several threads at once.

    Attributes:
        clock: What says the time.
        reword: What an error says that leaves a ``with`` block of it, for its reader.
    """

    def __init__(self, reader: Reader, clock: Clock = REAL) -> None:
        self._reader = reader
        self.clock = clock
        self.reword: Callable[[str], str] = str
        self._columns: dict[str, dict[str, str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(problem, TaskhouseError):
            problem.hint = self.reword(problem.hint)

    def __repr__(self) -> str:
        return f"<Snapshot {self.generation}>"

    @property
    def path(self) -> Path:
        """The file that is read."""
        return self._reader.path

    @property
    def reader(self) -> Reader:
        """The connection below, for the other floors of the engine."""
        return self._reader

    @property
    def generation(self) -> str:
        """The name of the generation that is read: the moment when it was published."""
        return self._reader.path.stem

    @property
    def zone(self) -> str:
        """The name of the time zone in which its days begin: the setting at the time of its publication."""
        return str(self.records("SELECT main.day_zone() AS zone")[0]["zone"])

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def sql(self, text: str, **parameters: object) -> "pd.DataFrame":
        """The rows of one statement; ``$name`` in it takes the parameter of that name.

        Raises:
            ConfigurationError: The statement is not valid, lacks a parameter, or would write.
        """
        return self._reader.frame(text, parameters)

    def records(self, text: str, **parameters: object) -> list[Record]:
        """As :meth:`sql`, but each row as a dictionary, with no pandas involved."""
        return self._reader.records(text, parameters)

    def views(self) -> dict[str, tuple[str, ...]]:
        """The views for people, each with its columns. Tables of ``raw`` and ``ledger`` can be read too."""
        return {
            name.removeprefix("main."): tuple(columns)
            for name, columns in self.tables().items()
            if name.startswith("main.")
        }

    def tables(self) -> dict[str, dict[str, str]]:
        """Every table and view as ``schema.name``, with its columns: name to DuckDB type."""
        if self._columns is None:
            self._columns = self._reader.columns()
        return self._columns

    def describe(self, view: str) -> "pd.DataFrame":
        """Columns of a view, or of a table given as ``ledger.passes``: name, type, and what it says of itself.

        Raises:
            ConfigurationError: There is no such view.
        """
        schema, _, name = self._known(view).partition(".")
        return self._reader.frame(sql.query("catalog/describe"), {"schema": schema, "name": name})

    def frame(
        self,
        view: str,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        columns: Collection[str] | None = None,
        **filters: object,
    ) -> "pd.DataFrame":
        """Rows of a view, or of a table given as ``ledger.passes``.

        Args:
            view: One of :meth:`views`.
            since: First day or moment: a date, an aware time, or either as ISO 8601 text. Looks at the first column of
                ``MOMENTS`` that the view has. A day begins in the time zone of ``day_zone()``, as in the views.
            until: Last day, which is included whole; or, given as a time, the first moment that is left out. A row for
                a whole day or week counts if a part of it lies between the two.
            columns: Only these columns, in this order.
            filters: Column to value: a value that it must have, a collection of them, or None for NULL.
                ``repository`` also takes a pattern such as ``acme/*``.

        Raises:
            ConfigurationError: There is no such view or column, or a moment cannot be read.
        """
        text, parameters = self._statement(view, since, until, columns, filters)
        return self._reader.frame(text, parameters)

    def arrow(
        self,
        view: str,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        columns: Collection[str] | None = None,
        **filters: object,
    ) -> Any:
        """As :meth:`frame`, but a ``pyarrow.Table``.

        Raises:
            ConfigurationError: As for :meth:`frame`, or pyarrow is not installed.
        """
        if importlib.util.find_spec("pyarrow") is None:
            raise ConfigurationError(
                "arrow() needs pyarrow, which is not installed.", hint="Run `pip install pyarrow`, or use frame()."
            )
        text, parameters = self._statement(view, since, until, columns, filters)
        return self._reader.arrow(text, parameters)

    def search(self, words: str, **options: Any) -> "pd.DataFrame":
        """Messages, tool calls, errors and tasks with some words, newest first: a row for each hit of :meth:`find`.

        Raises:
            ConfigurationError: As for :meth:`find`.
        """
        import pandas as pd  # noqa: PLC0415 - only frames need it

        from taskhouse.search.query import Hit  # noqa: PLC0415 - what reads no index needs none

        hits = self.find(words, **options).hits
        return pd.DataFrame([asdict(hit) for hit in hits], columns=[field.name for field in fields(Hit)])

    def find(
        self,
        words: str,
        *,
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int = 20,
        rank: bool = False,
        kind: str | Collection[str] | None = None,
        project_id: int | Collection[int] | None = None,
        repository: str | None = None,
        run_id: str | None = None,
    ) -> "Found":
        """As :meth:`search`, but as records, with no pandas involved, and with what the answer leaves out.

        It asks the index beside the published copies, which ``taskhouse search --build`` builds and every sync updates.

        Args:
            words: Words that must all occur; ``"a phrase"``, ``prefix*`` and ``-without``.
            since: First day or moment, as for :meth:`frame`.
            until: Last day, or the first moment that is left out, as for :meth:`frame`.
            limit: Most texts, up to 10,000.
            rank: Order them by relevance, among the newest 1,000 that match.
            kind: Only this kind of text, or these: ``task``, ``prompt``, ``message``, ``thought``, ``command``,
                ``error``.
            project_id: Only this project, or these.
            repository: Only repositories that match this pattern, such as ``acme/*``.
            run_id: Only this run, by its id, or by at least the first eight characters of it.

        Raises:
            ConfigurationError: There is no index, the question makes no sense, or a complete index has nothing of the
                projects or the repositories.
            Corrupt: The index is damaged.
            Locked: An update of the index was interrupted; the next one completes it.
        """
        from taskhouse.search.query import Question, search  # noqa: PLC0415 - what reads no index needs none

        if not self._reader.is_copy:
            raise ConfigurationError(
                "The lake has no index of words.", hint="Search in the published copy of a shard instead."
            )
        question = Question(
            words=words,
            since=None if since is None else self._instant("since", since),
            until=None if until is None else self._instant("until", until),
            limit=limit,
            rank=rank,
            kinds=[kind] if isinstance(kind, str) else kind or (),
            projects=[project_id] if isinstance(project_id, int) else project_id or (),
            repository=repository,
            run=run_id,
        )
        return search(self.path.parent, question)

    def _instant(self, word: str, given: date | str) -> datetime:
        """The beginning of a day in the time zone of the views, or the end of the last day; or the moment itself."""
        moment = _moment(word, given)
        if isinstance(moment, datetime):
            return moment
        day = moment if word == "since" else moment + timedelta(days=1)
        found: datetime = self._reader.records("SELECT main.day_start($day) AS at", {"day": day})[0]["at"]
        return found

    def _statement(
        self,
        view: str,
        since: date | str | None,
        until: date | str | None,
        columns: Collection[str] | None,
        filters: Mapping[str, object],
    ) -> tuple[str, dict[str, object]]:
        try:
            name = self._known(view)
            return select(name, self.tables()[name], since=since, until=until, columns=columns, filters=filters)
        except ConfigurationError as problem:
            problem.hint = f"{self._reader.why_absent()}{problem.hint}"
            raise

    def _known(self, view: str) -> str:
        name = view if "." in view else f"main.{view}"
        if name not in self.tables():
            raise ConfigurationError(f"There is no view {view!r}.", hint=f"There are: {', '.join(self.views())}.")
        return name


def open_snapshot(path_or_settings: str | Path | Settings | None = None, *, lake: bool | str = False) -> Snapshot:
    """Open the published copy, or the lake, for reading.

    Args:
        path_or_settings: None for the settings of the environment; settings; the folder that holds all state; a folder
            of published copies; or one DuckDB file.
        lake: True for the lake of the settings; or the address of a lake, which needs no settings.

    Raises:
        ConfigurationError: Nothing has been published there yet, or there is no lake.
        Corrupt: The file cannot be opened.
        Retryable: The catalogue of the lake does not answer.
    """
    if lake:
        return _open_lake(path_or_settings, lake)
    if path_or_settings is None or isinstance(path_or_settings, Settings):
        settings = path_or_settings or environment.load()
        return Snapshot(newest(settings.published), settings.clock)
    path = Path(path_or_settings)
    if path.is_dir():
        return Snapshot(newest(path if (path / "current.duckdb").is_symlink() else path / "published"))
    return Snapshot(Reader(path.resolve()))


def _open_lake(settings: object, lake: bool | str) -> Snapshot:  # noqa: FBT001 - as the caller has it
    from taskhouse.lake.engine import Lake  # noqa: PLC0415 - what reads a copy needs no lake
    from taskhouse.lake.reading import open_lake  # noqa: PLC0415

    if isinstance(lake, str):
        address, clock = Lake.at(lake), REAL
    else:
        known = settings if isinstance(settings, Settings) else environment.load()
        address, clock = Lake.of(known), known.clock
    return Snapshot(open_lake(address, clock), clock)


def select(
    table: str,
    known: Mapping[str, str],
    *,
    since: date | str | None = None,
    until: date | str | None = None,
    columns: Collection[str] | None = None,
    filters: Mapping[str, object] | None = None,
) -> tuple[str, dict[str, object]]:
    """A statement over one table and its parameters; every name in it was found among ``known``.

    Raises:
        ConfigurationError: A column is not among ``known``, or a moment cannot be read.
    """
    if isinstance(columns, str):
        raise ConfigurationError(f"columns={columns!r} is a single string.", hint=f"Write columns=[{columns!r}].")
    wanted = [_column(table, known, name) for name in columns] if columns is not None else ["*"]
    where: list[str] = []
    parameters: dict[str, object] = {}
    for number, (name, value) in enumerate((filters or {}).items()):
        where.append(_condition(_column(table, known, name), name, value, f"p{number}", parameters))
    if since is not None or until is not None:
        clock = next((name for name in MOMENTS if name in known), None)
        if clock is None:
            raise ConfigurationError(f"{table} has no time column.", hint="Omit since and until.")
        for word, moment in (("since", since), ("until", until)):
            if moment is not None:
                parameters[word] = value = _moment(word, moment)
                where.append(
                    f"{_quoted(clock)} {_bound(word, clock, known[clock], is_time=isinstance(value, datetime))}"
                )
    text = f"SELECT {', '.join(wanted)} FROM {'.'.join(_quoted(part) for part in table.split('.'))}"  # noqa: S608 - names are known and quoted
    return (f"{text} WHERE {' AND '.join(where)}" if where else text), parameters


def _condition(column: str, name: str, value: object, key: str, parameters: dict[str, object]) -> str:
    if value is None:
        return f"{column} IS NULL"
    if isinstance(value, (list, tuple, set, frozenset)):
        if not value:
            return "false"
        parameters[key] = list(value)
        return f"{column} IN (SELECT unnest(${key}))"
    if name == "repository" and isinstance(value, str) and any(mark in value for mark in "*?["):
        parameters[key] = value.lower()
        return f"{column} GLOB ${key}"
    parameters[key] = value
    return f"{column} = ${key}"


def _bound(word: str, clock: str, kind: str, *, is_time: bool) -> str:
    """The comparison of a column with ``$since`` or ``$until``, by days that begin where those of the views do."""
    if kind == "DATE":
        # The day of a time, or the last day that began before it.
        day = f"CAST(${word} AS DATE)"
        if is_time:
            day = "main.day_of($since)" if word == "since" else "main.day_of($until - INTERVAL 1 MICROSECOND)"
        if word == "until":
            return f"<= {day}"
        return f">= main.monday_of({day})" if clock == "week" else f">= {day}"
    if is_time:
        return ">= $since" if word == "since" else "< $until"
    return ">= main.day_start($since)" if word == "since" else "< main.day_start($until + 1)"


def _moment(word: str, moment: date | str) -> date:
    if isinstance(moment, str):
        try:
            moment = date.fromisoformat(moment) if len(moment) <= len("2026-01-01") else datetime.fromisoformat(moment)
        except ValueError:
            raise ConfigurationError(f"{word}={moment!r} is not a date.", hint="Write it as 2026-01-31.") from None
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise ConfigurationError(
            f"{word}={moment.isoformat()} has no time zone.", hint="Add tzinfo=UTC, or use a date without a time."
        )
    return moment if isinstance(moment, datetime) else min(max(moment, FIRST_DAY), LAST_DAY)


def _column(table: str, known: Mapping[str, str], name: str) -> str:
    if name not in known:
        raise ConfigurationError(f"{table} has no column {name!r}.", hint=f"It has: {', '.join(known)}.")
    return _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
