"""Events that are neither messages nor tool calls, in words. Pure."""

from collections.abc import Callable
from typing import Any

from taskhouse.run_page import texts
from taskhouse.run_page.model import Message, Note, Plan, Question, Row, Step
from taskhouse.run_page.payloads import document, inner, mapping, objects, words

Params = dict[str, Any]
Worded = tuple[str, str, str]
"""A label, a text and a tone."""

ENDED_BADLY = {"error", "error_recoverable", "refusal", "max_tokens", "max_turn_requests"}
TONES = {"completed": "good", "failed": "bad", "cancelled": "bad"}


def step_of(event: Row, *, before: str | None = None, said: frozenset[str] = frozenset()) -> Step | None:
    """The step of an event; None if the page shows it elsewhere or it repeats a state.

    Args:
        event: A row of ``events.sql``.
        before: The last state of the run before it.
        said: What users said, by the messages of the run: a prompt that repeats it is no message again.
    """
    body = document(event["payload"])
    params = mapping(body, "notification", "params")
    place = (event["ordinal"], event["at"])
    method, session = event["method"] or "", event["session_update"]
    if event["kind"] == "task_run_state":
        return _state(place, body, before, hidden=event["is_hidden"])
    if method == "_posthog/permission_request":
        return _question(place, event, body)
    if method in {"_posthog/permission_resolved", "_posthog/permission_response"}:
        return None
    if session == "plan":
        entries = objects(inner(params, "update", "entries"))
        shown = [("" if event["is_hidden"] else words(one.get("content")), words(one.get("status"))) for one in entries]
        return Plan(*place, shown)
    if method in {"_posthog/user_message", "session/prompt"} and not event["is_hidden"]:
        text = words(params["content"]) if "content" in params else _prompt(params)
        if text and text.strip() not in said:
            return Message(*place, "user", text, len(text))
    label, text, tone = _worded(event, body, params)
    if event["is_hidden"]:
        text = ""
    command = words(params.get("command")) if method == "_array/user_shell_execute" and not event["is_hidden"] else ""
    return Note(*place, label, text, tone, command)


def _state(place: tuple[int, int | None], body: Params, before: str | None, *, hidden: bool) -> Step | None:
    status = words(body.get("status"))
    if not status or status == before:
        return None
    text = "" if hidden else words(body.get("error_message"))
    return Note(*place, f"Run {status.replace('_', ' ')}", text, TONES.get(status, "plain"), status=status)


def _question(place: tuple[int, int | None], event: Row, body: Params) -> Question:
    source = body if event["kind"] == "permission_request" else mapping(body, "notification", "params")
    call = source.get("toolCall")
    call_id = event["tool_call_id"] or words(inner(call, "toolCallId"))
    if event["is_hidden"]:
        return Question(*place, call_id, "", [], None, None)
    options = [words(one.get("name") or one.get("optionId")) for one in objects(source.get("options"))]
    asked = inner(call, "rawInput")
    command = inner(asked, "command")
    return Question(*place, call_id, words(inner(call, "title")), options, None, None, words(command or asked))


def _prompt(params: Params) -> str:
    return "\n".join(words(one.get("text")) for one in objects(params.get("prompt")) if one.get("text"))


def _worded(event: Row, body: Params, params: Params) -> Worded:
    method, session = event["method"], event["session_update"]
    update = mapping(params, "update")
    if event["kind"] == "notification":
        if method in NOTIFICATIONS:
            return NOTIFICATIONS[method](params)
        if method == "session/update" and session in UPDATES:
            return UPDATES[session](update)
        if method is None and "notification" in body:
            return _answer(body["notification"])
    elif event["kind"] == "credential_request":
        return f"Asked for a credential: {texts.line(words(body.get('credential')), 80)}", "", "plain"
    name = session or method or event["kind"]
    if event["payload"] is None:
        return f"Event {name}", f"{texts.size(event['bytes'])} of text, too large for a page", "quiet"
    rest = update or params or {key: value for key, value in body.items() if key not in {"type", "timestamp"}}
    shown = {key: value for key, value in rest.items() if key not in {"sessionId", "sessionUpdate", "_meta"}}
    return f"Event {name}", texts.line(words(shown), 400) if shown else "", "quiet"


def _answer(said: Any) -> Worded:
    error = inner(said, "error")
    if error is not None:
        return "A request failed", words(inner(error, "message") or error), "bad"
    reason = inner(said, "result", "stopReason")
    return "Request answered", words(reason), "quiet"


def _error(said: Params) -> Worded:
    text = words(said.get("message") or said.get("error") or said.get("classification") or said.get("errorType"))
    return "Error", text, "bad"


def _turn(said: Params) -> Worded:
    reason = words(said.get("stopReason"))
    return f"Turn ended: {reason.replace('_', ' ')}", "", "bad" if reason in ENDED_BADLY else "quiet"


