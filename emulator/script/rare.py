"""Kinds of event that few runs have, among them those of older agents; a reader must bear them all."""

from collections.abc import Callable
from typing import Final

from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.script.step import Act, Json, Part
from taskhouse.emulator.script.tools import update
from taskhouse.emulator.script.words import NASTY


def _noted(name: str, params: Json) -> Act:
    return [Part(0.05, "both", name, params)]


def _mcp(scene: Scene) -> Act:
    """A local MCP server is asked through the client: a bare frame, then the answer."""
    request = scene.uuid()
    call = {"method": "tools/call", "params": {"name": "search", "arguments": {"query": "rounding"}}}
    expires = int(scene.spec.started_at.timestamp() * 1000) + 600_000
    frame = {"type": "mcp_request", "requestId": request, "server": "local-docs", "payload": call, "expiresAt": expires}
    answer = {"requestId": request, "payload": {"content": [{"type": "text", "text": "3 hits"}]}}
    return [Part(0.1, "frame", body=frame), *_noted("_posthog/mcp_response", answer)]


def _tree(scene: Scene) -> Act:
    tree, base = (f"{scene.rng.getrandbits(160):040x}" for _ in range(2))
    params = {"treeHash": tree, "baseCommit": base, "filesChanged": 3, "device": {"type": "cloud", "name": "sandbox"}}
    return _noted("_posthog/tree_snapshot", params)


def _refusal(scene: Scene) -> Act:
    params = {
        "sessionId": scene.session_id,
        "status": "refusal_fallback",
        "isComplete": True,
        "explanation": "Answered by another model",
        "category": "cyber",
        "fromModel": scene.model,
        "toModel": "claude-sonnet-5",
    }
    return _noted("_posthog/status", params)


def _shell(scene: Scene) -> Act:
    result = {"stdout": scene.output()[:500], "stderr": "", "exitCode": 0}
    params = {"id": scene.uuid(), "command": "git log -3", "cwd": scene.cwd, "result": result}
    return _noted("_array/user_shell_execute", params)


def _terminal(scene: Scene) -> Act:
    """Output of a running command, sent while it runs."""
    call = scene.tool_call_id()
    output = {"terminal_id": call, "data": f"building…\n{scene.rng.choice(NASTY)}"}
    body = {"sessionUpdate": "tool_call_update", "toolCallId": call, "_meta": {"terminal_output": output}}
    return [update(scene, 0.3, body)]


def _legacy_result(scene: Scene) -> Act:
    body = {"sessionUpdate": "tool_result", "toolCallId": scene.tool_call_id(), "content": [], "isError": False}
    return [update(scene, 0.1, body)]


def _credential(scene: Scene) -> Act:
    """The agent asks for a credential in a bare frame without a time, and has its answer."""
    request = scene.uuid()
    expires = int(scene.spec.started_at.timestamp() * 1000) + 600_000
    frame = {"type": "credential_request", "requestId": request, "credential": "github", "expiresAt": expires}
    return [Part(0.1, "frame", body=frame), *_noted("_posthog/credential_response", {"requestId": request})]


_RARE: Final[tuple[Callable[[Scene], Act], ...]] = (
    _mcp,
    _tree,
    _refusal,
    _shell,
    _terminal,
    _legacy_result,
    lambda scene: [update(scene, 0.1, {"sessionUpdate": "status", "status": "thinking"})],
    lambda scene: _noted("_posthog/conversation_cleared", {"sessionId": scene.session_id}),
    lambda scene: _noted("_posthog/awaiting_user_input", {"sessionId": scene.session_id}),
    lambda scene: _noted("_posthog/user_message", {"content": scene.rng.choice(NASTY)}),
    lambda scene: _noted("_claude/sdkMessage", {"sessionId": scene.session_id, "message": {"type": "system"}}),
)


_OCTOBER: Final[tuple[Callable[[Scene], Act], ...]] = (
    _credential,
    lambda scene: _noted("_posthog/background_turn_started", {"sessionId": scene.session_id}),
    lambda scene: _noted(
        "_posthog/side_question", {"sessionId": scene.session_id, "question": scene.rng.choice(NASTY)}
    ),
    lambda scene: _noted("_posthog/pi_extension_event", {"sessionId": scene.session_id, "name": "todo"}),
)
"""Kinds that came in October 2026; what they hold besides their names is this project's."""


def rarity(scene: Scene) -> Act:
    """One of them."""
    return scene.rng.choice(_RARE + _OCTOBER if scene.spec.october else _RARE)(scene)
