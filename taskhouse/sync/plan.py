"""Which runs' streams to open and which logs to read. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from taskhouse.posthog.legs import DJANGO
from taskhouse.spool.line import Whose
from taskhouse.sync import hot

REPLAY = timedelta(minutes=30)
"""How long a finished run's stream can still be replayed (API facts 5.4)."""

LIVE = timedelta(hours=6)
"""A stream that nobody writes to for so long is gone (API facts 5.4)."""

WAITING = timedelta(hours=1)
"""A run that waits to start is followed so long: local runs sit in that state by design."""

ENDED = frozenset({"stream_end", "terminal_without_stream", "not_found"})
"""States of a stream that will bring nothing more, unless its run moves again."""

FINAL = frozenset({"settled", "expired", "not_found"})
"""States of a log that will bring nothing more, unless its run moves again."""


@dataclass(frozen=True, slots=True)
class Run:
    """What capture needs to know of a run.

    Attributes:
        cursor: Stream id to resume after.
        leg: The endpoint that gave it, ``django`` or ``proxy``.
        position: Entries of its own log that are kept.
        ancestors: The run that this one resumed, the run which that one resumed and so on, as far as they are known.
        created_at: When it was made; none of its events is older.
        ended_at: When the server last moved it, if it has ended; None while it runs.
    """

    task_id: str
    run_id: str
    cursor: str | None
    position: int
    ancestors: tuple[str, ...]
    created_at: datetime
    ended_at: datetime | None
    leg: str = DJANGO

    def whose(self, project_id: int) -> Whose:
        """The run as the spool names it."""
        return Whose(project_id, self.task_id, self.run_id)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read.

    Attributes:
        streams: Runs to stream.
        logs: Runs whose log alone is read.
        first: The same of runs whose log was never read, nearest to expiry first.
        left: More of these, for later passes.
        passed_over: Runs whose log was never read that have rested for longer than the settings want.
        resting: Runs left for later because they do not move.
    """

    streams: list[Run]
    logs: list[Run]
    first: list[Run]
    left: int
    passed_over: int
    resting: int


def plan(
    rows: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    parents: Mapping[str, str | None],
    most: int,
    days: int | None,
) -> Plan:
    """Decide for each run; rows as the warehouse's question ``runs`` gives them.

    Args:
        rows: The runs.
        now: The present moment.
        parents: By run the one that it resumed, of every run that is known.
        most: Logs never read before that one pass takes on.
        days: Logs of runs that have rested for longer are never begun; None begins all.
    """
    streams: list[Run] = []
    logs: list[Run] = []
    never: list[Mapping[str, Any]] = []
    resting = passed_over = 0
    for row in rows:
        if _streams(row, now):
            streams.append(_run(row, parents))
        elif row["log_read_at"] is None:
            if days is not None and now - row["changed_at"] > timedelta(days=days):
                passed_over += 1
            else:
                never.append(row)
        elif _logs(row, now):
            logs.append(_run(row, parents))
        elif row["log_state"] not in FINAL:
            resting += 1
    never.sort(key=lambda row: hot.expires(row["changed_at"], now))
    first = [_run(row, parents) for row in never[:most]]
    return Plan(streams, logs, first, len(never) - len(first), passed_over, resting)


def _streams(row: Mapping[str, Any], now: datetime) -> bool:
    moved_at: datetime = row["moved_at"]
    ended_at: datetime | None = row["completed_at"]
    if row["stream_state"] in ENDED and moved_at <= row["stream_read_at"]:
        return False
    if row["status"] in hot.TERMINAL:
        return ended_at is not None and now - ended_at < REPLAY
    return now - moved_at < (LIVE if row["status"] == "in_progress" else WAITING)


def _logs(row: Mapping[str, Any], now: datetime) -> bool:
    if row["status"] in hot.TERMINAL:
        return bool(row["log_state"] not in FINAL or row["moved_at"] > row["log_read_at"])
    return hot.due(status=row["status"], changed_at=row["changed_at"], asked_at=row["log_read_at"], now=now)


def _run(row: Mapping[str, Any], parents: Mapping[str, str | None]) -> Run:
    return Run(
        task_id=row["task_id"],
        run_id=row["run_id"],
        cursor=row["stream_position"],
        position=int(row["log_position"] or 0),
        ancestors=_ancestors(row["run_id"], parents),
        created_at=row["created_at"],
        ended_at=row["moved_at"] if row["status"] in hot.TERMINAL else None,
        leg=row["stream_leg"] or DJANGO,
    )


def parents_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """By run the one that it resumed."""
    return {row["run_id"]: row["resume_from_run_id"] for row in rows}


def _ancestors(run_id: str, parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """What a run goes on from, nearest first; runs that name each other in a circle end it."""
    found = [run_id]
    while (parent := parents.get(found[-1])) is not None and parent not in found:
        found.append(parent)
    return tuple(found[1:])
