"""Decide what may be missing where a stream was taken up again. Pure.

The server keeps the newest events of a stream and drops older ones, or all of them, without a word. So reading goes on
from the last event that was read, and not after it: if it comes once more, the seam is joined, and nothing is missing.
Where that was not asked for, a reader that was away sees nothing but a backlog as long as the stream may be. How long
that is depends on the server's version and is not told. A seam is *full* when what was there at the connection fills a
known window.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from taskhouse.plural import counted

TRIMMED = "as many as a stream keeps: earlier events may have been trimmed"

WINDOWS = (500, 2000, 5000, 20000)
"""Events that the streams of different servers keep; 500 only where they are numbered (API facts 5.4)."""

NUMBERED = 500

SHORT = 10
"""Entries that a full window may show less than it has: hidden end markers, and events that were too large to keep."""

OVER = 110
"""Entries that a full window may have more: Redis drops whole nodes of up to 100 (API facts 5.4)."""

LIFE_MS = 6 * 3_600_000
"""How long a stream lives that nobody writes to (API facts 5.4)."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How reading a run's stream began or went on.

    Attributes:
        project_id: The project.
        run_id: The run.
        first_place: The first event that came, counted from the run's first that is held.
        first_stream_id: Its id.
        after_place: The last event before it that is held; None where it is the first.
        after_stream_id: Its id.
        at_least: Events that are held, from the first that came on, and surely were there when the connection began.
        at_most: The same with those that may have come live: clocks are known to the second at best.
        last_place: The last of these.
        is_numbered: Whether the run's agent numbers its events.
        is_counted: Whether the agent's own numbers tell what is missing here.
        is_holed: Whether they tell that something is.
        is_joined: Whether the stream still held the last event that was read before; None if that is not known.
        is_first_state: Whether the first event that came is a run's first state.
        has_begun: Whether the run had gone beyond its first state before.
        has_ended: Whether the stream before was read to its end.
        unheard_ms: How long nobody had read the stream.
        rested_ms: How long the server wrote nothing that is held.
        is_announced: Whether the server itself announced that it had trimmed the stream here: then that is judged
            (``gaps/trims``), and nothing is left to suspect.
        is_gone: Whether the stream that held the last event was found gone before anything followed.
        has_states: Whether the stream was read where the run's states are, Django's endpoint: then the first event of a
            whole stream is the run's first state.
    """

    project_id: int
    run_id: str
    first_place: int
    first_stream_id: str
    after_place: int | None
    after_stream_id: str | None
    at_least: int | None
    at_most: int | None
    last_place: int | None
    is_numbered: bool
    is_counted: bool
    is_holed: bool
    is_joined: bool | None
    is_first_state: bool
    has_begun: bool
    has_ended: bool
    unheard_ms: int | None
    rested_ms: int | None
    is_announced: bool = False
    is_gone: bool = False
    has_states: bool = False


@dataclass(frozen=True, slots=True)
class Late:
    """An event that came over an open connection when a great many younger ones were written already.

    Attributes:
        project_id: The project.
        run_id: The run.
        after_stream_id: The id of the event before it.
        first_stream_id: Its own.
        waiting: How many events that are held were written by then, itself included.
        waiting_before: The same of the event before it.
    """

    project_id: int
    run_id: str
    after_stream_id: str
    first_stream_id: str
    waiting: int
    waiting_before: int


def fewest(windows: Collection[int] | None) -> dict[str, int]:
    """Events of a run below which no window can have been full: where its agent numbers them, and where not."""
    unnumbered = [window for window in WINDOWS if window != NUMBERED]
    return {
        "fewest": min(windows or WINDOWS) - SHORT,
        "fewest_unnumbered": min(windows or unnumbered) - SHORT,
    }


def suspected(seams: Iterable[Seam], windows: Collection[int] | None) -> list[tuple[Seam, str]]:
    """The seams at which something may be missing, each with the reason.

    Args:
        seams: Those of any number of runs, in the order of runs and places.
        windows: How much the server's streams keep, if that is known; None for what is known of all servers.
    """
    found: list[tuple[Seam, str]] = []
    for _, of_run in groupby(seams, lambda seam: (seam.project_id, seam.run_id)):
        found += _of_run(list(of_run), windows)
    return found


def overrun(late: Iterable[Late], seams: Collection[Seam], windows: Collection[int] | None) -> list[tuple[Late, str]]:
    """Where an open connection may have been overrun: as many events as a stream keeps stood behind one that came late.

    The event before it came in time. Reads that follow and are as late are the same place.
    """
    found: list[Late] = []
    for (project_id, run_id), of_run in groupby(late, lambda one: (one.project_id, one.run_id)):
        known = [seam for seam in seams if (seam.project_id, seam.run_id) == (project_id, run_id)]
        likely = _windows(known, windows)
        begun = False
        for one in of_run:
            full, was_full = (_full(count, count, likely) for count in (one.waiting, one.waiting_before))
            if full and not was_full and one.waiting_before < one.waiting:
                found.append(one)
                begun = True
            elif full and was_full and begun:
                found[-1] = replace(found[-1], first_stream_id=one.first_stream_id)
            else:
                begun = False
    return [(one, f"{counted(one.waiting, 'event')} came late, {TRIMMED}") for one in found]


def _full(least: int, most: int, windows: Collection[int]) -> bool:
    return any(window - SHORT <= most and least <= window + OVER for window in windows)


def _of_run(seams: list[Seam], windows: Collection[int] | None) -> list[tuple[Seam, str]]:
    """Backwards: what is missing later makes an earlier backlog look shorter than it was."""
    likely = _windows(seams, windows)
    found: list[tuple[Seam, str]] = []
    torn: list[int] = []
    for seam in reversed(seams):
        if seam.is_joined:
            continue
        if seam.is_announced:
            if seam.after_place is not None and not seam.is_counted:
                torn.append(seam.after_place)
            continue
        reason = _anew(seam)
        if not reason and not seam.is_first_state and not seam.is_counted:
            reason = _trimmed(seam, likely, torn)
        if reason:
            found.append((seam, reason))
            torn += [seam.after_place] if seam.after_place is not None else []
    return found[::-1]


def _windows(seams: Collection[Seam], given: Collection[int] | None) -> Collection[int]:
    """The windows that the run's stream may have; none of the known ones is left where it kept more than all of them.

    A stream that was seen to keep more than a window does not have that window.
    """
    if given is not None:
        return given
    kept = max((seam.at_least or 0 for seam in seams), default=0)
    numbered = any(seam.is_numbered for seam in seams)
    return [window for window in WINDOWS if kept <= window + OVER and (numbered or window != NUMBERED)]


def _anew(seam: Seam) -> str:
    """Why what stood in the stream before it began anew may be missing; "" if nothing is.

    Numbers decide nothing here: what only a stream carries, the run's states among it, has none.
    """
    if seam.after_place is None or (seam.has_ended and (seam.is_first_state or seam.is_joined is not False)):
        return ""
    if seam.is_first_state and seam.has_begun:
        return "the stream started over before its end was read: what it contained until then is not known"
    if min(seam.unheard_ms or 0, seam.rested_ms or 0) >= LIFE_MS:
        return "the stream was not read for longer than the server keeps an idle one: what it contained is not known"
    if (seam.is_joined is False or seam.is_gone) and not seam.is_holed:
        return "the stream no longer contained the last event that was read: what came in between is not known"
    return ""


def _trimmed(seam: Seam, windows: Collection[int], torn: Collection[int]) -> str:
    """Why the server may have dropped events before the first one that came; "" if it has not."""
    least, most = seam.at_least or 0, seam.at_most or 0
    full = _full(least, most, windows)
    beyond = not windows and most >= max(WINDOWS)
    if full or beyond:
        count = "" if least == most else f"{max(least, 1):,} to "  # clocks tell the second at best
        count += counted(most, "event was", "events were")
        return f"{count} waiting, {TRIMMED}"
    last = seam.last_place or seam.first_place
    has_no_beginning = (
        seam.after_place is None and seam.has_states
    )  # a killed reader may have left the rest of a window
    if any(seam.first_place <= place < last + has_no_beginning for place in torn):
        return "events that were waiting are missing too: earlier events may have been trimmed"
    return ""
