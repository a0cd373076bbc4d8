"""One attempt to read one resource of one project: what it cost, what it brought, and what it proved."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from taskhouse.passes.context import Context, Progress
from taskhouse.passes.verdict import Proof, Report, Verdict
from taskhouse.plural import counted
from taskhouse.posthog import not_utf8, privacy, records
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.known_fields import Shape
from taskhouse.posthog.pages import Row
from taskhouse.posthog.request_stats import Meter
from taskhouse.warehouse import ledger
from taskhouse.warehouse.commit import Batch, commit

__all__ = ["Pass", "Proof", "Report", "Verdict"]

ROOM_S = 60.0
"""The wait for room in the budget after which a pass leaves the rest of a first load to the next one."""

KEY = 200
"""Characters of a record's key at most; it may be anything where the record is not what it should be."""


@dataclass(slots=True)
class Pass:
    """A pass that is running. The sync functions fill it; ``lifecycle.running`` opens and closes it.

    Attributes:
        kind: How it goes about it, where there is more than one way.
        bookmark: Where an interrupted walk of this same pass goes on; None for a pass that just began.
        keys: Distinct keys of the rows that came.
        duplicates: Rows that came again though nothing asked for them twice.
        captured: Events and log entries that went into the spool.
        loaded: Those that were loaded, each once.
        asked: Ids asked for by name.
        returned: Those of them that came back.
        closing: What is written with the verdict, and only if the pass is complete: absences and watermarks.
        doubts: Why it cannot be complete as things are, by what each is about.
        notes: What every verdict says besides its reason.
        interrupted: It ended by an error, not by its own judgement.
        proof: What a complete verdict rests on.
        held: Every task that is present, and how many rows the pass had added when it asked.
    """

    context: Context
    resource: str
    pass_id: str
    started_at: datetime
    kind: str | None = None
    bookmark: str | None = None
    viewer: str | None = None
    meter: Meter = field(default_factory=Meter)
    pages: int = 0
    keys: set[str] = field(default_factory=set)
    duplicates: int = 0
    captured: int = 0
    loaded: int = 0
    asked: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    first_key: str | None = None
    last_key: str | None = None
    added: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    closing: Batch = field(default_factory=Batch)
    server_count: int | None = None
    server_count_end: int | None = None
    doubts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    verdict: Verdict = "incomplete"
    reason: str = "the pass did not come to its end"
    interrupted: bool = True
    proof: Proof | None = None
    held: tuple[int, list[tuple[datetime, str]]] | None = None
    earlier: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_distinct(self) -> int:
        """Rows, events and log entries that came, each counted once."""
        return len(self.keys) + self.loaded

    @property
    def absent(self) -> int:
        """Keys that the pass marks absent; only a complete one does."""
        return sum(map(len, self.closing.absent.values())) if self.verdict == "complete" else 0

    def api(self, priority: Priority, *, within_s: float | None = None) -> TasksApi:
        """The project's endpoints, counted by this pass; a first load waits a minute at most for room in the budget."""
        if within_s is None and priority is Priority.FIRST:
            within_s = ROOM_S
        return TasksApi(
            self.context.client, self.context.project_id, priority=priority, meter=self.meter, within_s=within_s
        )

    def page(
        self,
        batch: Batch,
        request: str,
        keys: list[str],
        sha256: str,
        server_count: int | None = None,
        *,
        offset: int | None = None,
    ) -> int:
        """Enter a page that came into the batch; returns its number, which its rows carry."""
        self.pages += 1
        self.keys.update(filter(None, keys))
        if keys:
            self.first_key = self.first_key or keys[0]
            self.last_key = keys[-1]
        batch.pages.append(
            {
                "pass_id": self.pass_id,
                "project_id": self.context.project_id,
                "page": self.pages,
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
        return self.pages

    def read(
        self,
        batch: Batch,
        row: Row,
        parse: Callable[[Row], dict[str, Any]],
        known: Shape,
        resource: str,
        *,
        key: str | None = None,
        came: bytes | None = None,
    ) -> dict[str, Any] | None:
        """Columns of a record, or None for one that cannot be read: that one goes to quarantine with its text.

        Its key there is the record's ``id`` unless another is given. Texts that are not UTF-8 leave their bytes there;
        ``came`` is the record that this one came within.
        """
        key = key or row.data.get("id")
        columns = None
        with self.sparing(batch, resource, row.text, key=key):
            if self.context.settings.capture_text == "none" and known.without_text:
                row = Row(known.without_text(row.data), row.text)
            found = parse(row)
            batch.drift.extend(self._drift(row, known, resource))
            for pointer, exact in not_utf8.texts(came or row.text, found):
                self.quarantine(batch, resource, exact, not_utf8.REASON, pointer=pointer, key=key, kept=True)
            columns = found
        return columns  # noqa: RET504 - None where the record was set aside

    @contextlib.contextmanager
    def sparing(self, batch: Batch, resource: str, text: bytes, *, key: object = None) -> Iterator[None]:
        """Handle one record: whatever goes wrong with it is quarantined with its text, and the others go on."""
        try:
            yield
        except records.BadRecord as bad:
            self.quarantine(batch, resource, text, bad.reason, pointer=bad.pointer, key=key)
        except Exception as problem:  # noqa: BLE001 - no record may stop the others
            self.quarantine(batch, resource, text, f"it cannot be handled: {type(problem).__name__}", key=key)

    def _drift(self, row: Row, known: Shape, resource: str) -> Iterator[dict[str, Any]]:
        """What the record has that is not known."""
        return (
            {
                "project_id": self.context.project_id,
                "resource": resource,
                "path": unknown.path,
                "example_type": unknown.kind,
                "example": unknown.example,
                "first_seen_at": self.context.now().isoformat(),
                "pass_id": self.pass_id,
            }
            for unknown in known.unknown(row)
        )

    def quarantine(
        self,
        batch: Batch,
        resource: str,
        text: bytes,
        reason: str,
        *,
        pointer: str | None = None,
        key: object = None,
        kept: bool = False,
    ) -> None:
        """Keep a record that cannot be read, with its text but for what must not be kept of any record.

        ``kept``: the record is in its table, and this is about it.
        """
        now = self.context.now().isoformat()
        self.quarantined += not kept
        if self.context.settings.capture_text == "none" and not kept:
            text = privacy.without_text(text)
        batch.quarantine.append(
            {
                "resource": resource,
                "project_id": self.context.project_id,
                "record_key": str(key)[:KEY] if key is not None else None,
                "reason": reason,
                "pointer": pointer,
                "payload": records.safe(text),
                "first_seen_at": now,
                "replayed_at": now if kept else None,
                "outcome": "kept" if kept else None,
                "brought_by": self.pass_id,
            }
        )

    def stamp(self, columns: dict[str, Any], page: int, observed_in: str) -> dict[str, Any]:
        """The columns of a version, with what every version carries."""
        return {
            **columns,
            "project_id": self.context.project_id,
            "valid_from": self.context.now().isoformat(),
            "observed_in": observed_in,
            "pass_id": self.pass_id,
            "page": page,
        }

    def sighting(self, key: str, page: int | None = None, **more: str) -> dict[str, Any]:
        """That a key was seen on a page, or missed, at the present moment; ``more`` are other columns of the thing."""
        return {
            "project_id": self.context.project_id,
            "key": key,
            **more,
            "seen_at": self.context.now().isoformat(),
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
            "moved_by": self.pass_id,
        }

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction, away from the event loop.

        Raises:
            Locked: A later pass has taken this one's place: what it still brings is refused.
        """
        await asyncio.to_thread(self._commit, batch)

    def _commit(self, batch: Batch) -> None:
        with self.context.warehouse.transaction(f"pass {self.pass_id}") as connection:
            ledger.still_open(connection, self.pass_id)
            self.count(commit(connection, batch))
            ledger.figures(connection, **self.figures())

    def count(self, added: Mapping[str, int]) -> None:
        """Add up the rows that a commit added."""
        for table, count in added.items():
            self.added[table] = self.added.get(table, 0) + count

    def figures(self) -> dict[str, object]:
        """The figures of ``ledger.passes``."""
        return {
            "pass_id": self.pass_id,
            "kind": self.kind,
            "viewer": self.viewer,
            "requests": self.meter.requests,
            "retries": self.meter.retries,
            "bytes": self.meter.bytes,
            "throttled_s": self.meter.throttled_s,
            "pages": self.pages,
            "rows_seen": self.rows_distinct + self.duplicates,
            "rows_distinct": self.rows_distinct,
            "duplicates": self.duplicates,
            "rows_added": self.earlier.get("rows_added", 0) + self.report().rows_added,
            "rows_absent": self.absent,
            "ids_requested": len(self.asked),
            "ids_returned": len(self.returned),
            "ids_absent": len(self.asked - self.returned),
            "first_key": self.first_key,
            "last_key": self.last_key,
            "quarantined": self.quarantined,
            "server_count": self.server_count,
            "server_count_end": self.server_count_end,
        }

    def tell(self, done: int, total: int | None, unit: str) -> None:
        """Say how far the pass is."""
        self.context.progress(Progress(self.resource, self.context.project_id, done, total, unit))

    def doubt(self, reason: str, *, about: str = "") -> None:
        """Something could not be proved: as things are, the pass cannot be complete.

        ``about`` names the thing, so that a later success can settle the doubt; a newer doubt takes its place.
        """
        self.doubts[about or reason] = reason

    def settle(self, about: str) -> None:
        """What was doubted about a thing is answered by later evidence."""
        self.doubts.pop(about, None)

    @contextlib.contextmanager
    def trying(self, about: str) -> Iterator[None]:
        """A block that does a thing again: if it ends well, only what it doubts itself still stands."""
        before = self.doubts.pop(about, None)
        try:
            yield
        except BaseException:
            if before is not None:
                self.doubts.setdefault(about, before)
            raise

    def note(self, text: str) -> None:
        """Something that every verdict says, whatever it is."""
        self.notes.append(text)

    def complete(self, reason: str, proof: Proof | None = None) -> bool:
        """Claim that everything that can be proved is proved; refused where there is doubt or quarantine.

        Args:
            reason: What was proved, in words.
            proof: What the claim rests on; by default on what this pass itself read, since it began.
        """
        if self.quarantined:
            unread = counted(self.quarantined, "record could not be read and is", "records could not be read and are")
            self.doubt(f"{unread} in quarantine")
        if self.doubts:
            self.incomplete("; ".join(self.doubts.values()))
            return False
        self.verdict, self.reason, self.interrupted = "complete", "; ".join([reason, *self.notes]), False
        self.proof = proof or Proof("listed", self.started_at)
        return True

    def incomplete(self, reason: str) -> None:
        """The pass ended without proof: what would have closed it is not written."""
        reason = "; ".join([reason, *self.notes])
        self.verdict, self.reason, self.interrupted, self.proof = "incomplete", reason, False, None

    def report(self) -> Report:
        """How it ended."""
        return Report(
            pass_id=self.pass_id,
            project_id=self.context.project_id,
            resource=self.resource,
            verdict=self.verdict,
            reason=self.reason,
            rows_seen=self.rows_distinct + self.duplicates,
            added={table: count for table, count in self.added.items() if count},
            absent=self.absent,
            quarantined=self.quarantined,
            requests=self.meter.requests,
            retries=self.meter.retries,
            bytes=self.meter.bytes,
            throttled_s=round(self.meter.throttled_s, 3),
            seconds=round((self.context.now() - self.started_at).total_seconds(), 3),
            proof=self.proof,
        )
