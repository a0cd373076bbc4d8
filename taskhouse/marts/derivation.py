"""Which views are stored in ``mart``, and the texts that keep and read them. Pure.

What such a view shows is computed run by run from three tables of ``raw``. Its file is used three times: over the runs
of a batch that is to be stored (schema ``temp``), over the runs that are not stored or have changed since (schema
``waiting``), and for the documentation. In ``main``, the view unites what is stored with what is waiting.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from taskhouse import marts

STORED: dict[str, tuple[str, ...]] = {
    "messages": ("run_id", "number"),
    "run_activity": ("run_id", "attempt"),
    "run_attempt_facts": ("run_id", "attempt"),
    "run_hours": ("run_id", "hour"),
    "run_signals": ("run_id", "occurred_at"),
    "run_timeline": ("run_id", "ordinal"),
    "token_usage": ("run_id", "occurred_at"),
    "tool_calls": ("run_id", "started_at"),
}
"""The views that are stored, and the order in which their rows lie in the file."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "run_timeline": (
        "project_id",
        "run_id",
        "ordinal",
        "occurred_at",
        "layer",
        "message_position",
        "source",
        "incarnation",
        "stream_ms",
        "stream_seq",
        "position",
    ),
}
"""Views of which only these columns are stored: the rest is read from ``raw``, by ``read/<view>.sql``."""

RUNS = {
    "lines": "Number of events and log entries that were loaded. An entry that replaced another counts again.",
    "first_received_at": "When the first of them was read.",
    "last_received_at": "When the last of them was read.",
    "changed_at": "When events were last loaded, or when a version was first seen that is not computed yet.",
    "is_due": "Whether something changed since it was last computed.",
    "is_stored": "Whether everything that is computed from it is stored. If not, the views compute it when asked.",
    "derivation": "Number of the batch that computed what is stored.",
    "derived_lines": "The `lines` at that time.",
    "derived_version": "The newest version of the run at that time.",
    "derived_at": "That time.",
}
"""What the columns of ``mart.runs`` say."""

UNSTORED = ("events_once",)
"""Views that a batch computes for each that reads them, and not once for all: most of them read few of its rows."""

UNREAD = {"run_timeline": ("tool_call_id", "payload", "redacted")}
"""Columns that are neither stored nor read by another view: a batch leaves them out, since sorting them takes time."""

COMPRESSED = {("messages", "text"): " USING COMPRESSION zstd"}
"""Long texts, which DuckDB would store in more room by itself."""

MOST_SPANS = 16
"""How many periods a view looks into for the events of runs that are not stored."""

PER_RUN = ("run_events", "run_log_entries", "run_versions")
"""The tables of ``raw`` that the stored views are computed from, run by run."""


def _chain() -> tuple[str, ...]:
    found, open_ends = set[str](), [*STORED]
    while open_ends:
        name = open_ends.pop()
        if name not in found:
            found.add(name)
            open_ends += marts.uses(name)
    return tuple(name for name in marts.ORDER if name in found)


CHAIN = _chain()
"""Everything that the stored views rest on, and they themselves, in order; macros begin with ``macros/``."""

VIEWS = tuple(name for name in CHAIN if "/" not in name)
"""The views among them."""

_OURS = re.compile(rf"\b(?:main\.(?P<view>{'|'.join(VIEWS)})|raw\.(?P<table>{'|'.join(PER_RUN)}))\b")


def over(schema: str, text: str) -> str:
    """The statement of a view as it stands over the tables and views of another schema."""
    return _OURS.sub(lambda found: f"{schema}.{found['view'] or found['table']}", text)


def waiting(table: str) -> str:
    """The rows of a table of ``raw`` of the runs that are not stored, or of ``runs`` these runs themselves.

    Ids of runs do not tell DuckDB where in ``raw`` their events are, but the times at which these were read do. They
    stand in the macro ``waiting.is_within`` (:func:`within`).

    Args:
        table: One of :data:`PER_RUN`, or ``runs``.
    """
    if table == "runs":
        return "SELECT project_id, run_id FROM mart.runs WHERE NOT is_stored"
    rows = f"SELECT * FROM raw.{table} SEMI JOIN waiting.runs USING (project_id, run_id)"  # noqa: S608 - our own names
    return rows if table == "run_versions" else f"{rows} WHERE waiting.is_within(received_at)"


