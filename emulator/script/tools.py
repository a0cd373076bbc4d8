"""Tool calls: asked for, permitted or not, streamed, answered."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.script.step import Act, Json, Part
from taskhouse.emulator.script.words import COMMANDS, FILES, SYMBOLS

_OPTIONS: Final = (
    {"kind": "allow_once", "optionId": "allow", "name": "Allow"},
    {"kind": "allow_always", "optionId": "allow_always", "name": "Always allow"},
    {"kind": "reject_once", "optionId": "reject", "name": "Reject"},
)


class _Tool(NamedTuple):
    """One kind of call: the agent's name for it, ACP's kind, how often, and what it is asked."""

    name: str
    kind: str
    weight: int
    ask: Callable[[Scene], Json]


def _bash(scene: Scene) -> Json:
    command, description = scene.rng.choice(COMMANDS)
    return {"command": command, "description": description}


def _path(scene: Scene) -> str:
    return f"{scene.cwd}/{scene.rng.choice(FILES)}"


def _write(scene: Scene) -> Json:
    return {"file_path": _path(scene), "content": scene.output()}


def _edit(scene: Scene) -> Json:
    return {
        "file_path": _path(scene),
        "old_string": "return round(total, 2)",
        "new_string": f"return {scene.rng.choice(SYMBOLS)}(total, places=2)",
    }


_TOOLS: Final = (
    _Tool("Bash", "execute", 30, _bash),
    _Tool("Read", "read", 26, lambda scene: {"file_path": _path(scene), "limit": 200}),
    _Tool("Edit", "edit", 16, _edit),
    _Tool("Grep", "search", 12, lambda scene: {"pattern": scene.rng.choice(SYMBOLS), "path": "src"}),
    _Tool("Write", "edit", 5, _write),
    _Tool("Task", "think", 3, lambda _scene: {"description": "Look for callers", "subagent_type": "explore"}),
    _Tool("WebFetch", "fetch", 2, lambda _scene: {"url": "https://posthog.com/docs/api", "prompt": "List the limits"}),
    _Tool("mcp__posthog__query-run", "other", 3, lambda _scene: {"query": {"kind": "TrendsQuery", "series": []}}),
    _Tool("Delete", "delete", 1, lambda scene: {"file_path": _path(scene)}),
    _Tool("Move", "move", 1, lambda scene: {"source": _path(scene), "destination": _path(scene)}),
    _Tool("ExitPlanMode", "switch_mode", 1, lambda _scene: {"plan": "1. Reproduce\n2. Fix\n3. Test"}),
)
_WEIGHTS: Final = tuple(tool.weight for tool in _TOOLS)
_DELEGATES: Final = "Task"


def update(scene: Scene, gap_s: float, body: Json, *, live_only: bool = False) -> Part:
    """A `session/update` with the given ``update``."""
    params = {"sessionId": scene.session_id, "update": body}
    return Part(gap_s, "live" if live_only else "both", "session/update", params)


def _meta(scene: Scene, tool: _Tool, parent: str | None, **more: Any) -> Json:
    """The adapter's own notes on a call; codex leaves none but the terminal's."""
    if not scene.claude:
        return {"_meta": more} if more else {}
    note: Json = {"toolName": tool.name}
    if parent is not None:
        note["parentToolCallId"] = parent
    return {"_meta": {"claudeCode": note, **more}}


def _locations(asked: Json) -> list[Json]:
    path = asked.get("file_path")
    return [] if path is None else [{"path": path, "line": 1}]


def tool_call(scene: Scene, parent: str | None = None, *, permission: bool | None = None) -> Act:
    """One call from `pending` to its end. ``parent`` is the delegating call's id; ``permission`` the user's answer."""
    rng = scene.rng
    tool = rng.choices(_TOOLS, _WEIGHTS)[0]
    if parent is not None and tool.name == _DELEGATES:
        tool = _TOOLS[0]
    call, asked = scene.tool_call_id(), tool.ask(scene)
    title = str(asked.get("command") or asked.get("file_path") or tool.name)
    act = [
        update(
            scene,
            rng.uniform(0.1, 1.5),
            {
                "sessionUpdate": "tool_call",
                "toolCallId": call,
                "title": title,
                "kind": tool.kind,
                "status": "pending",
                "rawInput": {},
                "content": [],
                "locations": [],
                **_meta(scene, tool, parent),
            },
        )
    ]
    act += _input_grows(scene, tool, call, asked, parent)
    if permission is not None:
        act += _permission(scene, call, title, tool.kind, asked, allowed=permission)
    if permission is False:
        return [*act, _denied(scene, tool, call)]
    act.append(
        update(
            scene,
            rng.uniform(0.05, 0.4),
            {
                "sessionUpdate": "tool_call_update",
                "toolCallId": call,
                "status": "in_progress",
                "title": title,
                "rawInput": asked,
                "locations": _locations(asked),
                **_meta(scene, tool, parent),
            },
        )
    )
    if tool.name == _DELEGATES:
        for _ in range(rng.randint(1, 3)):
            act += tool_call(scene, call)
    return [*act, _answer(scene, tool, call, asked, parent)]


def _input_grows(scene: Scene, tool: _Tool, call: str, asked: Json, parent: str | None) -> Act:
    """Updates that carry nothing but the input so far: the live stream has them, the log does not."""
    rng = scene.rng
    body = str(next(iter(asked.values())))
    count = rng.randint(2, 8) if tool.name == "Write" else rng.randint(0, 2)
    key = next(iter(asked))
    return [
        update(
            scene,
            rng.uniform(0.05, 0.3),
            {
                "sessionUpdate": "tool_call_update",
                "toolCallId": call,
                "rawInput": {key: body[: len(body) * (n + 1) // (count + 1)]},
                **_meta(scene, tool, parent),
            },
            live_only=True,
        )
        for n in range(count)
    ]


def _answer(scene: Scene, tool: _Tool, call: str, asked: Json, parent: str | None) -> Part:
    rng = scene.rng
    failed = rng.random() < 0.09  # noqa: PLR2004
    text = scene.output()
    body: Json = {
        "sessionUpdate": "tool_call_update",
        "toolCallId": call,
        "status": "failed" if failed else "completed",
    }
    if tool.kind == "execute":
        body["rawOutput"] = {"stdout": text, "stderr": "exit 1\n" if failed else "", "isError": failed}
        end = {"terminal_id": call, "exit_code": int(failed), "signal": None}
        body |= _meta(scene, tool, parent, terminal_exit=end)
    elif tool.kind == "edit" and not failed:
        new = asked.get("new_string") or asked.get("content")
        body["content"] = [
            {"type": "diff", "path": asked["file_path"], "oldText": asked.get("old_string"), "newText": new}
        ]
        body |= _meta(scene, tool, parent)
    else:
        body["rawOutput"] = {"content": text, "isError": failed}
        body["content"] = [{"type": "content", "content": {"type": "text", "text": text[:400]}}]
        body |= _meta(scene, tool, parent)
    if failed and tool.kind != "execute":
        body["error"] = "File has not been read yet."
    return update(scene, rng.expovariate(1 / 4) + 0.1, body)


def _denied(scene: Scene, tool: _Tool, call: str) -> Part:
    body = {
        "sessionUpdate": "tool_call_update",
        "toolCallId": call,
        "status": "failed",
        "decisionReason": "The user rejected this call.",
        **_meta(scene, tool, None),
    }
    return update(scene, 0.1, body)


def _permission(scene: Scene, call: str, title: str, kind: str, asked: Json, *, allowed: bool) -> Act:
    """The prompt: a bare frame on the stream, notifications in the log."""
    request = scene.uuid()
    options = [dict(option) for option in _OPTIONS]
    shown = {"toolCallId": call, "title": title, "kind": kind, "content": [], "rawInput": asked}
    ask = {"requestId": request, "toolCallId": call, "options": options, "toolCall": shown}
    answer = {"requestId": request, "toolCallId": call, "optionId": "allow" if allowed else "reject"}
    frame: Json = {"type": "permission_request", "requestId": request, "options": options, "toolCall": shown}
    return [
        Part(0.1, "frame", body=frame),
        _logged("_posthog/permission_request", ask, 0.0),
        _logged("_posthog/permission_resolved", answer, scene.rng.uniform(2, 25)),
    ]


def _logged(method: str, params: Json, gap_s: float) -> Part:
    return Part(gap_s, "log", body={"jsonrpc": "2.0", "method": method, "params": params}, numbered=True)
