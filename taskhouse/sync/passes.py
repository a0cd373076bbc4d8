"""One attempt to read one resource of one project: what it cost, what it brought, and what it proved."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from filelock import FileLock, Timeout

from taskhouse.errors import AccessDenied, Locked, NotFound, TaskhouseError
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority, fingerprint
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.meter import Meter
from taskhouse.posthog.pages import Row
from taskhouse.posthog.records import BadRecord, unknown
from taskhouse.settings import Settings
from taskhouse.warehouse import ledger, state
from taskhouse.warehouse.commit import Batch, commit
from taskhouse.warehouse.connection import Warehouse

Verdict = Literal["complete", "incomplete"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is: ``done`` of ``total`` (None where unknown) ``unit``."""

    resource: str
    project_id: int
    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class Context:
    """What every pass needs.

    Attributes:
        settings: What to fetch and at what pace.
        project_id: The PostHog project.
        client: The server, and the request budget.
        warehouse: Where history is kept.
        progress: Told how far a pass is.
        now: The present moment, aware and in UTC.
    """

    settings: Settings
    project_id: int
    client: PostHog
    warehouse: Warehouse
    progress: Callable[[Progress], None] = lambda _: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def read(self, question: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Ask the warehouse something, in a short transaction of its own."""
        with self.warehouse.transaction("reading") as connection:
            return question(connection, *arguments, **named)


@dataclass(frozen=True, slots=True)
class Report:
    """How a pass ended.

    Attributes:
        added: Rows added, by table.
        seconds: Wall time.
    """

    pass_id: str
    project_id: int
    resource: str
    verdict: Verdict
    reason: str
    rows_seen: int
    added: dict[str, int]
    absent: int
    quarantined: int
    requests: int
    retries: int
    bytes: int
    throttled_s: float
    seconds: float

    @property
    def rows_added(self) -> int:
        """Rows added to ``raw`` tables."""
        return sum(count for table, count in self.added.items() if table not in {"quarantine", "drift"})


@dataclass(slots=True)
class Pass:
    """A pass that is running. The sync functions fill it; :func:`running` opens and closes it."""

    context: Context
    resource: str
    pass_id: str
    started_at: datetime
    viewer: str | None = None
    meter: Meter = field(default_factory=Meter)
    pages: int = 0
    rows_seen: int = 0
    keys: set[str] = field(default_factory=set)
    added: dict[str, int] = field(default_factory=dict)
    absent: int = 0
    quarantined: int = 0
    server_count: int | None = None
    server_count_end: int | None = None
    doubts: list[str] = field(default_factory=list)
    verdict: Verdict = "incomplete"
    reason: str = "the pass did not come to its end"

    def api(self, priority: Priority) -> TasksApi:
        """The project's endpoints, counted by this pass."""
        return TasksApi(self.context.client, self.context.project_id, priority=priority, meter=self.meter)

    def page(self, batch: Batch, request: str, keys: list[str], sha256: str, server_count: int | None = None) -> int:
        """Enter a page that came into the batch; returns its number, which its rows carry."""
        self.pages += 1
        self.rows_seen += len(keys)
        self.keys.update(keys)
        batch.pages.append(
            {
                "pass_id": self.pass_id,
                "project_id": self.context.project_id,
                "page": self.pages,
                "request": request,
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
        self, batch: Batch, row: Row, parse: Callable[[Row], dict[str, Any]], known: frozenset[str], resource: str
    ) -> dict[str, Any] | None:
        """Columns of a record, or None for one that breaks the contract: that one goes to quarantine with its text."""
        now = self.context.now().isoformat()
        try:
            columns = parse(row)
        except BadRecord as bad:
            self.quarantine(batch, resource, row.text, bad.reason, pointer=bad.pointer, key=row.data.get("id"))
            return None
        batch.drift.extend(
            {
                "project_id": self.context.project_id,
                "resource": resource,
                "path": path,
                "example_type": kind,
                "first_seen_at": now,
                "pass_id": self.pass_id,
            }
            for path, kind in unknown(row, known)
        )
        return columns

    def quarantine(
        self, batch: Batch, resource: str, text: bytes, reason: str, *, pointer: str | None = None, key: object = None
    ) -> None:
        """Keep a record that cannot be read, with its text."""
        self.quarantined += 1
        batch.quarantine.append(
            {
                "resource": resource,
                "project_id": self.context.project_id,
                "record_key": str(key) if key is not None else None,
                "reason": reason,
                "pointer": pointer,
                "payload": text.decode("utf-8", "replace"),
                "first_seen_at": self.context.now().isoformat(),
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

    def sighting(self, key: str) -> dict[str, Any]:
        """That a key was seen, or missed, at the present moment."""
        return {
            "project_id": self.context.project_id,
            "key": key,
            "seen_at": self.context.now().isoformat(),
            "pass_id": self.pass_id,
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
        """Write a batch in one transaction, away from the event loop."""
        added = await asyncio.to_thread(self._commit, batch)
        for table, count in added.items():
            self.added[table] = self.added.get(table, 0) + count

    def _commit(self, batch: Batch) -> dict[str, int]:
        with self.context.warehouse.transaction(f"pass {self.pass_id}") as connection:
            return commit(connection, batch)

    def tell(self, done: int, total: int | None, unit: str) -> None:
        """Say how far the pass is."""
        self.context.progress(Progress(self.resource, self.context.project_id, done, total, unit))

    def doubt(self, reason: str) -> None:
        """Something could not be proved: the pass can no longer be complete."""
        if reason not in self.doubts:
            self.doubts.append(reason)

    def complete(self, reason: str) -> bool:
        """Claim that everything that can be proved is proved; refused where there is doubt or quarantine."""
        if self.quarantined:
            self.doubt(f"{self.quarantined} records could not be read and are in quarantine")
        if self.doubts:
            self.incomplete("; ".join(self.doubts))
            return False
        self.verdict, self.reason = "complete", reason
        return True

    def incomplete(self, reason: str) -> None:
        """The pass ended without proof."""
        self.verdict, self.reason = "incomplete", reason

    def report(self) -> Report:
        """How it ended."""
        return Report(
            pass_id=self.pass_id,
            project_id=self.context.project_id,
            resource=self.resource,
            verdict=self.verdict,
            reason=self.reason,
            rows_seen=self.rows_seen,
            added={table: count for table, count in self.added.items() if count},
            absent=self.absent,
            quarantined=self.quarantined,
            requests=self.meter.requests,
            retries=self.meter.retries,
            bytes=self.meter.bytes,
            throttled_s=round(self.meter.throttled_s, 3),
            seconds=round((self.context.now() - self.started_at).total_seconds(), 3),
        )


@contextlib.asynccontextmanager
async def running(context: Context, resource: str, *, identify: bool = False) -> AsyncIterator[Pass]:
    """Open a pass and close it with its verdict; an error closes it as incomplete and goes on up.

    Args:
        context: What the pass works with.
        resource: The resource, as in ``ledger.passes``.
        identify: Ask the server whose key this is; only passes that judge absence need it.

    Raises:
        Locked: Another pass of the same resource and project is running.
    """
    async with _alone(context.settings, context.project_id, resource):
        started = context.now()
        this = Pass(context, resource, f"{started:%Y%m%dT%H%M%S}-{resource}-{secrets.token_hex(4)}", started)
        await asyncio.to_thread(_begin, this)
        try:
            if identify:
                this.viewer = await whoami(this.api(Priority.HOT), context.settings.key())
            yield this
        except BaseException as problem:
            message = problem.message if isinstance(problem, TaskhouseError) else type(problem).__name__
            this.incomplete(message[:500])
            raise
        finally:
            await asyncio.shield(asyncio.to_thread(_finish, this))


async def whoami(api: TasksApi, key: str) -> str:
    """Whose view this key gives: its owner's uuid, or a fingerprint of the key where its scope forbids to ask."""
    try:
        person = (await api.me()).data
    except (AccessDenied, NotFound):
        person = {}
    name = person.get("uuid") or person.get("distinct_id")
    return f"user {name}" if isinstance(name, str) else f"key {fingerprint(key)}"


def previous_viewer(context: Context, resource: str) -> str | None:
    """Whose view the last complete pass had; None before the first."""
    found = context.read(state.records, "last_complete", project_id=context.project_id, resource=resource)
    return found[0]["viewer"] if found else None


@contextlib.asynccontextmanager
async def _alone(settings: Settings, project_id: int, resource: str) -> AsyncIterator[None]:
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{resource}-{project_id}.lock", thread_local=False)
    try:
        await asyncio.to_thread(lock.acquire, timeout=settings.lock_wait_s)
    except Timeout:
        raise Locked(
            f"A pass of {resource} for project {project_id} has been running for {settings.lock_wait_s:g} s.",
            hint="Passes of one resource run one at a time; wait for it to end. `taskhouse status` shows it.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _begin(this: Pass) -> None:
    with this.context.warehouse.transaction(f"beginning {this.pass_id}") as connection:
        ledger.begin(
            connection,
            pass_id=this.pass_id,
            project_id=this.context.project_id,
            resource=this.resource,
            viewer=this.viewer,
            started_at=this.started_at,
        )


def _finish(this: Pass) -> None:
    with this.context.warehouse.transaction(f"closing {this.pass_id}") as connection:
        ledger.finish(
            connection,
            pass_id=this.pass_id,
            viewer=this.viewer,
            finished_at=this.context.now(),
            requests=this.meter.requests,
            retries=this.meter.retries,
            bytes=this.meter.bytes,
            throttled_s=this.meter.throttled_s,
            pages=this.pages,
            rows_seen=this.rows_seen,
            rows_distinct=len(this.keys),
            rows_added=this.report().rows_added,
            rows_absent=this.absent,
            quarantined=this.quarantined,
            server_count=this.server_count,
            server_count_end=this.server_count_end,
            verdict=this.verdict,
            reason=this.reason,
        )
