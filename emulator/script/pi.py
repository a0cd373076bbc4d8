"""Runs of the pi runtime: top-level `pi_event` objects, the same on the stream and in the log, chunks included."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from taskhouse.emulator.script.event_writer import Pen
from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.script.step import Act, Json, Part, Step

_live = json.JSONEncoder().encode
_log = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_BURST_KINDS: Final = {"chunks": "assistant_message_chunk", "thoughts": "assistant_thought_chunk"}


class PiPen(Pen):
    """Writes the agent's parts as pi events; the orchestrator's are as on any other run."""

    def perform(self, act: Iterable[Part], start_s: float, pace: float) -> Iterator[Step]:
        """Write an act from ``start_s`` on; ``pace`` scales the natural gaps."""
        at_s = start_s
        for part in act:
            if part.pieces is not None:
                step_s = part.gap_s * pace / max(len(part.pieces), 1)
                for raw, _ in part.pieces:
                    at_s += step_s
                    content = {"type": "text", "text": raw}
                    yield self._pi({"type": _BURST_KINDS[part.where], "content": content}, at_s)
                continue
            at_s += part.gap_s * pace
            yield self._pi(part.body or {}, at_s) if part.where == "pi" else self.step(part, at_s)

    def _pi(self, body: Json, at_s: float) -> Step:
        ms = self.stamp_ms(at_s)
        if not body:
            entry: Json = {"type": "pi_run_started", "timestamp": self.iso(ms)}
            return Step(at_s, _live(entry), _log(entry), at_s, None)
        if body["type"] == "pi_extension_event":
            entry = {"type": body["type"], "timestamp": self.iso(ms), "event": {"name": body["name"]}}
            return Step(at_s, None, _log(entry), at_s, None)
        name = f"pi_{self.next_number()}"
        kind = body["type"]
        event = {"type": kind, "timestamp": ms, **body, "sourceId": name}
        entry = {"id": name, "type": "pi_event", "timestamp": self.iso(ms), "event": event}
        return Step(at_s, _live(entry), _log(entry), at_s, None)


def pi_tool_call(scene: Scene) -> Act:
    """A call: started, running, updated with what came out."""
    rng = scene.rng
    call = scene.tool_call_id()
    kind, title = rng.choice((("execute", "bash"), ("read", "read"), ("edit", "edit"), ("search", "grep")))
    started = {"id": call, "title": title, "kind": kind, "status": "pending", "rawInput": {"path": "src/a.ts"}}
    failed = rng.random() < 0.09  # noqa: PLR2004
    output = [{"type": "text", "text": scene.output()}]
    ended = {"id": call, "status": "failed" if failed else "completed", "rawOutput": output}
    return [
        Part(rng.uniform(0.1, 1.5), "pi", body={"type": "tool_call_started", "toolCall": started}),
        Part(0.1, "pi", body={"type": "tool_call_updated", "toolCall": {"id": call, "status": "in_progress"}}),
        Part(rng.expovariate(1 / 4) + 0.1, "pi", body={"type": "tool_call_updated", "toolCall": ended}),
    ]


def pi_opening() -> Act:
    """The agent is up."""
    return [Part(0.5, "pi")]


def pi_prompt(scene: Scene, text: str) -> Act:
    """The user speaks."""
    content = [{"type": "text", "text": text}]
    return [Part(0.1, "pi", body={"type": "user_message", "id": scene.uuid(), "content": content})]


def pi_turn_end(scene: Scene, stop_reason: str) -> Act:
    """The turn settles."""
    total = scene.rng.randint(4000, 400_000)
    scene.tokens["input_tokens"] += total
    body = {"type": "turn_completed", "stopReason": stop_reason, "totalTokens": total}
    act = [Part(0.05, "pi", body=body)]
    if scene.spec.october:
        act.append(Part(0.01, "pi", body={"type": "pi_extension_event", "name": "todo"}))
    return act
