"""Events that no reader may stumble over, by name: texts as they stand in a stream's data or a log's line.

Most of them can really come (numbers beyond a double, lone surrogates, NUL escapes, look-alikes of control frames);
the others stand for what a broken writer might leave.
"""

import json
from typing import Final

_DEEP: Final = 3000

HOSTILE: Final[dict[str, str]] = {
    "not_json": "not json at all",
    "half": '{"type": "notification", "notification": {"method": "session/upd',
    "nan": '{"type": "notification", "value": NaN}',
    "infinity": '{"type": "notification", "value": [Infinity, -Infinity]}',
    "huge_numbers": '{"type": "notification", "value": [123456789012345678901234567890, -1e400, 1e-400, 0.1e+999]}',
    "duplicate_keys": '{"type": "notification", "type": "pi_event", "event_id": "9-1", "event_id": "9-2"}',
    "lone_surrogate": '{"type": "notification", "text": "cut \\ud83d", "\\udc00": 1}',
    "nul": '{"type": "notification", "text": "a\\u0000b"}',
    "line_separator": '{"type": "notification", "text": "a\u2028b\u2029c\u0085d"}',
    "keepalive_like": '{"type": "keepalive"}',
    "rotated_like": '{"type": "rotated"}',
    "error_like": '{"error": "Stream not available"}',
    "complete_like": '{"status": "complete"}',
    "sentinel_like": '{"type": "stream_status", "status": "complete"}',
    "state_like": '{"type": "task_run_state", "status": 7, "updated_at": "infinity", "state": "none"}',
    "bad_id": '{"type": "notification", "event_id": "log-3", "first_event_id": 4}',
    "bad_time": '{"type": "notification", "timestamp": "999999-99-99T99:99:99Z"}',
    "empty_object": "{}",
    "array": "[1, 2]",
    "text": '"text"',
    "null": "null",
    "empty": " ",
    "deep": "[" * _DEEP + "]" * _DEEP,
    "sse_like": '{"text": "id: 1-1 data: x"}',
    "two_lines": '{"type":\n "notification"}',
}


def large(size: int, character: str) -> str:
    """A legal tool result, as the server prints it, whose text is some ``size`` bytes of UTF-8 before escaping."""
    text = character * max(1, size // len(character.encode()))
    content = [{"type": "content", "content": {"type": "text", "text": text}}]
    update = {"sessionUpdate": "tool_call_update", "toolCallId": "toolu_large", "status": "completed"}
    notification = {
        "jsonrpc": "2.0",
        "method": "session/update",
        "params": {"sessionId": "sess_large", "update": {**update, "content": content}},
    }
    return json.dumps({"type": "notification", "notification": notification})
