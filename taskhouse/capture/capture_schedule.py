"""Which runs' streams to open and which logs to read. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from taskhouse.passes import polling_policy, refusal_policy
from taskhouse.posthog.stream_ids import stream_ms
from taskhouse.posthog.stream_route import DJANGO
from taskhouse.spool.line import RunKey

STREAM_KEPT = timedelta(minutes=30)
"""How long a finished run's stream can still be replayed (API facts 5.4)."""

STREAM_EXPIRES = timedelta(hours=6)
"""A stream expires if nothing is written to it for this long (API facts 5.4)."""

QUEUED_FOR = timedelta(hours=1)
"""How long a run that waits to start is followed: local runs stay in that state by design."""

LOOKS = 100
"""How many streams of runs at rest one pass reads, those that were not read for the longest time first."""

LOOKS_AN_HOUR = 120
"""How many of them per hour may have been read before: with their logs, at most 5 % of the hour's requests."""

ENDED = frozenset({"stream_end", "terminal_without_stream", refusal_policy.LOST})
"""States of a stream that will bring nothing more, unless its run changes."""

LATE = 144
"""An empty log is read again, at growing intervals, for this many times as long as a log may grow: a day."""

FINAL = frozenset({"settled", "expired", refusal_policy.LOST})
"""States of a log that will bring nothing more, unless its run changes."""

PROVED = frozenset({"drained", "settled", "expired"})
"""States of a log whose stored entries have proved positions; any other log is read from its beginning."""

UNPROVED = "unproved"
"""State of a log that could not be proved: it is read from its beginning, like one that was never read."""


@dataclass(frozen=True, slots=True)
class CaptureRun:
    """What capture needs to know about a run.

    Attributes:
        cursor: Stream id to resume after.
        leg: The endpoint that gave it, ``django`` or ``proxy``; stored as ``source``.
        checksum: The checksum of the event with that id; None if it is not known.
        position: How many of its own log entries are stored.
        ancestors: The run that this one resumed, the run which that one resumed and so on, as far as they are known.
        created_at: When it was created; none of its events is older.
        final_change_at: When the server last changed it, if it has ended; None while it runs.
        stream_state: The result of the last reading of its stream.
        stream_since: When that state began.
        log_state: The result of the last reading of its log.
        heard_at: Until when its stream was read, if it continued then.
        log_read_at: When its log was last read.
    """

    task_id: str
    run_id: str
    cursor: str | None
    position: int
    ancestors: tuple[str, ...]
    created_at: datetime
    final_change_at: datetime | None
    leg: str = DJANGO
    checksum: int | None = None
    stream_state: str | None = None
    stream_since: datetime | None = None
    log_state: str | None = None
    heard_at: datetime | None = None
    log_read_at: datetime | None = None

    def was_flushed(self, final: timedelta) -> bool:
        """Whether the log was read in full, long enough after the last event to contain everything up to then."""
        last = _event_at(self.cursor)
        if last is None or self.log_read_at is None or self.log_state not in PROVED:
            return False
        return self.log_read_at >= last + final

    def run_key(self, project_id: int) -> RunKey:
        """The run as the spool names it."""
        return RunKey(project_id, self.task_id, self.run_id)


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """What to read.

    Attributes:
        streams: Runs to stream.
        looks: Runs at rest whose streams and logs are read briefly.
        rested: When the streams of all runs at rest were last read, by run; None if never.
        logs: Runs of which only the log is read, among them those whose stream was read and whose log never was.
        first: The same for runs of which nothing was read, or not with a proof, nearest to expiry first.
        left: How many more of these are left for later passes.
        passed_over: How many runs, whose log was never read, have been at rest for longer than the settings allow.
        resting: How many runs are left for later because they do not change.
        failing: How many runs have a stream that failed and is not tried again yet.
        lost_streams: Runs whose stream was refused until the server no longer had it.
        lost_logs: The same for their logs.
    """

    streams: list[CaptureRun]
    looks: list[CaptureRun]
    rested: dict[str, datetime | None]
    logs: list[CaptureRun]
    first: list[CaptureRun]
    left: int
    passed_over: int
    resting: int
    failing: int
    lost_streams: list[CaptureRun]
    lost_logs: list[CaptureRun]


