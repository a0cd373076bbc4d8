"""The pages of a run's log, and whether what the server says about them adds up."""

from dataclasses import dataclass, field
from typing import Literal

from taskhouse.capture import log_ancestry, sanitize
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.log_ancestry import Window
from taskhouse.plural import counted
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.http_errors import Oversized

PAGE_ENTRIES = 5000
"""The most entries per page; the server refuses more, and may send fewer (API facts 7.6)."""


@dataclass(slots=True)
class LogPages:
    """Reads a run's log page by page; texts come as they are stored.

    Attributes:
        text: Whether texts are stored in full, as in the settings.
        totals: The count of the whole log that each page came with, in order.
        faults: What does not add up, in words.
    """

    api: TasksApi
    run: CaptureRun
    text: Literal["full", "none"]
    totals: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _limit: int = PAGE_ENTRIES
    _seam: tuple[int, bytes] | None = None
    """The index after the last page's last entry, and that entry."""

    async def at(self, offset: int, before: Window | None = None) -> Window:
        """The page from an entry on, as a window that continues ``before`` if that ends there.

        If a page is too large, fewer entries are requested. A page that continues the last one is requested from its
        last entry on, which must come again; otherwise the log changed although its count did not.

        Raises:
            TaskhouseError: The page could not be read.
        """
        seam = self._seam[1] if self._seam and self._seam[0] == offset else None
        while True:
            first = offset if seam is None else offset - 1
            try:
                page = await self.api.session_logs(self.run.task_id, self.run.run_id, limit=self._limit, offset=first)
            except Oversized:
                if self._limit == 1:
                    raise
                self._limit = max(1, self._limit // 10)
                continue
            if seam is None or len(page.entries) != 1 or not page.has_more:
                break
            seam = None  # a page of one entry brings nothing new
        self.totals.append(page.total)
        torn = seam is not None and page.entries[:1] != [seam]
        if torn:
            self.faults.append("does not repeat the last entry of its previous page")
        own = page.entries if seam is None else page.entries[1:]
        sanitized = [sanitize.entry(None, text, self.text) for text in own]
        entries, redacted = [entry.data for entry in sanitized], [entry.redacted for entry in sanitized]
        end = offset + len(entries)
        if own:
            self._seam = end, own[-1]
        over, short = bool(entries) and end > page.total, not page.has_more and end < page.total
        if over or short:
            self.faults.append(f"counts {counted(page.total, 'entry', 'entries')}, but returned {end}")
        elif page.has_more and not entries:
            self.faults.append("says that more entries follow, but returns none")
        ends = over or not page.has_more or not entries
        sound = not (over or short or torn)
        names = log_ancestry.names(entries, offset)
        if before is None:
            return Window(offset, entries, redacted, ends, names, sound)
        entries = [*before.entries[-log_ancestry.NEAR :], *entries]
        redacted = [*before.redacted[-log_ancestry.NEAR :], *redacted]
        return Window(end - len(entries), entries, redacted, ends, [*before.names, *names], sound)

    async def stands(self) -> bool:
        """Whether the log's count is unchanged: nothing expired or was written since its last page."""
        page = await self.api.session_logs(self.run.task_id, self.run.run_id, limit=1)
        return page.total == self.totals[-1]

    def moved(self) -> bool:
        """Whether the log changed its length while it was read."""
        return len(set(self.totals)) > 1
