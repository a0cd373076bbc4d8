"""An agent that keeps to what the API promises of events, and to nothing else: no play, only what may come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator import odd
from taskhouse.emulator.script.event_writer import Pen, flushed, pieces_of
from taskhouse.emulator.script.step import Act, Part, RunSpec, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_COUNTS: Final = (0, 1, 2, 5, 12, 12, 25, 25, 60)
_MANY: Final = 260
_MANY_ONE_IN: Final = 40
_KINDS: Final = (
    "agent_thought_chunk",
    "tool_call",
    "tool_call_update",
    "plan",
    "usage_update",
    "user_message",
    "an_update_of_tomorrow",
    "",
)
_METHODS: Final = (
    "_posthog/console",
    "__posthog/something_new",
    "_posthog/usage_update",
    "_posthog/turn_complete",
    "session/prompt",
    "a method of tomorrow",
)
_STAMP: Final = re.compile(r'"timestamp": ?"([^"]*)", ?')
_LONE: Final = re.compile("[\ud800-\udfff]")
"""What no UTF-8 has; a log holds it as an escape."""
_EPOCH_MS: Final = 1_790_000_000_000


class _OddPen(Pen):
    """Writes as any agent might: boots of any text."""

    def _boot_name(self, session_id: str) -> str:
        name = self._rng.choice(odd.BOOTS)
        return f"{name}{self._boots}" if self._rng.randrange(2) else f"{session_id[-3:]}{self._boots}-{name}"


def improvise(spec: RunSpec, rng: Random) -> Iterator[Step]:
    """Yield the run's steps in time order; the same ``spec`` and seed give the same ones.

    Some agents give no event ids, some no times or odd ones; some runs never start, and some never end.
    """
    session_id = f"sess_{rng.getrandbits(40):010x}"
    pen = _OddPen(spec, rng, session_id)
    late_s = rng.choice((0.0, 0.0, 3.0, 250.0))
    stamped = rng.choice(("as_usual", "as_usual", "oddly", "never"))
    loses = rng.random() * rng.choice((0, 0, 0.3))
    fate = rng.choice(("ends", "ends", "ends", "goes on", "never starts"))
    for step in flushed(_steps(spec, rng, pen, fate), late_s):
        log = (
            None if rng.random() < loses else step.log and _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", step.log)
        )
        made = step._replace(log=log)
        yield made if stamped == "as_usual" else _stamped(made, rng, never=stamped == "never")


def _stamped(step: Step, rng: Random, *, never: bool) -> Step:
    time = "" if never else odd.moment(rng, _EPOCH_MS + rng.randrange(10**9))
    live = step.live and _STAMP.sub("" if never else f'"timestamp": "{time}", ', step.live, count=1)
    log = step.log and _STAMP.sub("" if never else f'"timestamp":"{time}",', step.log, count=1)
    return step._replace(live=live, log=log)


def _steps(spec: RunSpec, rng: Random, pen: Pen, fate: str) -> Iterator[Step]:
    yield pen.step(Part(0.0, "state", body={"status": "queued"}), 0.0)
    if fate == "never starts":
        return
    count = _MANY if rng.randrange(_MANY_ONE_IN) == 0 else rng.choice(_COUNTS)
    start_s = min(2.0, spec.duration_s / 4)
    yield pen.step(Part(0.0, "state", body={"status": "in_progress", "branch": rng.choice((None, "fix/x"))}), start_s)
    yield from pen.perform(_introduction(spec, rng), start_s, 1.0)
    at_s, slot_s = start_s, (spec.duration_s * 0.9 - start_s) / (count + 1)
    for _ in range(count):
        at_s += slot_s * rng.choice((0, 0, 1, 1, 1))
        if rng.random() < 0.02:  # noqa: PLR2004
            pen.reboot()
        yield from pen.perform([_part(rng)], at_s, 0.0)
    if pen.in_message:
        yield pen.end_message(at_s)
    if fate == "ends":
        change = {"status": spec.outcome, "output": odd.output(rng)}
        yield pen.step(Part(0.0, "state", body=change), spec.duration_s)


def _introduction(spec: RunSpec, rng: Random) -> Act:
    """Most agents say which run it is; that marks where a resumed run's own entries begin."""
    if rng.random() < 0.2:  # noqa: PLR2004
        return []
    params = {"sessionId": "s", "runId": spec.run_id, "taskId": spec.task_id, "agentVersion": "2.43.1"}
    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": 1}}
    return [
        *([Part(0.0, "log", body=opening)] * rng.randrange(3)),
        Part(0.0, "both", "_posthog/run_started", params),
        Part(0.0, "both", "_posthog/sdk_session", {"taskRunId": spec.run_id, "sessionId": "s"}),
    ]


def _part(rng: Random) -> Part:
    dice = rng.random()
    if dice < 0.35:  # noqa: PLR2004
        where: Any = rng.choice(("chunks", "chunks", "thoughts"))
        return Part(0.0, where, pieces=pieces_of(odd.said(rng) for _ in range(rng.choice((1, 1, 3)))))
    if dice < 0.6:  # noqa: PLR2004
        update: dict[str, Any] = {"sessionUpdate": rng.choice(_KINDS), rng.choice(("content", "rawOutput")): _any(rng)}
        if rng.random() < 0.5:  # noqa: PLR2004
            update |= {
                "toolCallId": f"toolu_{rng.randrange(4)}",
                "status": rng.choice(("pending", "completed", "odd", 7)),
            }
        return Part(0.0, rng.choice(("both", "both", "live")), "session/update", {"sessionId": "s", "update": update})
    if dice < 0.85:  # noqa: PLR2004
        params = {"sessionId": "s", "message": odd.said(rng), rng.choice(("used", "cost", "any")): _any(rng)}
        numbered = rng.random() < 0.9  # noqa: PLR2004
        return Part(0.0, rng.choice(("both", "live")), rng.choice(_METHODS), params, numbered=numbered)
    if dice < 0.9:  # noqa: PLR2004
        return Part(0.0, "log", body={"jsonrpc": "2.0", "id": rng.randrange(9), "result": _any(rng)})
    if dice < 0.93:  # noqa: PLR2004
        return Part(0.0, "state", body={"stage": odd.stored(rng)[:100], "output": odd.output(rng)})
    return Part(0.0, "frame", body=_frame(rng))


def _frame(rng: Random) -> dict[str, Any]:
    frames: tuple[dict[str, Any], ...] = (
        {},
        {"error": "Stream not available"},
        {"type": rng.choice(("keepalive", "rotated", "connected", "of_tomorrow", 7)), "value": _any(rng)},
        {"type": "permission_request", "requestId": "r", "toolCall": {"toolCallId": "toolu_1"}, "options": []},
        {"type": "credential_request", "requestId": "r", "credential": "github", "expiresAt": None},
        {"type": "pi_event", "event": {"type": "assistant_message_chunk", "text": odd.said(rng)}},
        {"type": "notification", "notification": {"method": None}},
        {"type": "notification", "value": float("inf")},
    )
    return rng.choice(frames)


def _any(rng: Random) -> Any:
    return odd.value(rng) if rng.randrange(2) else {"text": odd.said(rng)}
