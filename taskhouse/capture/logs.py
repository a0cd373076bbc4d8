"""The log layer: read a run's log into the spool, only the run's own entries, each exactly as it came.

A log is settled only if all of this is proved: its beginning is known, every page came, the server counted as many
entries as came, and the count did not change meanwhile. Otherwise it is ``unproved``, and the next pass reads it from
its beginning. Until then, entries whose position is uncertain are in quarantine.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from taskhouse.capture import log_ancestry
from taskhouse.capture.capture_schedule import LATE, PROVED, UNPROVED, CaptureRun
from taskhouse.capture.log_ancestry import Before, Window
from taskhouse.capture.log_held import CHAIN, HeldLog, HeldLogs, held, keys
from taskhouse.capture.log_pages import LogPages
from taskhouse.errors import Contract, NotFound, Permanent, Refused, Retryable, Throttled
from taskhouse.passes import refusal_policy
from taskhouse.passes.lifecycle import Pass
from taskhouse.posthog.api import TasksApi
from taskhouse.spool.line import Entry
from taskhouse.spool.writer import SpoolWriter

RESOURCE = "run_log"

SHOWN = "run_log_shown"
"""The cursor of an ancestor whose entries were seen in a later run's log while none of them were stored."""

NO_BEGINNING = (
    "does not show where the run's own entries begin: its ancestors' logs cannot be read, or contradict the names in it"
    ", and what is stored of them does not decide"
)


def about(run: CaptureRun) -> str:
    """The subject of a doubt about a run's log, which the next reading of the log settles or renews."""
    return f"the log of run {run.run_id}"


async def drain(the_pass: Pass, api: TasksApi, writer: SpoolWriter, run: CaptureRun, *, start: int, final: bool) -> int:
    """Read a run's log from its own entry ``start`` on; returns how many of its own entries are stored then.

    A resumed run's log begins with its ancestors' entries (API facts 7.5); ``capture/log_ancestry.py`` finds where they
    end. If an ancestor cannot be read, the run's log is unproved at worst. An unproved log counts as 0 entries, so that
    it is read from its beginning.

    Args:
        the_pass: The pass, for its doubts and its name.
        api: The project's endpoints in the class of log requests.
        writer: Where the entries go.
        run: Whose log.
        start: The first entry that is not stored yet.
        final: Whether the log is final with this reading.
    """
    try:
        return await _Drain(the_pass, api, writer, run, final=final).drain(start)
    except (NotFound, Refused) as refusal:
        _mark_log(the_pass, writer, run, start, refusal_policy.state_of(refusal), as_of=the_pass.context.now())
        return start


