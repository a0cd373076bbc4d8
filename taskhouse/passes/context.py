"""What every pass works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from taskhouse.posthog.client import PostHog
from taskhouse.settings import Settings
from taskhouse.warehouse.connection import Warehouse

T = TypeVar("T")

LOAD_EVERY_S = 0.5
"""Pause between two loads of the spool: short enough to watch an agent, long enough to commit many events at once."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is: ``done`` of ``total`` (None where unknown) ``unit``.

    If its next request waits for room in the request budget, ``waits_s`` is for how many seconds.
    """

    resource: str
    project_id: int
    done: int
    total: int | None
    unit: str
    waits_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Context:
    """What every pass needs.

    Attributes:
        settings: What to fetch and at what pace.
        project_id: The PostHog project.
        server: PostHog, and the request budget; None for a pass that sends no requests.
        warehouse: Where the history is stored.
        progress: Called with how far a pass is.
        load_every_s: Pause between two loads of the spool; it is three times as long while few events arrive.
    """

    settings: Settings
    project_id: int
    server: PostHog | None
    warehouse: Warehouse
    progress: Callable[[Progress], None] = lambda _: None
    load_every_s: float = LOAD_EVERY_S

    @property
    def client(self) -> PostHog:
        """PostHog, for a pass that sends requests."""
        assert self.server is not None, "this pass asks nobody"  # noqa: S101 - replay only reads what is held
        return self.server

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return self.settings.clock.now()

    def read(self, question: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a query on the warehouse in a short transaction."""
        with self.warehouse.reading("reading") as connection:
            return question(connection, *arguments, **named)
