"""The live layer: follow a run's stream into the spool."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from taskhouse.capture import sanitize
from taskhouse.capture.capture_schedule import STREAM_EXPIRES, CaptureRun
from taskhouse.passes import refusal_policy
from taskhouse.passes.lifecycle import Pass
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.follow import Ending, StreamBatch, follow
from taskhouse.posthog.opening import Opening
from taskhouse.posthog.sse import Frame, Oversize
from taskhouse.posthog.stream_ids import stream_ms
from taskhouse.posthog.stream_route import DJANGO
from taskhouse.spool.line import Entry, RunKey, checksum
from taskhouse.spool.writer import SpoolWriter

QUIET_S = 0.5
"""A server that answers sends at once what it has, so after this silence the stream contains nothing more.

If a server pauses between old events, taskhouse waits for twice its longest pause.
"""

LONGEST_S = 8.0
"""The longest silence to wait for; a longer pause may be due to this process itself."""

GONE_S = 2.0
"""The same if the event that was read last was requested and should have come again."""

_EXPIRES_MS = STREAM_EXPIRES / timedelta(milliseconds=1)

TRIMMED = "trimmed"
"""What the spool and the ledger call a trim that the server announced."""

GONE = "gone"
"""What they call a stream that no longer exists while its run continues."""

OUTGROWN = "outgrown"
"""What they call a stream that shows nothing although the run's log has grown."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run's stream ended: the state of its cursor, when it was read, and when that state began."""

    state: str
    at: datetime
    since: datetime


async def capture(
    the_pass: Pass,
    api: TasksApi,
    writer: SpoolWriter,
    run: CaptureRun,
    stop: asyncio.Event,
    *,
    on_trim: Callable[[], Awaitable[None]],
    unknown: Counter[str],
    progress: "StreamProgress",
) -> Ending:
    """Follow one run until its stream ends or ``stop`` is set; every event is in the spool before the cursor moves.

    Args:
        the_pass: The pass.
        api: The project's endpoints in the class of live requests.
        writer: Where the events go.
        run: The run, and the id to resume after.
        stop: Set when the time for live streams is over.
        on_trim: Reads the run's log. It is called after the announced trim is in the spool and before the stream is
            opened again. A follower that is killed in between gets the announcement again, because the cursor has not
            moved.
        unknown: Counts the frames that were ignored, by name.
        progress: How far the stream is read.
    """
    ending = Ending.STOPPED
    record = _Record(writer, run.run_key(the_pass.context.project_id), heard_at=run.heard_at)
    failed = run.stream_state == refusal_policy.FAILED
    following = follow(
        api,
        run.task_id,
        run.run_id,
        cursor=run.cursor,
        leg=run.leg,
        failed=failed,
        stop=stop,
        on_open=progress.opened,
        is_same=lambda frame: record.is_same(frame, run, the_pass.context.settings.capture_text),
    )
    async with aclosing(following) as batches:
        async for batch in batches:
            record.add(batch, _entries(the_pass, run, batch.frames))
            progress.add(batch)
            if batch.unknown:
                unknown.update(batch.unknown)
            if batch.trimmed is not None and batch.ending is None:
                await on_trim()
            ending = batch.ending or ending
    if ending is Ending.STOPPED and progress.gone is not None and not progress.is_joined():
        record.gone(progress.gone, progress.leg)
    return ending


@dataclass(slots=True)
class StreamProgress:
    """How far a stream is read, while it is followed.

    Attributes:
        look: Whether the run is at rest, so that its stream is read only briefly.
        now: The present moment.
        current_at: When everything in the stream had come, as shown by an event that is later than the connection's
            beginning, or by silence.
        has_events: Whether any event came.
        gone: The connection whose silence showed that the stream with the last event no longer exists.
        leg: The endpoint that is read.
        heard_at: Until when the stream was read before; None if that is not known.
        has_begun: Whether any event of the stream was ever read; a state without an id does not count.
    """

    look: bool
    now: Callable[[], datetime]
    current_at: datetime | None = None
    has_events: bool = False
    gone: Opening | None = None
    leg: str = DJANGO
    heard_at: datetime | None = None
    has_begun: bool = False
    _opening: Opening | None = None
    _fell_silent: Opening | None = None
    _came_at: datetime | None = None
    _patience_s: float = QUIET_S

    def opened(self, opening: Opening) -> None:
        """A connection began."""
        self._opening, self._came_at = opening, None
        self.has_begun = self.has_begun or opening.after is not None
        opening.on_end = self._ended

    def add(self, batch: StreamBatch) -> None:
        """Events came."""
        self.has_events, self.leg = self.has_events or bool(batch.frames), batch.leg
        self.gone = None if batch.frames else self.gone
        last = next((ms for frame in reversed(batch.frames) if (ms := stream_ms(frame.id)) is not None), 0)
        self.has_begun = self.has_begun or last > 0
        if batch.opening is None or not batch.frames:
            return
        before, self._came_at = self._came_at, self.now()
        self.heard_at = self._came_at
        if last >= batch.opening.present_ms():
            self.current_at = self._came_at
        elif last:
            pause_s = (self._came_at - before).total_seconds() if before else 0.0
            if self._fell_silent is batch.opening:  # more stood in the stream after all
                self.current_at, self._fell_silent, pause_s = None, None, max(pause_s, self._patience_s)
            self._patience_s = min(max(self._patience_s, 2 * pause_s), LONGEST_S)

    def silent(self) -> None:
        """The stream contains nothing more, or it no longer exists with the event that was read last."""
        self.current_at, self._fell_silent = self.now(), self._opening
        self.gone = self._opening if self._should_join() or self._is_outlived() else None

    def outgrown(self, writer: SpoolWriter, run_key: RunKey) -> None:
        """The run's log has grown since its last event and its stream shows nothing, so what it contained is lost."""
        opening = self._opening
        if opening is not None and opening.after is not None and not self.has_events and not self.is_joined():
            _lost(writer, run_key, opening, self.leg, OUTGROWN)

    def is_joined(self) -> bool:
        """Whether the last connection showed that the stream still contains the event that was read last."""
        return self._opening is not None and self._opening.joined is True

    def _ended(self, quiet_s: float) -> None:
        """The server ended a connection after a silence of this length."""
        if quiet_s >= self._quiet_s() and self._opening is not None and self._opening.is_answered():
            self.silent()

    def quiet_since(self, now: float) -> float | None:
        """When the open connection fell silent, if the silence counts; in the event loop's seconds."""
        opening = self._opening
        since = opening.quiet_since if opening is not None and opening.is_answered() else None
        return since if since is not None and now - since >= self._quiet_s() else None

    def _quiet_s(self) -> float:
        return max(self._patience_s, GONE_S if self._should_join() else 0.0)

    def _should_join(self) -> bool:
        """Whether the event that was read last did not come again, although the server should still have it."""
        opening = self._opening
        if opening is None or not opening.overlaps or opening.joined is not None:
            return False
        read_ms = stream_ms(opening.after)
        return read_ms is not None and opening.present_ms() - read_ms < _EXPIRES_MS

    def _is_outlived(self) -> bool:
        """Whether the stream was unread for so long that another one may have come and expired since."""
        opening = self._opening
        read_ms = stream_ms(opening.after) if opening is not None and not opening.joined else None
        if opening is None or read_ms is None or opening.present_ms() - read_ms < _EXPIRES_MS:
            return False
        return self.heard_at is None or opening.opened_at - self.heard_at >= STREAM_EXPIRES


