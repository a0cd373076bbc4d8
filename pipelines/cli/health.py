"""The state of each resource, and the exit code that reports it to a monitor. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from taskhouse.pipelines.cli.exits import Exit

Record = Mapping[str, Any]

COMPLETE, INCOMPLETE, RUNNING, KILLED, NEVER = "complete", "incomplete", "running", "killed", "never"
AHEAD = "ahead"
GONE = "its process has ended; the next `taskhouse sync` continues from there"
TO_COME = (
    "its last sync has a time in the future, so every sync is refused until then;"
    " if this machine's clock is right, `taskhouse restore --clock` moves that time back"
)
TOLERANCE_S = 60.0
"""A time that is further in the future than this shows that a clock was wrong."""

UNSYNCED = "it was never synced; run `taskhouse sync`"

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class State:
    """A resource of a project.

    Attributes:
        project_id: The project.
        resource: As in ``ledger.passes``.
        state: ``complete``, ``incomplete``, ``running``, ``killed``, ``ahead`` or ``never``.
        reason: Why, in words.
        stale: Whether the last complete pass is older than was asked for.
        last: The row of its last pass; empty if there was none.
    """

    project_id: int
    resource: str
    state: str
    reason: str
    stale: bool
    last: Record

    @property
    def code(self) -> Exit:
        """What the shell is told of it alone."""
        if self.state == NEVER:
            return Exit.MISSING
        proved = self.state == COMPLETE or (self.state == RUNNING and self.last["complete_age_s"] is not None)
        if not proved:
            return Exit.UNPROVEN
        return Exit.STALE if self.stale else Exit.COMPLETE


def states(
    passes: Iterable[Record],
    wanted: Iterable[tuple[int, str]],
    *,
    alive: Callable[[int, str], bool],
    max_age_s: float | None,
) -> list[State]:
    """The state of each requested resource, in the order of the request.

    Args:
        passes: The last pass of every resource and project.
        wanted: Project and resource.
        alive: Whether a process holds the resource of a project just now.
        max_age_s: How old the last complete pass may be; None for any age.
    """
    known = {(row["project_id"], row["resource"]): row for row in passes}
    return [_state(*each, known.get(each), alive, max_age_s) for each in wanted]


def _state(
    project_id: int, resource: str, last: Record | None, alive: Callable[[int, str], bool], max_age_s: float | None
) -> State:
    if last is None:
        return State(project_id, resource, NEVER, UNSYNCED, max_age_s is not None, {})
    age_s = last["complete_age_s"]
    stale = max_age_s is not None and (age_s is None or age_s > max_age_s)
    if min(last["age_s"] or 0.0, age_s or 0.0) < -TOLERANCE_S:
        return State(project_id, resource, AHEAD, TO_COME, stale, last)
    if last["verdict"] != RUNNING:
        return State(project_id, resource, last["verdict"], last["reason"] or "", stale, last)
    going = alive(project_id, resource)
    return State(project_id, resource, RUNNING if going else KILLED, "" if going else GONE, stale, last)


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy that readers see.

    Attributes:
        age_s: How old it is; None if there is none.
        behind: How many commits it does not hold; None if that is not known.
        method: Whether it is a ``clone`` or a ``copy``; None if there is none.
        seconds: How long it took to make it.
        waits_s: How long the first sync that it does not hold has ended; None if it holds all, or if that is not known.
        late: Whether that is longer than publications take in normal operation.
    """

    age_s: float | None
    behind: int | None
    method: str | None
    seconds: float | None
    waits_s: float | None
    late: bool

    @property
    def code(self) -> Exit:
        """What the shell is told of it alone."""
        if not self.late:
            return Exit.COMPLETE
        return Exit.MISSING if self.age_s is None else Exit.STALE


def worst(found: Iterable[State | Copy]) -> Exit:
    """The exit code for all of them: missing data outweighs a missing proof, and a missing proof outweighs age."""
    codes = {state.code for state in found}
    return next((code for code in (Exit.MISSING, Exit.UNPROVEN, Exit.STALE) if code in codes), Exit.COMPLETE)


def seconds(text: str) -> float:
    """An age such as ``90s``, ``15m``, ``6h`` or ``2d``.

    Raises:
        ValueError: It is none.
    """
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _SECONDS[found[2]]
