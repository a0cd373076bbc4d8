"""What goes wrong between the server and its client, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

ROUTES = ("me", "tasks", "detail", "summaries", "repositories", "readiness", "runs", "run", "session_logs", "stream")
KINDS = ("gone", "forbidden", "500", "502", "503", "429", "cut", "reset", "slow", "dribble", "lie", "page_of_a_proxy")
FOR_RUNS = ("runs", "run", "session_logs", "stream")


@dataclass(slots=True)
class Trouble:
    """One kind of trouble on one route, for some answers or some seconds."""

    kind: str
    route: str
    answers: int
    until: float
    run: str | None = None
    struck: int = 0
    spared: int = 0

    def strikes(self, route: str, at: float, path: str) -> bool:
        """Whether it is this answer's turn."""
        if route != self.route or at > self.until or self.answers <= 0:
            return False
        if self.kind == "forbidden" and self.run is None:
            self.run = path  # a refusal by content concerns one run or list
        if self.run is not None and self.run != path:
            return False
        if self.spared:
            self.spared -= 1
            return False
        self.answers -= 1
        self.struck += 1
        return True


@dataclass(slots=True)
class Weather:
    """All trouble that is on."""

    rng: Random
    troubles: list[Trouble] = field(default_factory=list)
    past: list[str] = field(default_factory=list)

    def gather(self, at: float, count: int) -> None:
        """Let new trouble begin."""
        for _ in range(count):
            kind = self.rng.choice(KINDS)
            routes = FOR_RUNS if kind in ("gone", "forbidden") else ROUTES
            route = self.rng.choice(("tasks", "session_logs") if kind == "lie" else routes)
            answers = self.rng.choice((1, 1, 1, 3, 9, 40))
            self.troubles.append(Trouble(kind, route, answers, at + self.rng.choice((3, 30, 600))))

    def clear(self) -> None:
        """Let all trouble be over."""
        self.past += [f"{one.kind} on {one.route} x{one.struck}" for one in self.troubles if one.struck]
        del self.troubles[:]

    def strike(self, route: str, at: float, path: str) -> str | None:
        """The trouble that this answer meets."""
        for trouble in self.troubles:
            if trouble.strikes(route, at, path):
                return trouble.kind
        return None