def plan_capture(
    rows: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    parents: Mapping[str, str | None],
    most: int,
    days: int | None,
    final: timedelta = timedelta(minutes=10),
    logs_too: bool = True,
    passed_over: int = 0,
) -> CapturePlan:
    """Decide for each run; rows as the warehouse's query ``run_events/open`` returns them.

    A scheduled run has neither stream nor log before its time, so it is left out.

    Args:
        rows: The runs.
        now: The present moment.
        parents: For every one of them and for its ancestors, the run that it resumed.
        most: How many logs one pass reads for the first time.
        days: Logs of runs that have been at rest for longer are never started; None reads all.
        final: How long after a run's end its log may still grow.
        logs_too: Whether logs are due as well, or only streams.
        passed_over: How many more runs are passed over, which are not in ``rows``.
    """
    rows = [row for row in rows if not polling_policy.waits(row["status"], row["scheduled_at"], now)]
    oldest = None if days is None else now - timedelta(days=days)
    streams = [row for row in rows if _streams(row, now)]
    rested = [row for row in rows if _rests(row, now) and (oldest is None or _stirred(row) >= oldest)]
    looks = _looks(rested, now)
    with_streams = {row["run_id"] for row in (*streams, *looks)}
    others = [row for row in rows if row["run_id"] not in with_streams]
    log_rows = others if logs_too else []
    unread = sorted(
        (row for row in log_rows if _from_the_beginning(row)),
        key=lambda row: polling_policy.expires(row["changed_at"], now),
    )
    begun = [row for row in unread if oldest is None or row["log_read_at"] or row["changed_at"] >= oldest]
    followed = [row for row in begun if _was_followed(row)]
    first = [row for row in begun if not _was_followed(row)]
    known_logs = [row for row in log_rows if not _from_the_beginning(row)]
    refused_logs = [row for row in streams if logs_too and row["log_state"] in refusal_policy.STATES]
    logs = [row for row in (*known_logs, *refused_logs) if _logs(row, now, final)]

    def runs(chosen: Iterable[Mapping[str, Any]]) -> list[CaptureRun]:
        return [_run(row, parents) for row in chosen]

    return CapturePlan(
        streams=runs(streams),
        looks=runs(looks),
        rested={row["run_id"]: row["stream_read_at"] for row in rested},
        logs=runs([*followed, *logs]),
        first=runs(first[:most]),
        left=len(first[most:]),
        passed_over=passed_over + len(unread) - len(begun),
        resting=sum(
            not _logs(row, now, final) and row["log_state"] not in FINAL | refusal_policy.STATES for row in known_logs
        ),
        failing=sum(row["stream_state"] == refusal_policy.FAILED and now < _stream_gone_at(row) for row in others),
        lost_streams=runs(row for row in rows if _lost(row, "stream", _stream_gone_at(row), now)),
        lost_logs=runs(row for row in known_logs if _lost(row, "log", _log_gone_at(row), now)),
    )


def _from_the_beginning(row: Mapping[str, Any]) -> bool:
    return row["log_read_at"] is None or row["log_state"] == UNPROVED


def _was_followed(row: Mapping[str, Any]) -> bool:
    """Whether events of a run came live, and its log was never read: it is due like that of any run that ended."""
    return row["log_read_at"] is None and row["stream_position"] is not None


def _streams(row: Mapping[str, Any], now: datetime) -> bool:
    until = _stream_gone_at(row)
    if now >= until:
        return False
    if row["stream_state"] in refusal_policy.STATES:
        return _again(row, "stream", until, now)
    if row["stream_state"] == refusal_policy.FAILED:
        return _retry(row, now)
    return not (row["stream_state"] in ENDED and row["server_changed_at"] <= row["stream_read_at"])


def _stream_gone_at(row: Mapping[str, Any]) -> datetime:
    """When the server no longer has the stream of a run that has ended, or when an unfinished run comes to rest."""
    if row["status"] in polling_policy.TERMINAL:
        ended_at: datetime | None = row["completed_at"]
        gone_at: datetime = row["server_changed_at"] if ended_at is None else ended_at + STREAM_KEPT
        return gone_at
    return _stirred(row) + (STREAM_EXPIRES if row["status"] == "in_progress" else QUEUED_FOR)


