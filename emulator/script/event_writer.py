"""Turns parts into steps: times, event ids, the two JSON dialects and the log's coalesced text."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring, encode_basestring_ascii
from random import Random
from typing import Any, Final

from taskhouse.emulator.script.step import Json, Part, Piece, RunSpec, Step

_live = json.JSONEncoder().encode
_log = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_DEBOUNCE_S: Final = 0.5
_MAX_HOLD_S: Final = 5.0


def pieces_of(words: Iterable[str]) -> list[Piece]:
    """Pair each text with its JSON form, made once."""
    return [(text, encode_basestring_ascii(text)) for text in words]


class Pen:
    """Writes one run. It holds the run's row, the agent's numbering and the message that is being coalesced."""

    def __init__(self, spec: RunSpec, rng: Random, session_id: str) -> None:
        self._spec = spec
        self._rng = rng
        self._start_us = round(spec.started_at.timestamp() * 1_000_000)
        self._lag_ms = rng.randint(2, 30)
        self._append_ms = rng.randint(1, 6)
        self._boots = spec.first_boot
        self._boot = self._boot_name(session_id)
        self._session_id = session_id
        self._seq = 0
        self._second = -1
        self._prefix = ""
        self._message: list[str] = []
        self._first = ("", "")
        self._row: Json = {
            "status": "queued",
            "stage": None,
            "output": None,
            "branch": None,
            "error_message": None,
            "updated_at": "",
            "completed_at": None,
        }
        session = encode_basestring_ascii(session_id)
        self._chunk = {
            kind: (
                '", "notification": {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": '
                f'{session}, "update": {{"sessionUpdate": "{kind}", "content": {{"type": "text", "text": '
            )
            for kind in ("agent_message_chunk", "agent_thought_chunk")
        }
        self._log_chunk = {
            kind: (
                '","notification":{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":'
                f'{session},"update":{{"sessionUpdate":"{kind}","content":{{"type":"text","text":'
            )
            for kind in ("agent_message", "agent_thought_chunk")
        }

    def reboot(self) -> None:
        """The agent starts again: the next event is number 1 of a new boot."""
        self._boots += 1
        self._boot = self._boot_name(self._session_id)
        self._seq = 0

    def _boot_name(self, session_id: str) -> str:
        """What the agent calls its present boot: a number, or since October 2026 any text, dashes included."""
        if not self._spec.october:
            return str(self._boots)
        return f"k{session_id[-4:]}{self._boots}" if self._boots % 2 else f"boot-{session_id[-2:]}-{self._boots}"

    def perform(self, act: Iterable[Part], start_s: float, pace: float) -> Iterator[Step]:
        """Write an act from ``start_s`` on; ``pace`` scales the natural gaps."""
        at_s = start_s
        for part in act:
            if part.pieces is not None:
                yield from self._burst(part, at_s, pace)
                at_s += part.gap_s * pace
                continue
            at_s += part.gap_s * pace
            if part.where in {"both", "log", "live"} and part.numbered and self._message:
                yield self.end_message(at_s)
            yield self.step(part, at_s)

    def end_message(self, at_s: float) -> Step:
        """The log line of the message so far: the chunks' text, the first one's time, the range of their ids."""
        first_id, first_time = self._first
        text = encode_basestring("".join(self._message))
        self._message = []
        line = (
            f'{{"type":"notification","timestamp":"{first_time}{self._log_chunk["agent_message"]}{text}}}}}}}}}'
            f',"first_event_id":"{first_id}","event_id":"{self._boot}-{self._seq}"}}'
        )
        return Step(at_s, None, line, at_s, None)

    @property
    def in_message(self) -> bool:
        """Whether chunks wait to be coalesced."""
        return bool(self._message)

    def _burst(self, part: Part, at_s: float, pace: float) -> Iterator[Step]:
        pieces = part.pieces or []
        step_s = part.gap_s * pace / max(len(pieces), 1)
        boot, lag_ms, message = self._boot, self._lag_ms, self._message
        if part.where == "thoughts":
            if message:
                yield self.end_message(at_s)
            yield from self._thoughts(pieces, at_s, step_s)
            return
        middle = self._chunk["agent_message_chunk"]
        if pieces and not message:
            first_ms = self._start_us // 1000 + int((at_s + step_s) * 1000) - lag_ms
            self._first = (f"{boot}-{self._seq + 1}", self.iso(first_ms))
        for raw, escaped in pieces:
            at_s += step_s
            self._seq += 1
            time = self.iso(self._start_us // 1000 + int(at_s * 1000) - lag_ms)
            live = (
                f'{{"type": "notification", "timestamp": "{time}{middle}{escaped}}}}}}}}}'
                f', "event_id": "{boot}-{self._seq}"}}'
            )
            message.append(raw)
            yield Step(at_s, live, None, at_s, None)

    def _thoughts(self, pieces: list[Piece], at_s: float, step_s: float) -> Iterator[Step]:
        middle = self._chunk["agent_thought_chunk"]
        log_middle = self._log_chunk["agent_thought_chunk"]
        for raw, escaped in pieces:
            at_s += step_s
            self._seq += 1
            ms = self._start_us // 1000 + int(at_s * 1000) - self._lag_ms
            number = f'"{self._boot}-{self._seq}"'
            live = (
                f'{{"type": "notification", "timestamp": "{self.iso(ms)}{middle}{escaped}}}}}}}}}'
                f', "event_id": {number}}}'
            )
            log = None
            if raw:
                time = self.iso(ms + self._append_ms)
                log = (
                    f'{{"type":"notification","timestamp":"{time}{log_middle}{encode_basestring(raw)}}}}}}}}}'
                    f',"event_id":{number}}}'
                )
            yield Step(at_s, live, log, at_s, None)

    def stamp_ms(self, at_s: float) -> int:
        """The agent's time of an event that reaches the server at ``at_s``, in milliseconds since the epoch."""
        return self._start_us // 1000 + int(at_s * 1000) - self._lag_ms

    def next_number(self) -> str:
        """The agent's next event id."""
        self._seq += 1
        return f"{self._boot}-{self._seq}"

    def step(self, part: Part, at_s: float) -> Step:
        """Write one part that is no burst."""
        if part.where == "state":
            return self._state(part.body or {}, at_s)
        if part.where == "row":  # best effort: nobody is told
            body = {**(part.body or {}), "updated_at": self._precise(at_s)}
            self._row["updated_at"] = body["updated_at"]
            return Step(at_s, None, None, at_s, body)
        ms = self._start_us // 1000 + int(at_s * 1000) - self._lag_ms
        if part.where == "frame":
            return Step(at_s, _live(part.body), None, at_s, None)
        number = None
        if part.where == "log":
            notification: Any = part.body
        else:
            notification = {"jsonrpc": "2.0", "method": part.method, "params": part.body}
            if part.numbered:
                self._seq += 1
                number = f"{self._boot}-{self._seq}"
        live = self._event(_live, notification, self.iso(ms), number) if part.where != "log" else None
        log = None
        if part.where != "live":
            log = self._event(_log, notification, self.iso(ms + self._append_ms), number)
        return Step(at_s, live, log, at_s, None)

    @staticmethod
    def _event(encode: Any, notification: Any, time: str, number: str | None) -> str:
        event = {"type": "notification", "timestamp": time, "notification": notification}
        if number is not None:
            event["event_id"] = number
        return str(encode(event))

    def _state(self, change: Json, at_s: float) -> Step:
        row = self._row
        row.update(change)
        row["updated_at"] = self._precise(at_s)
        changed = {**change, "updated_at": row["updated_at"]}
        if row["status"] in {"completed", "failed", "cancelled"} and row["completed_at"] is None:
            row["completed_at"] = changed["completed_at"] = self._precise(at_s)
        frame = {"type": "task_run_state", "run_id": self._spec.run_id, "task_id": self._spec.task_id, **row}
        return Step(at_s, _live(frame), None, at_s, changed)

    def _precise(self, at_s: float) -> str:
        moment = self._spec.started_at + timedelta(seconds=at_s)
        return moment.isoformat(timespec="microseconds")

    def iso(self, ms: int) -> str:
        """ISO 8601 in UTC with milliseconds; made from the last second's text while it lasts."""
        second, rest = divmod(ms, 1000)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{rest:03d}Z"


def flushed(steps: Iterable[Step], late_s: float) -> Iterator[Step]:
    """Give each log line the time of its flush; the run's last flush comes ``late_s`` later."""
    held: list[Step] = []
    first_s = newest_s = 0.0
    for step in steps:
        if held:
            due_s = min(newest_s + _DEBOUNCE_S, first_s + _MAX_HOLD_S)
            if step.at_s >= due_s:
                yield from _release(held, due_s)
                held = []
        if step.log is not None:
            newest_s = step.at_s
            if not held:
                first_s = newest_s
            held.append(step)
        elif held:
            held.append(step)
        else:
            yield step
    yield from _release(held, min(newest_s + _DEBOUNCE_S, first_s + _MAX_HOLD_S) + late_s)


def _release(held: list[Step], due_s: float) -> Iterator[Step]:
    for step in held:
        yield step if step.log is None else step._replace(log_at_s=due_s)
