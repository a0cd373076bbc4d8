"""How a pass ended: its verdict, what that is based on, and its figures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Verdict = Literal["complete", "incomplete"]


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
class Report:
    """How a pass ended.

    Attributes:
        added: Rows added, by table.
        seconds: Wall time.
        proof: What a complete verdict is based on; None for an incomplete one.
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

    @property
    def rows_added(self) -> int:
        """Rows added to ``raw`` tables."""
        return sum(count for table, count in self.added.items() if table not in {"quarantine", "drift"})
