"""Decide what may be missing at a *seam*, where the reading of a stream was interrupted and continued. Pure.

The server keeps the newest events of a stream and silently drops older ones, or all of them. So reading continues from
the last event that was read, not after it: if it comes again, the seam is joined and nothing is missing. If it was not
requested, a reader that was away only sees a backlog as long as the stream can be. That length depends on the server's
version, and the server does not report it. A seam is *full* if the events that were waiting fill a known window.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from taskhouse.plural import counted

TRIMMED = "as many as a stream keeps: earlier events may have been trimmed"

WINDOWS = (500, 2000, 5000, 20000)
"""Events that the streams of different servers keep; 500 only where they are numbered (API facts 5.4)."""

NUMBERED = 500

SHORT = 10
"""How many entries fewer a full window may show: end markers are hidden, and some events are too large to store."""

OVER = 110
"""How many entries more a full window may have: Redis drops whole nodes of up to 100 (API facts 5.4)."""

LIFE_MS = 6 * 3_600_000
"""How long the server keeps a stream after the last write (API facts 5.4)."""


class Cause(NamedTuple):
    """Why something may be missing.

    Attributes:
        kind: The code that ``ledger.gaps`` stores.
        how: The same for people, as a sentence.
    """

    kind: str
    how: str


@dataclass(frozen=True, slots=True)
class Seam:
    """How the reading of a run's stream began or continued.

    Attributes:
        project_id: The project.
        run_id: The run.
        first_place: The first event that came, counted from the run's first stored event.
        first_stream_id: Its id.
        after_place: The last stored event before it; None if it is the first.
        after_stream_id: Its id.
        at_least: Stored events, from the first that came on, that were certainly waiting when the connection began.
        at_most: The same including those that may have come live, because clocks are exact to the second at best.
        last_place: The last of these.
        is_numbered: Whether the run's agent numbers its events.
        is_counted: Whether the agent's own numbers show what is missing here.
        is_holed: Whether they show that something is missing.
        is_joined: Whether the stream still contained the last event that was read before; None if that is not known.
        is_first_state: Whether the first event that came is a run's first state.
        has_begun: Whether the run was already beyond its first state.
        has_ended: Whether the previous stream was read to its end.
        unheard_ms: How long the stream was not read.
        rested_ms: How long the server wrote nothing that is stored.
        is_announced: Whether the server announced a trim here, which is handled by ``gaps_streams/find_trimmed``.
        is_gone: Whether the stream that contained the last event had expired before anything followed.
        has_states: Whether the stream was read from Django's endpoint, which has the run's states. Then the first event
            of a whole stream is the run's first state.
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
    """An event that came over an open connection after many later ones had been written.

    Attributes:
        project_id: The project.
        run_id: The run.
        after_stream_id: The id of the event before it.
        first_stream_id: Its own.
        waiting: How many stored events had been written by then, including itself.
        waiting_before: The same for the event before it.
    """

    project_id: int
    run_id: str
    after_stream_id: str
    first_stream_id: str
    waiting: int
    waiting_before: int


def fewest(windows: Collection[int] | None) -> dict[str, int]:
    """How many events a run must have for a window to be full: if its agent numbers them, and if not."""
    unnumbered = [window for window in WINDOWS if window != NUMBERED]
    return {
        "fewest": min(windows or WINDOWS) - SHORT,
        "fewest_unnumbered": min(windows or unnumbered) - SHORT,
    }


def suspected(seams: Iterable[Seam], windows: Collection[int] | None) -> list[tuple[Seam, Cause]]:
    """The seams at which something may be missing, each with the cause.

    Args:
        seams: The seams of any number of runs, in the order of runs and places.
        windows: How much the server's streams keep, if that is known; None for the windows of all known servers.
    """
    found: list[tuple[Seam, Cause]] = []
    for _, of_run in groupby(seams, lambda seam: (seam.project_id, seam.run_id)):
        found += _of_run(list(of_run), windows)
    return found


def overrun(late: Iterable[Late], seams: Collection[Seam], windows: Collection[int] | None) -> list[tuple[Late, Cause]]:
    """Where an open connection may have been overrun: when an event came late, as many as a stream keeps were waiting.

    The event before it came in time. Later reads that are as late belong to the same place.
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
    return [(one, Cause("overrun", f"{counted(one.waiting, 'event')} came late, {TRIMMED}")) for one in found]


def _full(least: int, most: int, windows: Collection[int]) -> bool:
    return any(window - SHORT <= most and least <= window + OVER for window in windows)


def _of_run(seams: list[Seam], windows: Collection[int] | None) -> list[tuple[Seam, Cause]]:
    """Backwards: what is missing later makes an earlier backlog look shorter than it was."""
    likely = _windows(seams, windows)
    found: list[tuple[Seam, Cause]] = []
    torn: list[int] = []
    for seam in reversed(seams):
        if seam.is_joined:
            continue
        if seam.is_announced:
            if seam.after_place is not None and not seam.is_counted:
                torn.append(seam.after_place)
            continue
        cause = _end_lost(seam)
        if not cause and not seam.is_first_state and not seam.is_counted:
            cause = _trimmed(seam, likely, torn)
        if cause:
            found.append((seam, cause))
            torn += [seam.after_place] if seam.after_place is not None else []
    return found[::-1]


def _windows(seams: Collection[Seam], given: Collection[int] | None) -> Collection[int]:
    """The windows that the run's stream may have; empty if it kept more than all known windows.

    A stream that kept more events than a window does not have that window.
    """
    if given is not None:
        return given
    longest = max((seam.at_least or 0 for seam in seams), default=0)
    numbered = any(seam.is_numbered for seam in seams)
    return [window for window in WINDOWS if longest <= window + OVER and (numbered or window != NUMBERED)]


def _end_lost(seam: Seam) -> Cause | None:
    """Why the end of the previous stream may be missing; None if nothing is.

    Numbers decide nothing here, because what only a stream carries, such as the run's states, has none.
    """
    if seam.after_place is None or (seam.has_ended and (seam.is_first_state or seam.is_joined is not False)):
        return None
    if seam.is_first_state and seam.has_begun:
        how = "the stream started over before its end was read: what it contained until then is not known"
        return Cause("stream_restarted", how)
    if min(seam.unheard_ms or 0, seam.rested_ms or 0) >= LIFE_MS:
        how = "the stream was not read for longer than the server keeps an idle one: what it contained is not known"
        return Cause("read_too_late", how)
    if (seam.is_joined is False or seam.is_gone) and not seam.is_holed:
        how = "the stream no longer contained the last event that was read: what came in between is not known"
        return Cause("last_event_gone", how)
    return None


def _trimmed(seam: Seam, windows: Collection[int], torn: Collection[int]) -> Cause | None:
    """Why the server may have dropped events before the first one that came; None if it cannot have."""
    least, most = seam.at_least or 0, seam.at_most or 0
    full = _full(least, most, windows)
    beyond = not windows and most >= max(WINDOWS)
    if full or beyond:
        count = "" if least == most else f"{max(least, 1):,} to "  # clocks tell the second at best
        count += counted(most, "event was", "events were")
        return Cause("trim_suspected", f"{count} waiting, {TRIMMED}")
    last = seam.last_place or seam.first_place
    has_no_beginning = (
        seam.after_place is None and seam.has_states
    )  # a killed reader may have left the rest of a window
    if any(seam.first_place <= place < last + has_no_beginning for place in torn):
        how = "events that were waiting are missing too: earlier events may have been trimmed"
        return Cause("trim_suspected", how)
    return None
