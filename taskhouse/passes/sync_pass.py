"""One attempt to read one resource of one project: what it cost, what it found, and what it proved."""

import asyncio
import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from taskhouse.passes.context import Context, Progress
from taskhouse.passes.judgement import Judgement
from taskhouse.passes.page_spool import Comparison, SpooledPages
from taskhouse.passes.pass_statistics import Statistics
from taskhouse.passes.verdict import Doubt, PassReport, Proof, ReasonCode, Verdict
from taskhouse.passes.writing import Writing
from taskhouse.plural import counted
from taskhouse.posthog import content, not_utf8, plainjson, privacy
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.fields import BadRecord
from taskhouse.posthog.known_fields import Shape, Unknown
from taskhouse.posthog.pages import Row
from taskhouse.warehouse import ledger
from taskhouse.warehouse.commit import WriteBatch, commit

T = TypeVar("T")

__all__ = ["Doubt", "Pass", "PassReport", "Proof", "Verdict"]

ROOM_S = 60.0
"""The wait for room in the budget after which a pass leaves the rest of a first load to the next one."""

HELD_PAGES = 40
"""Pages from the disk that are in memory at once."""

KEY = 200
"""The most characters of a record's key, which may be anything in a bad record."""


@dataclass(slots=True)
class Pass:
    """A pass that is running. The sync functions fill it; ``lifecycle.running`` opens and closes it.

    Attributes:
        kind: How it reads the resource, if there is more than one way.
        bookmark: Where this pass continues after an interruption; None for a new pass.
        stats: What it has cost and found so far.
        judgement: What it may claim.
        closing: What is written with the verdict, and only if the pass is complete: absences and watermarks.
        wanted: Keys that its commits found to be read in full.
    """

    context: Context
    resource: str
    pass_id: str
    started_at: datetime
    kind: str | None = None
    bookmark: str | None = None
    viewer: str | None = None
    stats: Statistics = field(default_factory=Statistics)
    judgement: Judgement = field(default_factory=Judgement)
    closing: WriteBatch = field(default_factory=WriteBatch)
    wanted: list[str] = field(default_factory=list)
    _cached: dict[str, tuple[int, Any]] = field(default_factory=dict)
    _writing: Writing[tuple[WriteBatch, Mapping[str, object]]] | None = None
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def absent(self) -> int:
        """Keys that the pass marks absent; only a complete one does."""
        return sum(map(len, self.closing.absent.values())) if self.judgement.verdict == "complete" else 0

    def api(self, priority: Priority, *, within_s: float | None = None) -> TasksApi:
        """The project's endpoints, counted by this pass; a first load waits a minute at most for room in the budget."""
        if within_s is None and priority is Priority.FIRST:
            within_s = ROOM_S
        return TasksApi(
            self.context.client, self.context.project_id, priority=priority, meter=self.stats.meter, within_s=within_s
        )

    def page(
        self,
        batch: WriteBatch,
        request: str,
        keys: list[str],
        sha256: str,
        server_count: int | None = None,
        *,
        offset: int | None = None,
    ) -> int:
        """Enter a page into the batch; returns its number, which its rows carry."""
        self.stats.pages += 1
        self.stats.see(keys)
        batch.pages.append(
            {
                "pass_id": self.pass_id,
                "project_id": self.context.project_id,
                "page": self.stats.pages,
                "request": request,
                "row_offset": offset,
                "row_count": len(keys),
                "first_key": keys[0] if keys else None,
                "last_key": keys[-1] if keys else None,
                "server_count": server_count,
                "sha256": sha256,
                "fetched_at": self.context.now().isoformat(),
            }
        )
        return self.stats.pages

    def read(
        self,
        batch: WriteBatch,
        row: Row,
        parse: Callable[[Row], dict[str, Any]],
        known: Shape,
        resource: str,
        *,
        key: str | None = None,
        came: bytes | None = None,
    ) -> dict[str, Any] | None:
        """The columns of a record, or None if it cannot be read and goes to quarantine with its text.

        Its key there is the record's ``id`` unless another is given. The bytes of texts that are not UTF-8 go there
        too; ``came`` is the text of the record that contained this one, which has none of its own.
        """
        key, given = key or row.data.get("id"), row
        try:
            if known.without_text and self.context.settings.capture_text == "none":
                row = Row(known.without_text(row.data), row.text)
            columns = parse(row)
            for unknown in known.unknown(row):
                batch.drift.append(self._drift(unknown, resource))
            if not row.plain and not (came or row.text).isascii():
                for pointer, exact in not_utf8.texts(came or row.text, columns):
                    self.quarantine(
                        batch, resource, exact, not_utf8.REASON, kind="not_utf8", pointer=pointer, key=key, kept=True
                    )
        except Exception as problem:  # noqa: BLE001 - no record may stop the others
            self._set_aside(batch, resource, row.text or plainjson.dumps(given.data, plain=row.plain), problem, key=key)
            return None
        return columns

    def quarantining(self, batch: WriteBatch, resource: str, text: bytes, *, key: object = None) -> "_Quarantining":
        """A block that processes one record: if anything goes wrong with it, it goes to quarantine with its text."""
        return _Quarantining(functools.partial(self._set_aside, batch, resource, text, key=key))

    def _set_aside(self, batch: WriteBatch, resource: str, text: bytes, problem: Exception, *, key: object) -> None:
        if isinstance(problem, BadRecord):
            self.quarantine(batch, resource, text, problem.reason, pointer=problem.pointer, key=key)
        else:
            reason = f"it could not be processed: {type(problem).__name__}"
            self.quarantine(batch, resource, text, reason, kind="unexpected", key=key)

    def _drift(self, unknown: Unknown, resource: str) -> dict[str, Any]:
        """What a record has that is not known."""
        return {
            "project_id": self.context.project_id,
            "resource": resource,
            "path": unknown.path,
            "example_type": unknown.kind,
            "example": unknown.example,
            "first_seen_at": self.context.now().isoformat(),
            "pass_id": self.pass_id,
        }

    def quarantine(
        self,
        batch: WriteBatch,
        resource: str,
        text: bytes,
        reason: str,
        *,
        kind: str = "unreadable",
        pointer: str | None = None,
        key: object = None,
        kept: bool = False,
    ) -> None:
        """Store a record that cannot be read in quarantine, with its text except for what must never be stored.

        ``kind`` is the reason as a code, which docs/runbook.md explains. ``kept``: the record is in its table as well,
        and this entry is about it.
        """
        now = self.context.now().isoformat()
        with self._counting:  # a batch is completed in another thread
            self.stats.quarantined += not kept
        if self.context.settings.capture_text == "none" and not kept:
            text = privacy.without_text(text)
        batch.quarantine.append(
            {
                "resource": resource,
                "project_id": self.context.project_id,
                "record_key": str(key)[:KEY] if key is not None else None,
                "kind": kind,
                "reason": reason,
                "pointer": pointer,
                "payload": content.safe(text),
                "first_seen_at": now,
                "replayed_at": now if kept else None,
                "outcome": "kept" if kept else None,
                "found_in": self.pass_id,
            }
        )

    def stamp(self, columns: dict[str, Any], page: int, observed_in: str, *, at: str | None = None) -> dict[str, Any]:
        """The columns of a version, with those that every version has; ``at`` is when it came, if that is not now."""
        return {
            **columns,
            "project_id": self.context.project_id,
            "valid_from": at or self.context.now().isoformat(),
            "observed_in": observed_in,
            "pass_id": self.pass_id,
            "page": page,
        }

    def sighting(self, key: str, page: int | None = None, *, at: str | None = None, **more: str) -> dict[str, Any]:
        """Record that a key was seen on a page, or was missing; ``at`` as for a stamp, ``more`` are other columns."""
        return {
            "project_id": self.context.project_id,
            "key": key,
            **more,
            "seen_at": at or self.context.now().isoformat(),
            "pass_id": self.pass_id,
            "page": page,
        }

    def cursor(self, resource: str, key: str, position: str | None, cursor_state: str) -> dict[str, Any]:
        """A cursor that moves with the batch."""
        return {
            "project_id": self.context.project_id,
            "resource": resource,
            "key": key,
            "position": position,
            "state": cursor_state,
            "updated_at": self.context.now().isoformat(),
            "updated_by": self.pass_id,
        }

    def complete_in(self, batch: WriteBatch, kind: Comparison, things: Iterable[tuple[Any, ...]]) -> None:
        """Compare these things with the warehouse when the batch is committed, in its transaction.

        ``kind.complete`` gets the pass, the connection, the batch, to which it adds, and all such things of the batch.
        It runs in another thread than the pass. Until then they are bare tuples, which the garbage collector passes
        over if they hold nothing but texts and numbers.
        """
        if plain := list(map(tuple, things)):
            batch.completing.setdefault(kind, []).extend(plain)

    async def commit(self, batch: WriteBatch) -> None:
        """Write a batch in one transaction, outside the event loop. Several may be asked for at once.

        Raises:
            Locked: A later pass has replaced this one, so its further data is refused.
        """
        await self.committed()
        await asyncio.to_thread(self._commit, batch, self.stats.figures())

    async def commit_ahead(self, batch: WriteBatch) -> None:
        """Begin to write a batch, as soon as the one before it is written; the pass may read on meanwhile.

        Only one task of a pass may use this, and wait for it to end.

        Raises:
            Locked: As :meth:`commit`, for the batch before.
        """
        if self._writing is None:
            self._writing = Writing(self.context.warehouse, f"pass {self.pass_id}", self._write)
        await self._writing.put((batch, self.stats.figures()))

    async def committed(self) -> None:
        """Wait until everything is written, also if this was interrupted before; a reading may follow.

        Raises:
            Locked: As :meth:`commit`.
        """
        if self._writing is not None:
            await self._writing.done()

    def _commit(self, batch: WriteBatch, figures: Mapping[str, object]) -> None:
        with self.context.warehouse.transaction(f"pass {self.pass_id}") as connection:
            self._write(connection, (batch, figures))

    def commit_held(self, connection: Any, pages: Iterable[SpooledPages]) -> bool:
        """Write pages that a process before this one read and did not commit; whether there were any."""
        rest, batch, compared = iter(pages), None, 0
        while some := list(itertools.islice(rest, HELD_PAGES)):
            batch, figures = WriteBatch(), some[-1].figures
            for held in some:
                batch.extend(held.batch)
            counted_then = int(str(figures["quarantined"]))
            self.stats.quarantined = counted_then + compared
            self._write(connection, (batch, figures))
            compared = self.stats.quarantined - counted_then
        return batch is not None

    def _write(self, connection: Any, given: tuple[WriteBatch, Mapping[str, object]]) -> None:
        """Write a batch, with the figures as they were after its last page."""
        batch, figures = given
        ledger.still_open(connection, self.pass_id)
        for kind, things in batch.completing.items():
            kind.complete(self, connection, batch, kind.things(things))
        self.stats.add(commit(connection, batch))
        ledger.figures(connection, **{**self.figures(), **figures, "quarantined": self.stats.quarantined})

    def figures(self) -> dict[str, object]:
        """The figures of ``ledger.passes``, but for the counts."""
        return {
            "pass_id": self.pass_id,
            "kind": self.kind,
            "viewer": self.viewer,
            "rows_added": self.stats.earlier.get("rows_added", 0) + self.report().rows_added,
            "rows_absent": self.absent,
        }

    def until_added(self, name: str, read: Callable[[], T]) -> T:
        """What ``read`` returns; it is called again only if the pass has added rows since the last time."""
        added = sum(self.stats.added.values())
        if name not in self._cached or self._cached[name][0] != added:
            self._cached[name] = (added, read())
        value: T = self._cached[name][1]
        return value

    def tell(self, done: int, total: int | None, unit: str) -> None:
        """Report how far the pass is."""
        self.context.progress(Progress(self.resource, self.context.project_id, done, total, unit))

    def doubt(self, code: ReasonCode, reason: str, *, about: str = "") -> None:
        """Something could not be proved, see :meth:`Judgement.doubt`."""
        self.judgement.doubt(code, reason, about=about)

    def settle(self, about: str) -> None:
        """What was doubted about a thing is answered by later evidence."""
        self.judgement.settle(about)

    def trying(self, about: str) -> AbstractContextManager[None]:
        """A block that does a thing again, see :meth:`Judgement.trying`."""
        return self.judgement.trying(about)

    def note(self, text: str) -> None:
        """Something that every verdict says, complete or not."""
        self.judgement.note(text)

    def incomplete(self, doubt: Doubt) -> None:
        """Give up the claim: what would have closed the pass is not written."""
        self.judgement.incomplete(doubt)

    def complete(self, reason: str, proof: Proof | None = None) -> bool:
        """Claim that everything that can be proved is proved; refused if there is a doubt or a quarantined record.

        Args:
            reason: What was proved, in words.
            proof: What the claim is based on; by default, what this pass itself has read since it began.
        """
        if self.stats.quarantined:
            one, more = "record could not be read and is", "records could not be read and are"
            self.doubt("quarantined", f"{counted(self.stats.quarantined, one, more)} in quarantine")
        return self.judgement.complete(reason, proof or Proof("listed", self.started_at))

    def report(self) -> PassReport:
        """How it ended."""
        return PassReport(
            pass_id=self.pass_id,
            project_id=self.context.project_id,
            resource=self.resource,
            verdict=self.judgement.verdict,
            reason=self.judgement.reason,
            rows_seen=self.stats.rows_distinct + self.stats.duplicates,
            added={table: count for table, count in self.stats.added.items() if count},
            absent=self.absent,
            quarantined=self.stats.quarantined,
            requests=self.stats.meter.requests,
            retries=self.stats.meter.retries,
            bytes=self.stats.meter.bytes,
            throttled_s=round(self.stats.meter.throttled_s, 3),
            seconds=round((self.context.now() - self.started_at).total_seconds(), 3),
            proof=self.judgement.proof,
            reason_code=self.judgement.code,
        )


class _Quarantining:
    """A block whose exception goes to ``quarantine``; a generator would take three times as long for each record."""

    __slots__ = ("_quarantine",)

    def __init__(self, quarantine: Callable[[Exception], None]) -> None:
        self._quarantine = quarantine

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> bool:
        if not isinstance(problem, Exception):
            return False
        self._quarantine(problem)
        return True
