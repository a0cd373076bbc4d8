"""The words of the script: a run's parameters, a step of its plan, and the parts that acts are made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

Json = dict[str, Any]
Piece = tuple[str, str]
"""A few words of text: as they are, and as ASCII JSON with its quotes."""


class Step(NamedTuple):
    """One moment of a run. Steps come in the order of ``at_s``; a consumer does each of its halves when due."""

    at_s: float
    """Seconds after the run's start at which ``live`` is written to the stream and ``change`` to the run."""
    live: str | None
    """Event text as the server prints it (spaces after ``,`` and ``:``, ASCII), or None."""
    log: str | None
    """One line of the run's log (compact, raw UTF-8, without the newline), or None."""
    log_at_s: float
    """When the log line can be read: the agent flushes 0.5 s after its newest line, at most 5 s after its first.
    Never earlier than ``at_s``; in log order it never goes back."""
    change: Json | None
    """New values of the run's row: status, stage, branch, output, error_message, updated_at, completed_at (ISO texts),
    and ``state``, to be merged into the run's state."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What the plan of a run depends on, besides the seeded generator."""

    run_id: str
    task_id: str
    repository: str
    """``owner/name``."""
    branch: str
    """The branch that the run will work on."""
    adapter: Literal["claude", "codex", "pi"]
    outcome: Literal["completed", "failed", "cancelled"]
    started_at: datetime
    """The moment of ``at_s`` 0, in UTC."""
    duration_s: float
    """From queued to the terminal status."""
    size: float = 1.0
    """Scales the number of events: 1.0 gives some hundreds, 20 tens of thousands."""
    prompt: str = "Find out why the totals differ and fix it."
    resumes: bool = False
    """Whether it goes on from an earlier run: the session is resumed, and the prompt says so."""
    october: bool = False
    """Whether its agent is one of October 2026: boots of any text, new kinds of event, secrets cut out of its words."""
    first_boot: int = 1
    """The number of the agent's first boot; a run that was resumed in the cloud counts on."""
    model: str | None = None
    """What the agent thinks with; None is the usual one of its adapter."""
    error: str = ""
    """What a run that fails says; empty is one of the usual reasons."""
    pull_request: int | None = None
    """The number of the pull request that it opens if it completes; 0 is none, None any."""


Where = Literal["both", "live", "log", "frame", "chunks", "thoughts", "state", "row", "pi"]


class Part(NamedTuple):
    """One thing that an act does, before it has a time and a number.

    ``where`` says how it is written: ``both`` and ``live`` are notifications (``body`` = params), ``log`` a JSON-RPC
    object for the log only, ``frame`` a top-level live event, ``chunks`` and ``thoughts`` bursts of pieces, ``state``
    a change of the run that is published, ``row`` one that is not, ``pi`` an event of the pi runtime.
    """

    gap_s: float
    """Natural time that passes before it (for a burst: over the burst)."""
    where: Where
    method: str = ""
    body: Json | None = None
    pieces: list[Piece] | None = None
    numbered: bool = True
    """Whether the agent gives it an event_id; the orchestrator's own events have none."""


Act = list[Part]
