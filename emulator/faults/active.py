"""The faults that are set now, and the table of all kinds. A new kind is one function and one line here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.faults import answers, bodies, frames, mid_request, sizes, wire
from taskhouse.emulator.faults.fault import App, Fault, FaultError
from taskhouse.emulator.mutations import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.clock import Clock

Kind = "Callable[[Fault, App, Scope, Receive, Send], Awaitable[None]]"

KINDS: Final[dict[str, Callable[[Fault, App, Scope, Receive, Send], Awaitable[None]]]] = {
    "status": answers.status,
    "429": answers.status,
    "500": answers.status,
    "502": answers.status,
    "503": answers.status,
    "not_json": answers.not_json,
    "reset": wire.reset,
    "stall": wire.stall,
    "delay": wire.delay,
    "cut_frame": wire.cut_frame,
    "cut_character": frames.framewise(frames.CutCharacter),
    "dribble": frames.framewise(frames.Dribble),
    "eof": frames.framewise(frames.Eof),
    "error_frame": frames.framewise(frames.ErrorFrame),
    "named_frame": frames.framewise(frames.NamedFrame),
    "duplicate_id": frames.framewise(frames.DuplicateId),
    "reordered_id": frames.framewise(frames.ReorderedId),
    "reused_id": frames.framewise(frames.ReusedId),
    "backlog": frames.backlog,
    "truncated": bodies.truncated,
    "missing_field": bodies.edited(bodies.missing_field),
    "mistyped_field": bodies.edited(bodies.mistyped_field),
    "raw_field": bodies.raw_field,
    "unknown_field": bodies.edited(bodies.unknown_field),
    "unknown_enum": bodies.edited(bodies.unknown_enum),
    "duplicate_row": bodies.edited(bodies.duplicate_row),
    "missing_row": bodies.edited(bodies.missing_row),
    "count_lies": bodies.paged(bodies.count_lies),
    "next_repeats": bodies.paged(bodies.next_repeats),
    "next_cycles": bodies.paged(bodies.next_cycles),
    "next_elsewhere": bodies.paged(bodies.next_elsewhere),
    "page_clamped": bodies.page_clamped,
    "header": bodies.header,
    "large": sizes.large,
    "gzip_bomb": sizes.gzip_bomb,
    "deep": sizes.deep,
    "viewer": mid_request.viewer,
    "mutate": mid_request.mutate,
}
ANSWERS: Final = frozenset({"status", "429", "500", "502", "503", "not_json"})
"""Kinds that never ask the application; a request that one of them answers spends no other fault."""


class Faults:
    """The list of active faults, in the order in which they were set; the first is the outermost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._active: list[Fault] = []

    def set(self, given: Any) -> None:
        """Add a fault or a list of them; an empty list clears all.

        Raises:
            FaultError: One of them is unreadable; then none is set.
        """
        wanted = given if isinstance(given, list) else [given]
        faults = [Fault.read(item, KINDS, self._clock) for item in wanted]
        for fault in faults:
            if fault.kind == "mutate" and fault.get("action", None) not in ACTIONS:
                raise FaultError(f"a mutation has an action, one of: {', '.join(sorted(ACTIONS))}")
        if not faults:
            self.clear()
        self._active += faults

    def clear(self) -> None:
        """Forget all faults."""
        self._active = []

    def shown(self) -> list[dict[str, Any]]:
        """The active faults as JSON."""
        self._active = [fault for fault in self._active if not fault.spent()]
        return [fault.shown() for fault in self._active]

    def around(self, endpoint: str, scope: Scope, app: App) -> App:
        """The application with every fault around it that hits this request."""
        if not self._active:
            return app
        hitting = []
        for fault in self._active:
            if fault.matches(endpoint, scope["path"]) and fault.hit():
                hitting.append(fault)
                if fault.kind in ANSWERS:
                    break
        for fault in reversed(hitting):
            app = partial(KINDS[fault.kind], fault, app)
        self._active = [fault for fault in self._active if not fault.spent()]
        return app


__all__ = ["ANSWERS", "KINDS", "Fault", "FaultError", "Faults"]
