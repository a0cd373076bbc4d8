"""What a pass cost and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from taskhouse.posthog.request_stats import Meter


@dataclass(slots=True)
class Statistics:
    """Counts of one pass; the sync functions add to them.

    Attributes:
        pages: Pages that came, each with a number that its rows carry.
        keys: Distinct keys of the rows that came.
        duplicates: Rows that came again although they were not requested twice.
        captured: Events and log entries that went into the spool.
        loaded: Those that were loaded, each once.
        asked: Ids that were requested by name.
        returned: Those of them that came back.
        added: Rows added, by table.
        earlier: The counts of an interrupted pass before this process resumed it.
    """

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
    server_count: int | None = None
    server_count_end: int | None = None
    earlier: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_distinct(self) -> int:
        """Rows, events and log entries that came, each counted once."""
        return len(self.keys) + self.loaded

    def add(self, added: Mapping[str, int]) -> None:
        """Add up the rows that a commit added."""
        for table, count in added.items():
            self.added[table] = self.added.get(table, 0) + count

    def see(self, keys: list[str]) -> None:
        """Rows of a page came."""
        self.keys.update(filter(None, keys))
        if keys:
            self.first_key = self.first_key or keys[0]
            self.last_key = keys[-1]

    def figures(self) -> dict[str, object]:
        """Those columns of ``ledger.passes`` that are counts."""
        return {
            "requests": self.meter.requests,
            "retries": self.meter.retries,
            "bytes": self.meter.bytes,
            "throttled_s": self.meter.throttled_s,
            "pages": self.pages,
            "rows_seen": self.rows_distinct + self.duplicates,
            "rows_distinct": self.rows_distinct,
            "duplicates": self.duplicates,
            "ids_requested": len(self.asked),
            "ids_returned": len(self.returned),
            "ids_absent": len(self.asked - self.returned),
            "first_key": self.first_key,
            "last_key": self.last_key,
            "quarantined": self.quarantined,
            "server_count": self.server_count,
            "server_count_end": self.server_count_end,
        }
