"""The agent's `_posthog/…` notifications that come between tool calls and at the end of a turn."""

from collections.abc import Callable
from typing import Any, Final

from taskhouse.emulator.script.scene import Scene
from taskhouse.emulator.script.step import Act, Json, Part
from taskhouse.emulator.script.tools import update
from taskhouse.emulator.script.words import NASTY, PLAN, SYMBOLS

_DOUBLE_PREFIX_RATE: Final = 0.03


def notice(scene: Scene, name: str, params: Json, gap_s: float = 0.01, *, live_only: bool = False) -> Part:
    """A `_posthog/` notification of the agent; a few carry one underscore too many, as some agents send them."""
    prefix = "__posthog" if scene.rng.random() < _DOUBLE_PREFIX_RATE else "_posthog"
    return Part(gap_s, "live" if live_only else "both", f"{prefix}/{name}", params)


def console(scene: Scene) -> Act:
    """A line for the run's console; its session id is the run's id."""
    level, message = scene.rng.choice(
        (
            ("debug", "Session log flushed"),
            ("info", "Compressed the context by 12 %"),
            ("info", f"Copied {NASTY[0]}"),
            ("warn", "Tool result truncated to 25000 tokens"),
            ("error", "MCP server posthog: connection closed, retrying"),
        )
    )
    return [notice(scene, "console", {"sessionId": scene.spec.run_id, "level": level, "message": message})]


