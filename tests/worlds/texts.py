"""Made-up texts, ids, times and events: everything that the API allows, drawn from a seed."""

from __future__ import annotations

import json
import string
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

WORDS = "ferry drift quorum shard latch anchor señal naïveté łódź 你好 שלום это 🧪 𐍈 Gänse line\u2028sep".split(" ")
ODD = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\\u0000",
    "[text 7 0123456789abcdef]",
    "[text 9223372036854775807 0123456789abcdef]",
    "[REDACTED]",
    "\u202eevil\u202c",
    "\ufeffbom",
    "data: x\n\nid: 1-1\nevent: stream-end\ndata: {}",
    "'; DROP TABLE raw.run_events; --",
    "<script>alert(1)</script>",
    "null",
    "NaN",
    '{"type":"keepalive"}',
    "\r\n\r\n",
    "e\u0301",
    "%s %d {0} {x}",
    "-9223372036854775808",
)
BOOTS = (
    "1",
    "b0",
    "bootA",
    "k9d2x",
    "a-b",
    "boot_7",
    "0",
    "é",
    "00000000-0000-4000-8000-000000000000",
    "x" * 60,
    "-",
    " ",
)
LONE = "\ud800"


def any_uuid(rng: Random) -> str:
    """An id in the one form that the server writes, of any version."""
    version = rng.choice((4, 4, 4, 4, 1, 7))
    bits = rng.getrandbits(128) if rng.random() < 0.9 else rng.getrandbits(16)
    if version == 7:
        bits = (bits & ((1 << 80) - 1)) | (int(1.79e12 + rng.random() * 1e9) << 80)
    bits = (bits & ~(0xF << 76)) | (version << 76)
    return str(uuid.UUID(int=(bits & ~(0x3 << 62)) | (0x2 << 62)))


def moment(at: float, notation: str, rng: Random) -> str:
    """A time as the server could write it."""
    form = rng.choice(("django", "offset", "millis", "seconds")) if notation == "mixed" else notation
    when = datetime.fromtimestamp(at, UTC)
    if form == "offset":
        return when.isoformat()
    if form == "millis":
        return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"
    if form == "seconds":
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return when.isoformat().replace("+00:00", "Z")


def phrase(rng: Random, *, wild: bool) -> str:
    """A text that an agent or a person could have written."""
    if wild and rng.random() < 0.15:
        return rng.choice(ODD)
    if wild and rng.random() < 0.01:
        return rng.choice(WORDS) * rng.choice((5_000, 60_000))
    if wild and rng.random() < 0.05:
        return rng.choice(WORDS) + LONE
    return " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))


def title(rng: Random) -> str:
    """A title that PostgreSQL can hold."""
    text = phrase(rng, wild=True).replace("\x00", "").replace(LONE, "")
    return text[:255]


def repository(rng: Random) -> str:
    """The name of a repository, from a small set."""
    return rng.choice(("acme", "globex", "initech")) + "/" + rng.choice(("web", "api", "infra", "lib.rs", "a_b-c"))


def boot(rng: Random) -> str:
    """What an agent calls one of its starts."""
    return rng.choice(BOOTS) if rng.random() < 0.5 else "".join(rng.choices(string.ascii_lowercase, k=5))


def spaced(value: Any) -> str:
    """JSON as the stream writes it."""
    return json.dumps(value)


def compact(value: Any) -> str:
    """JSON as a list or a log writes it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return "".join(f"\\u{ord(char):04x}" if "\ud800" <= char <= "\udfff" else char for char in text)


def notification(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The inner part of an event."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def update(rng: Random, kind: str, session: str) -> dict[str, Any]:
    """A `session/update` of a kind."""
    body: dict[str, Any] = {"sessionUpdate": kind}
    if kind in ("tool_call", "tool_call_update"):
        body |= {
            "toolCallId": f"toolu_{rng.randint(1, 9)}",
            "status": rng.choice(("pending", "completed", "brand_new")),
        }
        body |= {"rawOutput": {"stdout": phrase(rng, wild=True)}} if kind.endswith("update") else {"title": "ls"}
    elif kind == "plan":
        body |= {"entries": [{"content": phrase(rng, wild=True), "status": "pending", "priority": "high"}]}
    elif kind == "usage_update":
        body |= {"used": rng.choice((0, 17, 10**12, None, "many")), "size": 200_000, "cost": None}
    else:
        body |= {"content": {"type": "text", "text": phrase(rng, wild=True)}}
    return notification("session/update", {"sessionId": session, "update": body})


def other(rng: Random, session: str) -> dict[str, Any]:
    """A notification that is no `session/update`."""
    said = phrase(rng, wild=True)
    used = {"inputTokens": rng.randint(0, 900), "outputTokens": rng.choice((1, None, -4)), "cachedReadTokens": 10**9}
    return rng.choice(
        (
            notification("_posthog/console", {"sessionId": session, "level": "info", "message": said}),
            notification(
                "_posthog/usage_update", {"sessionId": session, "used": used, "cost": rng.choice((None, 0.1))}
            ),
            notification("_posthog/turn_complete", {"sessionId": session, "stopReason": "end_turn"}),
            notification("__posthog/something_new", {"sessionId": session, "deep": [[[[{"x": [None, {}]}]]]]}),
            {"jsonrpc": "2.0", "id": rng.randint(0, 9), "result": {"stopReason": "end_turn"}},
            notification("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": said}]}),
            notification(phrase(rng, wild=False), {"any": rng.choice((1.5, True, [], "x", 10**15))}),
        )
    )
