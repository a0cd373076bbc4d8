"""Where a run's own entries begin in its log. Pure.

The log of a resumed run begins with the entries of its ancestors, unchanged (API facts 7.5). Servers before summer 2026
leave them out, an ancestor's log can expire or grow between two reads, and some runs never name themselves. So counting
is not enough: the texts show where the run's own entries begin, and the entries that name their run must agree. If the
evidence is not sufficient, there is no answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from taskhouse.posthog import jsonslices

NEAR = 32
"""How many entries around the joint are compared."""

HANDSHAKE = 4
"""Entries before the one that names the run: the agent's greeting, the opening of its session, and two answers."""

_NAMES = {"_posthog/run_started": "runId", "_posthog/sdk_session": "taskRunId"}
"""By method, the parameter that names the run (API facts 6)."""

_TIME = re.compile(rb'"timestamp"\s*:\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Window:
    """Entries of a log as the server counts them.

    Attributes:
        first: Index of the first of them.
        entries: Their texts, as they are stored.
        redacted: For each, whether something was removed from its text.
        ends: Whether the log ends with them.
        sound: Whether their page is as long as the server says.
        names: The runs named so far, by index, including those named before the window.
    """

    first: int
    entries: Sequence[bytes]
    redacted: Sequence[bool]
    ends: bool
    names: Sequence[tuple[int, str]]
    sound: bool = True

    def onward(self, at: int) -> list[tuple[bytes, bool]]:
        """The entries from an index on, each with whether it was redacted."""
        return list(zip(self.entries, self.redacted, strict=True))[at - self.first :]

    @property
    def end(self) -> int:
        """Index after the last entry."""
        return self.first + len(self.entries)


@dataclass(frozen=True, slots=True)
class Before:
    """What is known about the entries before a run's own.

    Attributes:
        tail: The last of them.
        total: How many the parent's log counts; None if the texts are the stored ones.
        exact: Whether exactly as many come before the run's own entries, if any do. An empty log proves nothing for a
            day, because it may only be late.
    """

    tail: Sequence[bytes]
    total: int | None
    exact: bool


def names(entries: Sequence[bytes], first: int) -> list[tuple[int, str]]:
    """The runs that entries name, with the index of each; ``first`` is the index of the first entry."""
    pairs = ((first + at, named(text)) for at, text in enumerate(entries))
    return [(at, run_id) for at, run_id in pairs if run_id is not None]


def named(entry: bytes) -> str | None:
    """The run that an entry names."""
    if not any(method.encode() in entry for method in _NAMES):
        return None
    try:
        value = jsonslices.document(jsonslices.decode(entry))
        notification = value["notification"]
        run_id = notification["params"][_NAMES[notification["method"].replace("__posthog/", "_posthog/")]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return run_id if isinstance(run_id, str) else None


def tells(entry: bytes) -> bool:
    """Whether an entry's text can be distinguished from another run's, because it has a time."""
    return _TIME.search(entry) is not None


def key(entry: bytes) -> str:
    """What identifies an entry, also if its text is not stored: its time, or else the whole entry."""
    match = _TIME.search(entry)
    return (match[1] if match else entry).decode("utf-8", "replace")


def bounds(window: Window, run_id: str) -> tuple[int, int | None]:
    """The first index at which own entries can begin, and the index of the first entry that names the run."""
    own = next((at for at, name in window.names if name == run_id), None)
    others = [at for at, name in window.names if name != run_id and (own is None or at < own)]
    return (others[-1] + 1 if others else 0), own


def own_start(window: Window, run_id: str, before: Before | None) -> int | None:
    """The index of the run's first own entry, or None if nothing proves it. An empty log begins where it ends."""
    if window.ends and not window.end:
        return 0
    low, own = bounds(window, run_id)
    start = None if before is None else _by_texts(window, before, low, own)
    if low == own:  # they begin after what names another run, and with what names this one at the latest
        return low if start is None or start == low or before is None or before.total is None else None
    alone = low == 0 and window.first == 0
    if before is None:
        return 0 if alone and _begins_with_handshake(window, own) else None
    if before.total == 0 and not before.tail:
        own_alone = before.exact or confirmed(window, run_id, 0) or _begins_with_handshake(window, own)
        return 0 if low == 0 and own_alone else None
    if start is None and alone and _absent(window, before, own):
        start = 0
    if start is None or not low <= start <= (window.end if own is None else own):
        return None
    return start if before.total is not None or confirmed(window, run_id, start) else None


def confirmed(window: Window, run_id: str, at: int) -> bool:
    """Whether the run names itself at the usual place, if its own entries begin there."""
    own = bounds(window, run_id)[1]
    return own is not None and own - at == HANDSHAKE


def end_of(window: Window, tail: Sequence[bytes], expected: int, *, exact: bool) -> int | None:
    """The index after the stored entries, searched first at the expected place and then everywhere.

    ``exact``: they cannot have moved.
    """
    if not tail:
        return None
    if _stands(window, tail, expected) and (exact or any(map(tells, tail))):
        return expected
    return _only(window, tail) or _only(window, tail[-1:])


def _by_texts(window: Window, before: Before, low: int, own: int | None) -> int | None:
    """The index after the parent's last entries, if they are there."""
    found = _counted(window, before, low, own)
    return _only(window, before.tail) if found is None else found


def _counted(window: Window, before: Before, low: int, own: int | None) -> int | None:
    """The index after as many entries as the parent counts, if they end with its last ones.

    A server that leaves ancestors out could show the same only if the run's own entries repeat the parent's, including
    their times. This is impossible if another run is named before, and unlikely if the run names itself at the usual
    place.
    """
    at = before.total
    if at is None or not before.exact or not _stands(window, before.tail, at):
        return None
    likely = any(map(tells, before.tail)) and (own is None or own - at >= HANDSHAKE)
    return at if low > 0 or likely else None


def _absent(window: Window, before: Before, own: int | None) -> bool:
    """Whether the log has no entries of ancestors: the window covers the place where they would be, and has none."""
    if before.total is None or not any(map(tells, before.tail)):
        return False
    reaches = window.ends or own is not None or before.total <= window.end
    return reaches and set(before.tail).isdisjoint(window.entries if own is None else window.entries[:own])


def _begins_with_handshake(window: Window, own: int | None) -> bool:
    """Whether the log begins in the way a run begins, so that nothing comes before its own entries."""
    if own is None or own > HANDSHAKE:
        return False
    hello = [at for at, text in enumerate(window.entries[:own]) if b'"initialize"' in text]
    return hello == [0]


def _stands(window: Window, tail: Sequence[bytes], at: int) -> bool:
    """Whether the entries before an index are these, as far as the window contains them."""
    length = min(len(tail), at - window.first)
    if length <= 0 or at > window.end:
        return False
    upto = at - window.first
    return list(window.entries[upto - length : upto]) == list(tail[len(tail) - length :])


def _only(window: Window, tail: Sequence[bytes]) -> int | None:
    """The only index that comes directly after these entries; some may be missing at the log's beginning."""
    if not tail:
        return None
    places = []
    for at, text in enumerate(window.entries, start=window.first + 1):
        whole = at - window.first >= len(tail) or window.first == 0
        if text == tail[-1] and whole and _stands(window, tail, at):
            length = min(len(tail), at - window.first)
            if any(map(tells, tail[len(tail) - length :])):
                places.append(at)
    return places[0] if len(places) == 1 else None
