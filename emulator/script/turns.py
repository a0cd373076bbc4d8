"""The frame of a run: setup, the opening of a session, prompts, the end of a turn and of the run."""

from typing import Final

from taskhouse.emulator.script.notices import checkpoint, notice, occupancy, row_usage, usage
from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.script.step import Act, Json, Part
from taskhouse.emulator.script.tools import update
from taskhouse.emulator.script.words import ERRORS

AGENT_VERSION: Final = "2.43.1"
_RESUMING: Final = "You are resuming a previous conversation. Here is what happened so far:\n\n"


def _rpc(body: Json, gap_s: float = 0.02) -> Part:
    """A JSON-RPC request or response between client and agent: only the log has it."""
    return Part(gap_s, "log", body={"jsonrpc": "2.0", **body})


def _progress(scene: Scene, gap_s: float, step: str, status: str, label: str) -> Part:
    """A step of the setup. The orchestrator's are on the live stream only and unnumbered."""
    agents_own = step == "agent"
    params = {"group": f"setup:{scene.spec.run_id}", "step": step, "status": status, "label": label}
    if step == "clone_repository" and status == "completed":
        params["detail"] = scene.spec.repository
    return Part(gap_s, "both" if agents_own else "live", "_posthog/progress", params, numbered=agents_own)


def setup(scene: Scene) -> Act:
    """From queued to in progress: the orchestrator prepares a sandbox."""
    rng = scene.rng
    act = [Part(0.0, "state", body={"status": "queued"})]
    for step, doing, done in (
        ("provision_sandbox", "Starting a sandbox", "Sandbox ready"),
        ("clone_repository", "Cloning repository", "Cloned repository"),
        ("install_agent", "Starting the agent", "Agent started"),
    ):
        act.append(_progress(scene, 0.2, step, "in_progress", doing))
        act.append(_progress(scene, rng.uniform(0.5, 9), step, "completed", done))
    act.append(Part(0.1, "state", body={"status": "in_progress"}))
    return act


def opening(scene: Scene) -> Act:
    """A boot of the agent: the session's requests in the log, then who it is."""
    spec, session = scene.spec, scene.session_id
    started = {"sessionId": session, "runId": spec.run_id, "taskId": spec.task_id, "agentVersion": AGENT_VERSION}
    act = [
        _rpc({"id": 0, "method": "initialize", "params": {"protocolVersion": 1, "clientCapabilities": {}}}),
        _rpc({"id": 0, "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}}),
    ]
    if spec.resumes:
        resume = {"sessionId": session, "cwd": scene.cwd}
        act.append(_rpc({"id": 1, "method": "_posthog/session/resume", "params": resume}))
    else:
        act.append(_rpc({"id": 1, "method": "session/new", "params": {"cwd": scene.cwd, "mcpServers": []}}))
    return [
        *act,
        _rpc({"id": 1, "result": {"sessionId": session, "models": {"currentModelId": scene.model}}}, 0.8),
        Part(0.05, "both", "_posthog/run_started", started),
        notice(scene, "sdk_session", {"taskRunId": spec.run_id, "sessionId": session, "adapter": spec.adapter}),
        _progress(scene, 0.05, "agent", "in_progress", "Agent is working"),
        update(
            scene,
            0.05,
            {
                "sessionUpdate": "available_commands_update",
                "availableCommands": [{"name": "compact", "description": "Compact the context", "input": None}],
            },
        ),
        update(scene, 0.01, {"sessionUpdate": "current_mode_update", "currentModeId": "default"}),
    ]


def opening_text(scene: Scene, text: str, number: int) -> str:
    """What the user is made to say: the first prompt of a resumed run carries a synthetic preface."""
    return f"{_RESUMING}{text}" if scene.spec.resumes and number == 0 else text


def prompt(scene: Scene, text: str, number: int) -> Act:
    """The user speaks: a request in the log, a message in both layers."""
    content = {"type": "text", "text": opening_text(scene, text, number)}
    body: Json = {"sessionUpdate": "user_message_chunk", "content": content}
    if number:
        body = {"sessionUpdate": "user_message", "content": content, "_meta": {"importedUserPrompt": True}}
    params = {"sessionId": scene.session_id, "prompt": [content]}
    return [
        _rpc({"id": 2 + number, "method": "session/prompt", "params": params}, 0.1),
        notice(scene, "agent_command_dispatched", {"sessionId": scene.session_id, "command": "session/prompt"}),
        update(scene, 0.02, body),
    ]


def turn_end(scene: Scene, number: int, stop_reason: str) -> Act:
    """The turn settles: usage, its end, the response; the last two come in either order."""
    session = scene.session_id
    spent = usage(scene)
    done: Json = {"sessionId": session, "stopReason": stop_reason}
    if not scene.claude:
        done["usage"] = dict((spent[0].body or {})["used"])
        done["usage"]["totalTokens"] = sum(done["usage"].values())
    end = [notice(scene, "turn_complete", done)]
    response = _rpc({"id": 2 + number, "result": {"stopReason": stop_reason}}, 0.01)
    end.insert(scene.rng.randint(0, 1), response)
    act = [*occupancy(scene), *spent, *end, row_usage(scene)]
    if scene.rng.random() < 0.15:  # noqa: PLR2004
        act.append(notice(scene, "background_turn_complete", {"sessionId": session, "stopReason": "end_turn"}, 2.0))
    return act


def branch_known(scene: Scene) -> Act:
    """The agent has made its branch."""
    return [*checkpoint(scene), Part(0.2, "state", body={"branch": scene.spec.branch})]


def false_start() -> Act:
    """The agent never came up: no session, no log but this."""
    message = "Failed to start the agent: ENOSPC, no space left on device"
    return [
        Part(0.1, "both", "_posthog/initialization_failed", {"error": message}),
        Part(0.1, "state", body={"status": "failed", "error_message": message}),
    ]


def ending(scene: Scene) -> Act:
    """The outcome: an output and `completed`, an error and `failed`, or just `cancelled`."""
    spec, rng = scene.spec, scene.rng
    last = _progress(
        scene, 0.1, "agent", "completed" if spec.outcome == "completed" else spec.outcome, "Agent finished"
    )
    if spec.outcome == "completed":
        number = rng.randint(2, 9000) if spec.pull_request is None else spec.pull_request
        url = f"https://github.com/{spec.repository}/pull/{number}"
        output = {"pr_url": url, "pr_urls": [url], "head_branch": spec.branch}
        act = [last, *([Part(0.3, "state", body={"output": output})] if number else [])]
        if rng.random() < 0.1:  # noqa: PLR2004
            params = {"sessionId": scene.session_id, "taskId": spec.task_id, "stopReason": "end_turn"}
            act.append(notice(scene, "task_complete", params))
        return [*act, Part(0.4, "state", body={"status": "completed"})]
    if spec.outcome == "cancelled":
        ask = _rpc({"method": "session/cancel", "params": {"sessionId": scene.session_id}})
        return [ask, last, Part(0.2, "state", body={"status": "cancelled"})]
    message, source, classification = rng.choice(ERRORS)
    message = spec.error or message
    terminal = {"source": source, "stopReason": "error", "error": message, "classification": classification}
    return [
        notice(scene, "error", {"message": message}, 0.1),
        last,
        notice(scene, "error", terminal, live_only=True),
        Part(0.2, "state", body={"status": "failed", "error_message": message}),
    ]
