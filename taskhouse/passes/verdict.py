"""How a pass ended: its verdict, what that is based on, and its figures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from taskhouse.errors import AccessDenied, Contract, NotFound, Refused, Retryable, TaskhouseError

Verdict = Literal["complete", "incomplete"]

ReasonCode = Literal[
    "failed",
    "interrupted",
    "viewer_changed",
    "too_many_absent",
    "damaged",
    "unexpected",
    "refused",
    "not_found",
    "quarantined",
    "count_differs",
    "inconsistent",
    "no_answer",
    "moved",
    "unfinished",
]
"""Why a pass is not complete, the most serious first; docs/runbook.md says what to do about each."""

REASON_CODES: tuple[ReasonCode, ...] = get_args(ReasonCode)


def reason_code(problem: TaskhouseError) -> ReasonCode:
    """Why a pass that an error ended is not complete."""
    match problem:
        case AccessDenied() | Refused():
            return "refused"
        case NotFound():
            return "not_found"
        case Retryable() | Contract():
            return "no_answer"
        case _:
            return "failed"


class Doubt(NamedTuple):
    """Why a pass cannot be complete: as a code, and in words."""

    code: ReasonCode
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the verdict of a complete pass is based on.

    Attributes:
        kind: ``listed`` if everything that the verdict covers was read; ``counted`` if only the count and a sample
            agree.
        at: When the oldest page was read that the verdict is based on; None until everything was read once.
    """

    kind: Literal["listed", "counted"]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class PassReport:
    """How a pass ended.

    Attributes:
        added: Rows added, by table.
        seconds: Wall time.
        proof: What a complete verdict is based on; None for an incomplete one.
        reason_code: The most serious reason of an incomplete verdict; None for a complete one.
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
    proof: Proof | None = None
    reason_code: ReasonCode | None = None

    @property
    def rows_added(self) -> int:
        """Rows added to ``raw`` tables."""
        return sum(count for table, count in self.added.items() if table not in {"quarantine", "drift"})