def plan(scene: Scene) -> Act:
    """The to-do list, one entry further each time."""
    entries = [
        {
            "content": text,
            "status": "completed" if n < scene.plan_done else "in_progress" if n == scene.plan_done else "pending",
            "priority": ("high", "medium", "low")[n // 2],
        }
        for n, text in enumerate(PLAN)
    ]
    scene.plan_done = min(scene.plan_done + 1, len(PLAN))
    return [update(scene, 0.4, {"sessionUpdate": "plan", "entries": entries})]


def occupancy(scene: Scene) -> Act:
    """How full the context window is; the cost is null until a turn settles, codex adds token counts."""
    scene.used = min(scene.used + scene.rng.randint(300, 9000), scene.window - 1)
    body: Json = {"sessionUpdate": "usage_update", "used": scene.used, "size": scene.window, "cost": None}
    if scene.claude and scene.cost:
        body["cost"] = {"amount": round(scene.cost, 4), "currency": "USD"}
    if not scene.claude:
        body |= {"inputTokens": scene.used, "outputTokens": scene.rng.randint(80, 4000), "cachedReadTokens": 0}
    return [update(scene, 0.05, body)]


def usage(scene: Scene) -> Act:
    """What the turn used: Claude sends one frame, codex two (tokens, then the breakdown) and no cost."""
    rng, session = scene.rng, scene.session_id
    used = {
        "inputTokens": rng.randint(40, 900),
        "outputTokens": rng.randint(300, 9000),
        "cachedReadTokens": rng.randint(20_000, 600_000),
        "cachedWriteTokens": rng.randint(2_000, 60_000) if scene.claude else 0,
    }
    breakdown = {
        "systemPrompt": 3100,
        "tools": 12_400,
        "rules": 900,
        "skills": 600,
        "mcp": 5200,
        "subagents": 0,
        "conversation": max(scene.used - 22_200, 0),
    }
    for name, key in (
        ("input_tokens", "inputTokens"),
        ("output_tokens", "outputTokens"),
        ("cache_read_tokens", "cachedReadTokens"),
        ("cache_write_tokens", "cachedWriteTokens"),
    ):
        scene.tokens[name] += used[key]
    if scene.claude:
        scene.cost += rng.uniform(0.02, 0.9)
        params = {"sessionId": session, "used": used, "cost": round(scene.cost, 4), "breakdown": breakdown}
        return [notice(scene, "usage_update", params)]
    return [
        notice(scene, "usage_update", {"sessionId": session, "used": used, "cost": None}),
        notice(scene, "usage_update", {"sessionId": session, "cost": None, "breakdown": breakdown}),
    ]


def row_usage(scene: Scene) -> Part:
    """The run's own totals, pushed into its state when a turn settles."""
    scene.turns += 1
    total = {**scene.tokens, "total_tokens": sum(scene.tokens.values()), "turns": scene.turns}
    return Part(0.05, "row", body={"state": {"token_usage": total}})


def compaction(scene: Scene) -> Act:
    """The context is compacted: a status, then the boundary."""
    session, before = scene.session_id, max(scene.used, 120_000)
    scene.used = 24_000
    status = {"sessionId": session, "status": "compacting", "isComplete": False}
    boundary = {"sessionId": session, "trigger": "auto", "preTokens": before, "contextSize": scene.window}
    return [
        notice(scene, "status", status, 0.2),
        notice(scene, "compact_boundary", boundary, 14.0),
        notice(scene, "status", {**status, "isComplete": True}, 0.05),
    ]


def checkpoint(scene: Scene) -> Act:
    """A git checkpoint of the work tree."""
    scene.checkpoints += 1
    name = f"ckpt_{scene.checkpoints:04d}"
    head, index, tree = (f"{scene.rng.getrandbits(160):040x}" for _ in range(3))
    params = {
        "checkpointId": name,
        "checkpointRef": f"refs/checkpoints/{name}",
        "branch": scene.spec.branch,
        "head": head,
        "indexTree": index,
        "worktreeTree": tree,
        "artifactPath": f"tasks/artifacts/{name}.pack",
        "indexArtifactPath": f"tasks/artifacts/{name}.index",
        "device": {"type": "cloud", "name": f"sandbox-{scene.spec.run_id[:3]}"},
    }
    return [notice(scene, "git_checkpoint", params, 0.5)]


def _resources(scene: Scene) -> Act:
    known = ({"id": "insights", "label": "Insights"}, {"id": "flags", "label": "Feature flags"})
    if len(scene.products) < len(known):
        scene.products.append(known[len(scene.products)])
    return [notice(scene, "resources_used", {"sessionId": scene.session_id, "products": list(scene.products)})]


def _task_note(scene: Scene) -> Act:
    params = {
        "sessionId": scene.session_id,
        "taskId": f"bg_{scene.rng.randint(1, 9)}",
        "status": scene.rng.choice(("completed", "failed", "stopped")),
        "summary": "pnpm dev exited",
        "outputFile": "/home/node/.cache/bg/output.log",
    }
    return [notice(scene, "task_notification", params)]


def _sandbox(scene: Scene) -> Act:
    params = {"sessionId": scene.session_id, "stdout": scene.output()[:2000], "stderr": "", "exitCode": 0}
    return [notice(scene, "sandbox_output", params)]


def _savings(scene: Scene) -> Act:
    spec, commands = scene.spec, scene.calls
    params = {
        "task_id": spec.task_id,
        "run_id": spec.run_id,
        "team_id": 1,
        "counter_id": f"rtk-{spec.run_id[:8]}",
        "cumulative_commands": commands,
        "cumulative_input_tokens": commands * 900,
        "cumulative_output_tokens": commands * 140,
        "cumulative_tokens_saved": commands * 760,
        "runtime_adapter": spec.adapter,
        "model": scene.model,
    }
    return [notice(scene, "rtk_savings", params, live_only=True)]


def _budget(scene: Scene) -> Act:
    stage, mode = scene.rng.choice((("warn", "publish"), ("critical", "wrap_up")))
    params = {"stage": stage, "mode": mode, "spent_usd": round(scene.cost, 2), "cap_usd": 20.0, "delivered": True}
    return [notice(scene, "budget_steer", params)]


def _goal(scene: Scene) -> Act:
    if scene.claude:
        return _task_note(scene)
    return [notice(scene, "codex_goal", {"goal": {"objective": f"Fix {SYMBOLS[0]}", "status": "active"}})]


def _trouble(scene: Scene) -> Act:
    return [update(scene, 0.1, {"sessionUpdate": "error", "errorType": "api_error", "message": "overloaded, retrying"})]


def _settings(scene: Scene) -> Act:
    option: dict[str, Any] = {"id": "effort", "name": "Effort", "type": "select", "currentValue": "high"}
    return [
        update(scene, 0.1, {"sessionUpdate": "current_mode_update", "currentModeId": "acceptEdits"}),
        update(scene, 0.1, {"sessionUpdate": "config_option_update", "configOptions": [option]}),
        update(scene, 0.1, {"sessionUpdate": "session_info_update", "title": f"Fix {SYMBOLS[1]}"}),
    ]


_SMALL: Final[tuple[tuple[int, Callable[[Scene], Act]], ...]] = (
    (10, console),
    (8, plan),
    (12, occupancy),
    (5, checkpoint),
    (2, compaction),
    (3, _resources),
    (2, _task_note),
    (2, _sandbox),
    (2, _savings),
    (1, _budget),
    (1, _goal),
    (1, _trouble),
    (1, _settings),
)


def interlude(scene: Scene) -> Act:
    """One of the small things that happen between tool calls, in realistic proportion."""
    act = scene.rng.choices([make for _, make in _SMALL], [weight for weight, _ in _SMALL])[0]
    return act(scene)
