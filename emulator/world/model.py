"""The things of the emulated world, as plain mutable records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

TERMINAL = frozenset({"completed", "failed", "cancelled"})
"""Run statuses that end a run (until it is resumed in the cloud)."""

STATUSES = ("not_started", "queued", "in_progress", "completed", "failed", "cancelled")

SHARED_ORIGINS = frozenset({"signal_report", "signals_scout", "onboarding", "hogdesk", "experiments", "workflow"})
"""Origins whose tasks every member sees although they are in no channel."""

UNSEEN_ORIGINS = frozenset({"business_knowledge"})
"""Origins whose tasks no member sees."""

THIN_TAIL: Final = "stream_thin_tail"
"""The stream keeps a short tail, and readers get the run's log first."""
PRESENCE_GATED: Final = "stream_presence_gated"
"""Events go to the stream only while somebody reads it."""

_PINNED_ONE_IN = 41


@dataclass(slots=True, frozen=True)
class User:
    """A member of the organization."""

    id: int
    uuid: str
    first_name: str
    last_name: str
    role: str

    @property
    def email(self) -> str:
        """The address the user signs in with."""
        return f"{self.first_name}.{self.last_name}@example.com".lower()

    @property
    def distinct_id(self) -> str:
        """The user's own analytics identity."""
        return f"distinct-{self.uuid}"


@dataclass(slots=True)
class Channel:
    """Where tasks are filed: public, personal to ``owner_id``, or private to its ``members``."""

    id: str
    name: str
    public: bool
    owner_id: int | None
    members: frozenset[int] = frozenset()


@dataclass(slots=True)
class Project:
    """A PostHog project (team) and the facts that readiness depends on."""

    id: int
    uuid: str
    name: str
    channels: list[Channel]
    github_integration: int | None = 1
    github_token: bool = True
    proactive_tasks: bool = True
    session_recording: bool = True
    exception_autocapture: bool = True
    error_issues: list[datetime] = field(default_factory=list)

    @property
    def slug_prefix(self) -> str:
        """The prefix of task slugs; it follows the current name of the project."""
        letters = "".join(c for c in self.name if c.isalpha()).upper()
        return letters[:3] or "TSK"


class Fate(NamedTuple):
    """How a run goes on, if somebody decided it; otherwise its seed does.

    With ``stops_after`` it is never heard of again from that share of its duration on. ``pull_request`` is the number
    of the one that it opens if it completes; 0 is none.
    """

    outcome: Literal["completed", "failed", "cancelled"]
    duration_s: float
    size: float = 1.0
    error: str = ""
    pull_request: int = 0
    stops_after: float = 1.0


@dataclass(slots=True, eq=False)
class Run:
    """One execution of a task.

    ``own_log`` is None while the log can still be derived from ``seed``; ``log_written_at`` starts the 30 days after
    which the stored log expires; None is a run that never wrote one. ``incarnation`` counts resumes in the cloud.
    ``unreadable`` are the places in ``own_log`` of lines that no reader can parse; ``via_proxy``: its stream's token
    names the agent proxy. ``protected``: the key may not read what the run holds (403 by content).
    ``scheduled_at``: until then it waits in `not_started`. ``fate``: how it goes on while it is played.
    """

    id: str
    task: Task
    seed: int
    status: str
    environment: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    stage: str | None = None
    branch: str | None = None
    runtime_adapter: str | None = None
    provider: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    error_message: str | None = None
    output: dict[str, Any] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    own_log: list[str] | None = None
    log_written_at: datetime | None = None
    started_at: datetime | None = None
    incarnation: int = 0
    unreadable: set[int] = field(default_factory=set)
    via_proxy: bool = False
    protected: bool = False
    scheduled_at: datetime | None = None
    fate: Fate | None = None

    def is_terminal(self) -> bool:
        """Whether the run has ended for now."""
        return self.status in TERMINAL

    def waits(self) -> bool:
        """Whether its scheduled time is still to come."""
        return self.scheduled_at is not None and self.status == "not_started"

    @property
    def thin_tail(self) -> bool:
        """Whether its stream is a short tail behind its log."""
        return bool(self.state.get(THIN_TAIL))

    @property
    def presence_gated(self) -> bool:
        """Whether its stream gets events only while somebody reads it."""
        return bool(self.state.get(PRESENCE_GATED))

    @property
    def proxied(self) -> bool:
        """Whether readers are sent to the agent proxy; those of a thin-tail run only if they can resync."""
        return self.via_proxy and not self.thin_tail

    @property
    def resume_from(self) -> str | None:
        """The run of the same task that this one continues."""
        value = self.state.get("resume_from_run_id")
        return value if isinstance(value, str) else None


@dataclass(slots=True, eq=False)
class Task:
    """A coding-agent job. ``runs`` is in order of creation; a ``trial`` is a scout's, for its creator alone.

    ``pins`` says of users, by id, whether they pinned it; of all others, the seed does.
    """

    id: str
    project_id: int
    number: int | None
    title: str
    seed: int
    origin_product: str
    created_at: datetime
    updated_at: datetime
    last_activity_at: datetime
    repository: str | None
    created_by: int | None
    channel: Channel | None
    internal: bool = False
    archived_at: datetime | None = None
    deleted: bool = False
    title_manually_set: bool = False
    runtime: str = "acp"
    more_repositories: tuple[str, ...] = ()
    trial: bool = False
    runs: list[Run] = field(default_factory=list)
    row_parts: list[bytes] | None = None
    summary: bytes | None = None
    pins: dict[int, bool] = field(default_factory=dict)

    @property
    def archived(self) -> bool:
        """Whether the task is filed away (hidden from the list by default)."""
        return self.archived_at is not None

    @property
    def latest_run(self) -> Run | None:
        """The run with the greatest (created_at, id)."""
        return max(self.runs, key=lambda run: (run.created_at, run.id)) if self.runs else None


def visible(task: Task, user_id: int) -> bool:
    """Whether a member sees a task; deletion is another question.

    In a channel: it is public, the caller's own, or has the caller as a member. Outside: the caller made it, nobody
    did, or its origin is shared. A scout's trial is for its creator alone, and some origins are for nobody.
    """
    if task.origin_product in UNSEEN_ORIGINS:
        return False
    if task.trial:
        return task.created_by == user_id
    channel = task.channel
    if channel is not None:
        return channel.public or channel.owner_id == user_id or user_id in channel.members
    return task.created_by in {user_id, None} or task.origin_product in SHARED_ORIGINS


def is_pinned(task: Task, user_id: int) -> bool:
    """Whether the user pinned the task."""
    return task.pins.get(user_id, (task.seed + user_id) % _PINNED_ONE_IN == 0)


def uuid_of(bits: int) -> str:
    """A version 4 UUID from 128 bits."""
    text = f"{bits:032x}"
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