def within(spans: Sequence[tuple[datetime, datetime]] | None) -> str:
    """The statement that makes the macro which says whether an event read at a time may be of a run that is waiting.

    Constants, since DuckDB passes over the rest of ``raw`` by them in every query; with bounds from a subquery it
    sometimes read all of it, and one run that is never stored led through everything that was read since.

    Args:
        spans: From when until when the events of each of these runs were read; None if that is not known or changes.
    """
    if spans is None:
        condition = "true"
    elif spans:
        found = (f"moment BETWEEN {_literal(first)} AND {_literal(last)}" for first, last in _joined(spans))
        condition = " OR ".join(("moment IS NULL", *found))
    else:
        condition = "moment IS NULL"
    return f"CREATE OR REPLACE MACRO waiting.is_within(moment) AS ({condition})"


def _joined(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same spans in order, without overlaps, joined over the shortest gaps until they are few enough."""
    joined: list[tuple[datetime, datetime]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    while len(joined) > MOST_SPANS:
        at = min(range(1, len(joined)), key=lambda place: joined[place][0] - joined[place - 1][1])
        joined[at - 1 : at + 1] = [(joined[at - 1][0], joined[at][1])]
    return joined


def _literal(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(UTC).isoformat(' ')}'"


def united(name: str, text: str) -> str:
    """The statement of a stored view in ``main``, under the comment at the head of its file."""
    head = itertools.takewhile(lambda line: line.startswith("--"), text.splitlines())
    stored = marts.text(f"read/{name}") if name in COLUMNS else f"SELECT * EXCLUDE (derivation) FROM mart.{name}"  # noqa: S608 - our own names
    parts = (
        *head,
        "SELECT * FROM (",
        stored,
        ") AS stored",
        "ANTI JOIN waiting.runs ON stored.project_id = runs.project_id AND stored.run_id = runs.run_id",
        f"UNION ALL SELECT * FROM waiting.{name}",  # noqa: S608 - our own names
        "",
    )
    return "\n".join(parts)


def table(name: str, types: Mapping[str, str]) -> str:
    """The statement that makes the table of a stored view if it is not there, given the types of the view's columns."""
    columns = {column: types[column] for column in COLUMNS.get(name, tuple(types))}
    columns = {column: f"{kind}{COMPRESSED.get((name, column), '')}" for column, kind in columns.items()}
    shown = ", ".join(f'"{column}" {kind}' for column, kind in (columns | {"derivation": "BIGINT"}).items())
    return f"CREATE TABLE IF NOT EXISTS mart.{name} ({shown})"


def computation(name: str) -> str:
    """The statement that computes a view over the runs of a batch, for what follows from it."""
    text = over("temp", marts.text(name))
    if name in UNSTORED:
        return f"CREATE OR REPLACE TEMP VIEW {name} AS {text}"
    if name in UNREAD:
        text = f"SELECT * EXCLUDE ({', '.join(UNREAD[name])}) FROM ({text})"  # noqa: S608 - our own names
    return f"CREATE OR REPLACE TEMP TABLE {name} AS {text}"


def insertion(name: str) -> str:
    """The statement that stores what was computed for a batch."""
    columns = ", ".join(COLUMNS.get(name, ("*",)))
    order = ", ".join(("project_id", *STORED[name]))
    return (
        f"INSERT INTO mart.{name} BY NAME SELECT {columns}, $derivation AS derivation FROM temp.{name} ORDER BY {order}"  # noqa: S608 - our own names
    )


def texts() -> list[str]:
    """Everything that decides what is stored, without comments: if it changes, what is stored is computed again."""
    made = [line for name in CHAIN for line in marts.text(name).splitlines() if not line.startswith("--")]
    return [*made, *(insertion(name) for name in STORED), repr(COMPRESSED)]