def _status(said: Params) -> Worded:
    status = words(said.get("status")).replace("_", " ")
    return (
        f"Agent: {status}",
        words(said.get("explanation") or said.get("error")),
        ("bad" if "fail" in status or status == "refusal" else "quiet"),
    )


def _progress(said: Params) -> Worded:
    status, label = words(said.get("status")), words(said.get("label") or said.get("step"))
    tone = "bad" if status == "failed" else "quiet"
    return texts.line(label, 80), " ".join(filter(None, (words(said.get("detail")), status.replace("_", " ")))), tone


def _console(said: Params) -> Worded:
    level = words(said.get("level"))
    return f"Console, {level or 'log'}", words(said.get("message")), "bad" if level == "error" else "quiet"


def _checkpoint(said: Params) -> Worded:
    head = words(said.get("head"))[:12]
    return "Saved in git", " at ".join(filter(None, (words(said.get("branch")), head))), "plain"


def _compacted(said: Params) -> Worded:
    tokens = said.get("preTokens")
    before = f"{tokens:,} tokens before" if isinstance(tokens, int) else ""
    return "Context compacted", " ".join(filter(None, (words(said.get("trigger")), before))), "plain"


def _budget(said: Params) -> Worded:
    spent, cap = said.get("spent_usd"), said.get("cap_usd")
    text = f"${spent:,.2f} of ${cap:,.2f}" if all(isinstance(one, int | float) for one in (spent, cap)) else ""
    return f"Budget: {words(said.get('stage')).replace('_', ' ')}", text, "plain"


def _output(said: Params) -> Worded:
    result = mapping(said, "result") or said
    code = inner(result, "exitCode")
    parts = [words(inner(result, name)) for name in ("stdout", "stderr")]
    label = "The user ran a command" if "command" in said else "Output of the sandbox"
    tone = "bad" if isinstance(code, int) and code else "plain"
    return f"{label}, exit code {code}" if tone == "bad" else label, "\n".join(filter(None, parts)), tone


def _plain(label: str, *keys: str, tone: str = "plain") -> Callable[[Params], Worded]:
    return lambda said: (label, " ".join(filter(None, (words(said.get(key)) for key in keys))), tone)


NOTIFICATIONS: dict[str, Callable[[Params], Worded]] = {
    "_array/user_shell_execute": _output,
    "_posthog/awaiting_user_input": _plain("Waits for the user"),
    "_posthog/background_turn_complete": _plain("Background turn ended", "stopReason", tone="quiet"),
    "_posthog/branch_created": _plain("Branch created", "branch"),
    "_posthog/budget_steer": _budget,
    "_posthog/codex_goal": lambda said: ("Goal", words(inner(said, "goal", "objective")), "plain"),
    "_posthog/compact_boundary": _compacted,
    "_posthog/console": _console,
    "_posthog/conversation_cleared": _plain("Conversation cleared"),
    "_posthog/error": _error,
    "_posthog/git_checkpoint": _checkpoint,
    "_posthog/initialization_failed": _error,
    "_posthog/mode_change": _plain("Mode", "mode"),
    "_posthog/progress": _progress,
    "_posthog/resources_used": _plain("Products used", tone="quiet"),
    "_posthog/run_started": _plain("Agent started", "agentVersion", tone="quiet"),
    "_posthog/sandbox_output": _output,
    "_posthog/sdk_session": _plain("Session of", "adapter", tone="quiet"),
    "_posthog/side_question": _plain("Side question", "question"),
    "_posthog/status": _status,
    "_posthog/task_complete": _plain("The agent says that the task is complete", "stopReason"),
    "_posthog/task_notification": _plain("Background task", "status", "summary"),
    "_posthog/turn_complete": _turn,
    "initialize": _plain("Connection opened", tone="quiet"),
    "session/cancel": _plain("Cancelled by the user"),
    "session/new": _plain("Session begun", "cwd", tone="quiet"),
    "session/prompt": _plain("Prompt sent", tone="quiet"),
    "_posthog/session/resume": _plain("Session resumed", "cwd", tone="quiet"),
}
"""JSON-RPC methods, with what they say; others are shown as they are."""

UPDATES: dict[str, Callable[[Params], Worded]] = {
    "available_commands_update": _plain("Commands available", tone="quiet"),
    "config_option_update": _plain("Options changed", "configOptions", tone="quiet"),
    "current_mode_update": _plain("Mode", "currentModeId", tone="quiet"),
    "error": _error,
    "session_info_update": _plain("Session named", "title", tone="quiet"),
    "status": _plain("Agent", "status", tone="quiet"),
    "usage_update": _plain("Usage reported", tone="quiet"),
}