def may_stream(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether the server has the stream of a run, as far as its row shows."""
    return now < _stream_gone_at(row)


def _stirred(row: Mapping[str, Any]) -> datetime:
    """The last sign of life, including its last event: the row of an active run need not change (API facts 7.4)."""
    begins_at = row["scheduled_at"] if row["status"] == polling_policy.WAITING else None
    last_event_at = _event_at(row["stream_position"])
    signs: list[datetime | None] = [row["server_changed_at"], row["changed_at"], begins_at, last_event_at]
    return max(sign for sign in signs if sign is not None)


def _rests(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether an unfinished run has shown no sign of life for so long that it is not followed.

    A run whose stream ended and whose row has not changed since is at rest too: a later attempt may write a new stream.
    """
    if row["status"] in polling_policy.TERMINAL or row["task_seen_at"] is None:
        return False
    ended = row["stream_state"] in ENDED and row["server_changed_at"] <= row["stream_read_at"]
    return ended or now >= _stream_gone_at(row)


def _looks(rested: list[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """Which runs at rest to read: each often enough that no stream comes and expires unseen, if there is room."""
    new = sorted((row for row in rested if row["stream_read_at"] is None), key=_stirred)
    read_before = sorted(
        (row for row in rested if row["stream_read_at"] is not None), key=lambda row: row["stream_read_at"]
    )
    due = [row for row in read_before if now - row["stream_read_at"] >= STREAM_EXPIRES / 2]
    lately = sum(now - row["stream_read_at"] < timedelta(hours=1) for row in read_before)
    return (new + due[: max(0, LOOKS_AN_HOUR - lately)])[:LOOKS]


def _again(row: Mapping[str, Any], what: str, until: datetime, now: datetime) -> bool:
    """Whether to request a refused ``stream`` or ``log`` again; at once if its task was seen since."""
    asked_at: datetime = row[f"{what}_read_at"]
    seen_at: datetime | None = row["task_seen_at"]
    if now >= until:
        return False
    if row[f"{what}_state"] == refusal_policy.NOT_FOUND and seen_at is not None and seen_at > asked_at:
        return True
    return refusal_policy.due(since=row[f"{what}_since"] or asked_at, asked_at=asked_at, now=now, until=until)


def _retry(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether to try a failed stream again; at once if its run has ended since or has started again."""
    asked_at: datetime = row["stream_read_at"]
    moved = row["server_changed_at"] > asked_at
    if moved and row["status"] != "in_progress":
        return True
    last = _event_at(row["stream_position"])
    since = min(asked_at, max(filter(None, (row["stream_since"] or asked_at, last))))
    return refusal_policy.failed_due(since=since, asked_at=asked_at, moved=moved, now=now)


def _event_at(position: str | None) -> datetime | None:
    milliseconds = stream_ms(position)
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _grown(row: Mapping[str, Any], final: timedelta) -> datetime:
    """When to read the log of an ended run again, because it may still grow.

    A log that was empty, or shorter than what is stored, may only be late; it is read at growing intervals.
    """
    final_change_at: datetime = row["server_changed_at"]
    read_at: datetime = row["log_read_at"]
    if int(row["log_position"] or 0) and read_at < final_change_at + final:
        return final_change_at + final
    return read_at + min(max(final, read_at - final_change_at), LATE * final)


def _logs(row: Mapping[str, Any], now: datetime, final: timedelta) -> bool:
    if row["log_state"] in refusal_policy.STATES:
        return _again(row, "log", _log_gone_at(row), now)
    if row["status"] in polling_policy.TERMINAL:
        read_at: datetime = row["log_read_at"]
        if row["server_changed_at"] > read_at:
            return True
        was_ahead = now < read_at  # the clock that the last reading went by
        return row["log_state"] not in FINAL and (was_ahead or now >= _grown(row, final))
    return polling_policy.due(
        status=row["status"],
        changed_at=row["changed_at"],
        asked_at=row["log_read_at"],
        now=now,
        scheduled_at=row["scheduled_at"],
    )


def _log_gone_at(row: Mapping[str, Any]) -> datetime:
    changed_at: datetime = row["changed_at"]
    return changed_at + polling_policy.EXPIRY


def _lost(row: Mapping[str, Any], what: str, until: datetime, now: datetime) -> bool:
    """Whether a ``stream`` or ``log`` was refused until the server no longer had it."""
    return row[f"{what}_state"] in refusal_policy.STATES and now >= until


def _run(row: Mapping[str, Any], parents: Mapping[str, str | None]) -> CaptureRun:
    return CaptureRun(
        task_id=row["task_id"],
        run_id=row["run_id"],
        cursor=row["stream_position"],
        position=int(row["log_position"] or 0),
        ancestors=_ancestors(row["run_id"], parents),
        created_at=row["created_at"],
        final_change_at=row["server_changed_at"] if row["status"] in polling_policy.TERMINAL else None,
        leg=row["stream_leg"] or DJANGO,
        checksum=row["stream_checksum"],
        stream_state=row["stream_state"],
        stream_since=row["stream_since"],
        log_state=row["log_state"],
        heard_at=row["stream_read_at"] if row["stream_state"] == "live" else None,
        log_read_at=row["log_read_at"],
    )


def parents_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """For each run, the run that it resumed."""
    return {row["run_id"]: row["resume_from_run_id"] for row in rows}


def _ancestors(run_id: str, parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """The runs that a run continues, nearest first; a circle ends the list."""
    chain = [run_id]
    while (parent := parents.get(chain[-1])) is not None and parent not in chain:
        chain.append(parent)
    return tuple(chain[1:])