class _Drain:
    """One reading of one log."""

    def __init__(self, the_pass: Pass, api: TasksApi, writer: SpoolWriter, run: CaptureRun, *, final: bool) -> None:
        self.the_pass = the_pass
        self.writer = writer
        self.run = run
        self.final = final
        self.began_us = the_pass.context.settings.clock.now_us()
        self.began_at = the_pass.context.now()
        self.pages = LogPages(api, run, the_pass.context.settings.capture_text)
        self.held: HeldLogs | None = None
        self.before: Before | None = None
        self.asked = False

    async def drain(self, start: int) -> int:
        if start or self.run.ancestors or self.run.log_state == UNPROVED:
            self.held = await held(self.the_pass.context, self.run)
        own = self.held.own if self.held else HeldLog()
        if start and start == own.position and own.state in PROVED:
            window, at = await self._go_on(own)
            if at is not None and not self.run.ancestors and self._shows_less(0, start):
                return self._contradicted(start)
            if at is not None:
                return await self._keep(window, at, own.position)
        return await self._from_the_beginning(own, max(start, own.position))

    async def _go_on(self, own: HeldLog) -> tuple[Window, int | None]:
        """The window in which the stored entries should end, and where they end; None if they are not there."""
        expected = own.position + self._ancestral()
        window = await self.pages.at(max(0, expected - log_ancestry.NEAR))
        while window.end < expected and not window.ends:
            window = await self.pages.at(window.end, window)
        at = log_ancestry.end_of(window, own.tail, expected, exact=not self.run.ancestors)
        misplaced = at is not None and at > expected and not self.run.ancestors
        return window, None if misplaced else at

    async def _from_the_beginning(self, own: HeldLog, position: int) -> int:
        window, at = await self._own_start()
        self._note_ancestors(window, at)
        if at is None:
            at = log_ancestry.bounds(window, self.run.run_id)[0]
            window = await self._reaching(window, at)
            self.pages.faults.append(NO_BEGINNING if self.run.ancestors else "names another run, but not this one")
            return await self._keep(window, at, 0, placed=False)
        window = await self._reaching(window, at)
        if position and await self._began_anew(own, window, at):
            return await self._keep(window, at, position)
        if own.state in PROVED and self._shows_less(at, position):
            return self._contradicted(position, expired=self.pages.totals[-1] == at and own.state != "settled")
        return await self._keep(window, at, 0, held_before=position, cuts=own.state not in PROVED)

    def _shows_less(self, at: int, position: int) -> bool:
        """Whether the server counts fewer entries from an index on than are stored."""
        return not self.pages.faults and self.pages.totals[-1] - at < position

    def _contradicted(self, position: int, *, expired: bool = False) -> int:
        """Keep the stored entries, although the server shows fewer, and read the log again for a day."""
        state = "drained"
        if self.final and self._long_over():
            state = "expired" if expired else "settled"
        as_of, read_at = self.run.final_change_at, self.began_at
        _mark_log(self.the_pass, self.writer, self.run, position, state, as_of=as_of, read_at=read_at)
        return position

    async def _reaching(self, window: Window, at: int) -> Window:
        """The window if it contains the entry, else the page that begins there: the evidence may come much later."""
        return window if window.first <= at <= window.end else await self.pages.at(at)

    async def _own_start(self) -> tuple[Window, int | None]:
        """The window in which the run's own entries begin, and where, if that can be proved."""
        if not self.run.ancestors:
            window = await self.pages.at(0)
            another = window.names and not self._named(window)
            stays = self.run.log_state == UNPROVED and self._long_over()  # an agent may give itself another name
            return window, None if another and not stays else 0
        for first in dict.fromkeys((max(0, self._ancestral() - log_ancestry.NEAR), 0)):
            window = await self.pages.at(first)
            while (at := await self._decide(window)) is None and not (window.ends or self._named(window)):
                window = await self.pages.at(window.end, window)
            if at is not None:
                return window, at
        total = self.before.total if self.before else None
        if total is not None and total < window.first:
            window = await self.pages.at(max(0, total - log_ancestry.NEAR))
            return window, log_ancestry.own_start(window, self.run.run_id, self.before)
        return window, None

    def _note_ancestors(self, window: Window, at: int | None) -> None:
        """Note the ancestors whose entries the log shows while none are stored: they may expire before they are read.

        ``at`` is where the run's own entries begin, if that is known.
        """
        named = {run_id for index, run_id in window.names if at is None or index < at}
        alone = bool(at) and len(self.run.ancestors) == 1
        for number, run_id in enumerate(self.run.ancestors):
            if (alone or run_id in named) and not (self.held and self.held.ancestors[number].position):
                run_key = replace(self.run, run_id=run_id).run_key(self.the_pass.context.project_id)
                self.writer.mark("log", run_key, resource=SHOWN, position=str(at or 0), state="shown")

    async def _decide(self, window: Window) -> int | None:
        """Where the run's own entries begin, once the window shows enough to ask the parent."""
        if not (self.asked or window.ends or self._named(window)):
            return None
        if not self.asked:
            self.before = await self._ask_parent(log_ancestry.bounds(window, self.run.run_id)[1] or window.end)
            self.asked = True
        at = log_ancestry.own_start(window, self.run.run_id, self.before)
        if at is None or log_ancestry.confirmed(window, self.run.run_id, at) or await self.pages.stands():
            return at
        return None

    async def _ask_parent(self, near: int) -> Before | None:
        """The last entries of the parent's log, read after the run's; if it is refused, the stored entries.

        If the parent shows fewer entries than are stored, the stored ones count.
        """
        parent = LogPages(self.pages.api, replace(self.run, run_id=self.run.ancestors[0]), self.pages.text)
        try:
            window = await parent.at(max(0, near - log_ancestry.HANDSHAKE - log_ancestry.NEAR))
            total = parent.totals[-1]
            if total and (total > window.end or not window.entries):
                window = await parent.at(max(0, total - log_ancestry.NEAR))
            while not window.ends:
                window = await parent.at(window.end, window)
        except Throttled:
            raise
        except (Retryable, Permanent, Contract):
            return self.held.parent() if self.held else None
        if parent.faults or parent.moved():
            return self.held.parent() if self.held else None
        own = self.held.ancestors[0] if self.held else HeldLog()
        counted = total - (self.held.before() - own.position if self.held else 0)
        if own.state == "settled" and counted > own.position:  # it grew after it was final
            parent_run = replace(self.run, run_id=self.run.ancestors[0])
            _mark_log(self.the_pass, self.writer, parent_run, own.position, "drained")
        if own.state in PROVED and counted < own.position:
            return Before(own.tail, total, exact=False)
        exact = len(self.run.ancestors) <= CHAIN if total else (own.state == "settled" and not own.moved)
        return Before(window.entries[-log_ancestry.NEAR :], total, exact=exact or (not total and self._long_over()))

    async def _began_anew(self, own: HeldLog, window: Window, at: int) -> bool:
        """Whether the log expired and another one began, so that it contains no stored entry any more."""
        entries = [text for text, _ in window.onward(at)]
        if not entries or not (window.ends or own.state in PROVED):
            return False
        known = await keys(self.the_pass.context, self.run)
        return known is not None and bool(known) and known.isdisjoint(map(log_ancestry.key, entries))

    async def _keep(
        self, window: Window, at: int, position: int, *, held_before: int = 0, cuts: bool = False, placed: bool = True
    ) -> int:
        """Store the entries from an index on, as those from a position on, and record what that proves.

        If a page is not as long as the server says, the positions of its entries and of all later ones are uncertain.
        """
        entries = window.onward(at)
        while True:
            placed = placed and window.sound
            self._append(position if placed else None, entries)
            position += len(entries) if placed else 0
            if window.ends:
                break
            window = await self.pages.at(window.end)
            entries = window.onward(window.first)
        faults = self.pages.faults
        if self.pages.moved() and (self.final or min(self.pages.totals) < self.pages.totals[0]):
            faults.append("changed its length while it was read")
        if faults:
            named = about(self.run)
            self.the_pass.doubt("inconsistent", f"{named} {'; '.join(dict.fromkeys(faults))}", about=named)
        state = self._state(position, held_before)
        cut_us = self.began_us if cuts and state in {"settled", "drained"} and position < held_before else None
        times = {"as_of": self.run.final_change_at, "read_at": self.began_at}
        _mark_log(self.the_pass, self.writer, self.run, position, state, **times, cut_us=cut_us)
        return 0 if state == UNPROVED else max(position, 0 if cut_us else held_before)

    def _state(self, position: int, held_before: int) -> str:
        if self.pages.faults:
            return UNPROVED
        if not self.final or (position == held_before == 0 and not self._long_over()):
            return "drained"
        was = self.held.own.state if self.held else self.run.log_state
        gone = position == 0 and was != "settled" and (held_before > 0 or was == UNPROVED)
        return "expired" if gone else "settled"

    def _long_over(self) -> bool:
        """Whether the run ended so long ago that an empty log stays so."""
        late = LATE * timedelta(seconds=self.the_pass.context.settings.log_final_s)
        return self.run.final_change_at is not None and self.began_at - self.run.final_change_at >= late

    def _append(self, position: int | None, entries: Sequence[tuple[bytes, bool]]) -> None:
        if not entries:
            return
        self.the_pass.stats.captured += len(entries)
        lines = [
            Entry(None, None, text, redacted, "unplaced")
            if position is None
            else Entry(None, position + number, text, redacted)
            for number, (text, redacted) in enumerate(entries)
        ]
        self.writer.append("log", self.run.run_key(self.the_pass.context.project_id), lines, leg=self.the_pass.pass_id)

    def _named(self, window: Window) -> bool:
        return log_ancestry.bounds(window, self.run.run_id)[1] is not None

    def _ancestral(self) -> int:
        """How many entries of ancestors are stored: the run's own begin there, if the log has as many."""
        return self.held.before() if self.held else 0


def _mark_log(
    the_pass: Pass,
    writer: SpoolWriter,
    run: CaptureRun,
    position: int,
    state: str,
    *,
    as_of: datetime | None = None,
    read_at: datetime | None = None,
    cut_us: int | None = None,
) -> None:
    run_key = run.run_key(the_pass.context.project_id)
    times = {"as_of": as_of, "read_at": read_at}
    writer.mark("log", run_key, resource=RESOURCE, position=str(position), state=state, **times, cut_us=cut_us)