@dataclass(slots=True)
class _Record:
    """Writes a stream to the spool: how each connection began, its events, and how the stream ended."""

    writer: SpoolWriter
    run_key: RunKey
    opening: Opening | None = None
    heard_at: datetime | None = None
    with_id: int = field(default=0)
    without_id: int = field(default=0)
    last: Entry | None = None

    def is_same(self, frame: Frame, run: CaptureRun, text: Literal["full", "none"]) -> bool:
        """Whether an event with the id of the last one has the same text; True if this cannot be known.

        It cannot be known if something was removed from a text: two versions of taskhouse may remove different parts.
        """
        entry = sanitize.entry(frame.id, frame.data, text)
        last = self.last
        if last is not None and last.stream_id == frame.id:
            return entry.redacted or last.redacted or (last.kind, last.data) == (entry.kind, entry.data)
        if entry.redacted or run.checksum is None or run.cursor != frame.id:
            return True
        return checksum(run.run_id, frame.id, entry.data.decode("utf-8", "replace").encode()) == run.checksum

    def add(self, batch: StreamBatch, entries: list[Entry]) -> None:
        """Append one batch; how a connection began comes before its first events, so a kill cannot separate them."""
        if batch.opening is not None and batch.opening is not self.opening:
            self.heard_at = self.opening.last_heard() if self.opening else self.heard_at
            self.opening, self.with_id, self.without_id = batch.opening, 0, 0
        first = next((entry.stream_id for entry in entries if entry.stream_id), None)
        if first and not self.with_id and self.opening is not None:
            self.writer.resume(
                "live",
                self.run_key,
                leg=batch.leg,
                after=self.opening.after,
                first=first,
                connected_at=self.opening.date,
                heard_at=self.heard_at,
                joined=self.opening.joined,
            )
        if entries:
            self.writer.append("live", self.run_key, entries, leg=batch.leg)
            self.last = next((entry for entry in reversed(entries) if entry.stream_id), self.last)
            unnamed = [stream_id for stream_id, *_ in entries].count(None)
            self.with_id += len(entries) - unnamed
            self.without_id += unnamed
        if batch.trimmed is not None:
            self.writer.ended("live", self.run_key, leg=batch.leg, after=batch.trimmed, ending=TRIMMED)
            self.writer.mark(
                "live", self.run_key, resource=f"run_stream_{TRIMMED}", position=batch.trimmed, state=TRIMMED
            )
        if batch.ending in {Ending.STREAM_END, Ending.TERMINAL_WITHOUT_STREAM}:
            self.writer.ended(
                "live",
                self.run_key,
                leg=batch.leg,
                after=batch.cursor,
                ending=self._how(batch.ending),
                heard_at=self.opening.last_heard() if self.opening else None,
            )

    def gone(self, opening: Opening, leg: str) -> None:
        """The stream that contained the last event no longer exists, and no other has taken its place."""
        _lost(self.writer, self.run_key, opening, leg, GONE)

    def _how(self, ending: Ending) -> str:
        """What the end of a stream proves about it.

        ``drained``: the run's state without an id came in place of an expired stream (API facts 5.5). ``bare_end``: no
        event came, because everything was read before or, on the agent proxy, because the stream has expired.
        ``unjoined``: the event that was read last did not come either, so the stream that contained it has expired.
        """
        if ending is not Ending.STREAM_END or self.with_id:
            return ending.value
        if self.without_id:
            return "drained"
        return "unjoined" if self.opening and self.opening.overlaps and not self.opening.joined else "bare_end"


def _lost(writer: SpoolWriter, run_key: RunKey, opening: Opening, leg: str, ending: str) -> None:
    """Record that what followed the last event is lost, as this connection showed."""
    writer.ended("live", run_key, leg=leg, after=opening.after, ending=ending, heard_at=opening.last_heard())


def _entries(the_pass: Pass, run: CaptureRun, frames: list[Frame | Oversize]) -> list[Entry]:
    """Spool entries of frames. ``log-<n>`` frames are the log's own entries, which the log itself brings exactly."""
    text = the_pass.context.settings.capture_text
    events = [frame for frame in frames if type(frame) is Frame and not (frame[1] or "").startswith("log-")]
    entries = sanitize.entries(events, text)
    if len(events) < len(frames):
        entries = []
        for frame in frames:
            if isinstance(frame, Oversize):
                the_pass.doubt(
                    "quarantined",
                    f"an event of run {run.run_id} has {frame.size} bytes, which is more than taskhouse keeps",
                )
                entries.append(Entry(frame.id, None, str(frame.size).encode(), redacted=False, kind="oversize"))
            elif not (frame.id or "").startswith("log-"):
                entries += sanitize.entries([frame], text)
    the_pass.stats.captured += len(entries)
    return entries
