"""Runs for the pages of runs: one with every kind of event and a hostile text in every field, and some plain ones."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.report.world import World

BEGIN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FULL = "7d1f0c52-6b0e-4d0a-9c1c-1f7f3b2a9e10"
OTHER = "7d1f0c52-aaaa-4d0a-9c1c-1f7f3b2a9e10"
HIDDEN = "aaaa0c52-6b0e-4d0a-9c1c-1f7f3b2a9e10"
EMPTY = "bbbb0c52-6b0e-4d0a-9c1c-1f7f3b2a9e10"
EVIL = (
    "</pre></style></script><script>alert(1)</script><img src=https://evil.example/x.png onerror=alert(1)>"
    " \"'><a href=javascript:alert(1)>x</a> \x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07"
    " \u202egnp\u202c ![i](https://evil.example/i.png) [a](javascript:alert(1)) <https://evil.example>"
    " &lt;b&gt; \x00\x07"
)
"""What an agent might write to reach out of the page, or to steer a terminal."""


class Story:
    """One run, told event by event; each comes a second after the one before."""

    def __init__(self, world: World, run_id: str, *, redacted: bool = False) -> None:
        self.world, self.run_id, self.redacted = world, run_id, redacted
        self.task_id = f"task-{run_id[:8]}"
        self.number = 0
        self.at = BEGIN

    @property
    def stream_id(self) -> str:
        return f"{int(self.at.timestamp() * 1000)}-0"

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def event(self, kind: str, body: dict[str, Any], /, **columns: Any) -> None:
        self.wait(1)
        self.number += 1
        self.world.add(
            "raw.run_events",
            project_id=1,
            task_id=self.task_id,
            run_id=self.run_id,
            source="django",
            incarnation=0,
            stream_id=self.stream_id,
            stream_ms=int(self.at.timestamp() * 1000),
            stream_seq=0,
            kind=kind,
            occurred_at=self.at,
            payload=json.dumps({"type": kind, "timestamp": self.at.isoformat(), **body}),
            redacted=self.redacted,
            **({"event_id": f"1-{self.number}"} if kind == "notification" else {}),
            **columns,
        )

    def note(self, method: str, /, **params: Any) -> None:
        call = params.get("toolCallId")
        body = {"notification": {"jsonrpc": "2.0", "method": method, "params": params}}
        self.event("notification", body, method=method, tool_call_id=call)

    def update(self, kind: str, /, **fields: Any) -> None:
        params = {"sessionId": "s", "update": {"sessionUpdate": kind, **fields}}
        self.event(
            "notification",
            {"notification": {"method": "session/update", "params": params}},
            method="session/update",
            session_update=kind,
            tool_call_id=fields.get("toolCallId"),
        )

    def say(self, role: str, *chunks: str) -> None:
        for text in chunks:
            self.update(f"{role}_chunk", content={"type": "text", "text": text})

    def call(self, call_id: str, tool: str, title: str, /, **fields: Any) -> None:
        """A tool call with its input, and its end 2 s later; ``result`` has fields of the last update."""
        result = {"status": "completed", **fields.pop("result", {})}
        meta = {"claudeCode": {"toolName": tool, **fields.pop("claude", {})}}
        self.update("tool_call", toolCallId=call_id, title=title, status="pending", _meta=meta, **fields)
        self.wait(1)
        self.update("tool_call_update", toolCallId=call_id, **result)

    def state(self, status: str, **more: Any) -> None:
        self.event(
            "task_run_state", {"status": status, "updated_at": (self.at + timedelta(seconds=1)).isoformat(), **more}
        )

    def version(self, status: str, **more: Any) -> None:
        ended = self.at if status in {"completed", "failed", "cancelled"} else None
        row = {
            "valid_from": self.at + timedelta(minutes=1),
            "status": status,
            "created_at": BEGIN,
            "completed_at": ended,
        }
        self.world.add(
            "raw.run_versions",
            project_id=1,
            task_id=self.task_id,
            run_id=self.run_id,
            environment="cloud",
            **{"model": "opus", "runtime_adapter": "claude", "updated_at": self.at, **row, **more},
        )

    def task(self, title: str, description: str, repository: str = "acme/checkout") -> None:
        self.world.add(
            "raw.task_versions",
            project_id=1,
            task_id=self.task_id,
            valid_from=BEGIN,
            title=title,
            repository=repository,
            created_at=BEGIN,
            internal=False,
            archived=False,
            payload=json.dumps({"description": description}),
        )
        self.world.add(
            "raw.task_sightings", project_id=1, task_id=self.task_id, first_seen_at=BEGIN, last_seen_at=BEGIN
        )

    def gap(self, after: str | None, before: str | None, kind: str, *, certain: bool, repaired: bool = False) -> None:
        row = {"after_stream_id": after, "before_stream_id": before, "certain": certain, "repaired_from_log": repaired}
        self.world.add(
            "ledger.gaps", project_id=1, run_id=self.run_id, kind=kind, how=f"told of {kind}", detected_at=BEGIN, **row
        )


def full(world: World) -> None:
    """The run with everything: it fails, is opened again and ends with a pull request."""
    story = Story(world, FULL)
    _begun(story)
    middle = story.stream_id
    _asked_and_failed(story)
    story.wait(7200)
    _again(story)
    story.gap(middle, None, "numbers_missing", certain=True)
    story.gap(middle, None, "last_event_gone", certain=False, repaired=True)
    story.gap(None, None, "log_expired", certain=False)


def _begun(story: Story) -> None:
    story.task(f"Fix it {EVIL}", f"Please **fix** the rounding.\n\n- first\n- second\n\n{EVIL}")
    story.state("queued")
    story.note("_posthog/progress", step="clone", status="completed", label=f"Cloned {EVIL}", detail=EVIL)
    story.state("in_progress")
    story.note("_posthog/run_started", agentVersion=EVIL)
    story.note("session/prompt", prompt=[{"type": "text", "text": "Please fix the rounding."}])
    story.say("user_message", "Please fix the rounding.")
    story.say("agent_thought", "Where is it ", f"rounded twice? {EVIL}")
    story.say("agent_message", "# I look at the ", f"reducer.\n\n```py\nround(1)\n```\n{EVIL}")
    story.call("c1", "Read", "/workspace/repos/acme/checkout/a.py", kind="read", rawInput={"file_path": EVIL})
    story.call(
        "c2",
        f"Bash{EVIL}",
        f"pnpm test {EVIL}",
        kind="execute",
        rawInput={"command": f"pnpm test\n{EVIL}", "description": EVIL},
        result={"status": "failed", "error": EVIL, "rawOutput": {"stdout": f"1 failed {EVIL}", "isError": True}},
    )
    story.call("c3", "Grep", "Grep", kind="search", rawInput=[EVIL], result={"content": [text(f"found {EVIL}")]})
    changed = {
        "type": "diff",
        "path": f"src/a.ts{EVIL}",
        "oldText": "one\ntwo\nthree",
        "newText": f"one\n{EVIL}\nthree",
    }
    story.call("c4", "Edit", "src/a.ts", kind="edit", rawInput={"old_string": "two"}, result={"content": [changed]})
    picture = {"type": "content", "content": {"type": "image", "mimeType": f"image/png{EVIL}", "data": "A" * 4000}}
    story.call("c5", "Shot", "Shot", kind="other", result={"content": [picture, text("a picture")]})
    story.call("c6", "Task", "Look around", kind="think", rawInput={"prompt": EVIL})
    story.call("c7", "Read", "b.py", kind="read", claude={"parentToolCallId": "c6"})
    story.call("c8", "Bash", "seq", kind="execute", result={"rawOutput": {"stdout": "line\n" * 9000 + "the end"}})
    story.call("c9", "Bash", "long", kind="execute", result={"rawOutput": {"stdout": "x" * 400_000}})
    entries = [{"content": f"Reproduce {EVIL}", "status": "completed"}, {"content": "Fix", "status": EVIL}]
    story.update("plan", entries=[*entries, "odd"])


def _asked_and_failed(story: Story) -> None:
    story.update("usage_update", used=48_000, size=200_000, cost={"amount": 0.2, "currency": "USD"})
    story.note("_posthog/usage_update", sessionId="s", used={"inputTokens": 200, "outputTokens": 6000}, cost=0.2)
    story.say("agent_message", "After the hole.")
    asked = {
        "toolCallId": "c10",
        "title": f"git push {EVIL}",
        "kind": "execute",
        "rawInput": {"command": f"git {EVIL}"},
    }
    options = [
        {"kind": "allow_once", "optionId": "yes", "name": f"Allow {EVIL}"},
        {"optionId": "no", "kind": "reject_once"},
    ]
    story.update("tool_call", toolCallId="c10", title=f"git push {EVIL}", kind="execute", status="pending")
    story.event(
        "permission_request",
        {"requestId": "q1", "options": options, "toolCall": asked},
        tool_call_id="c10",
    )
    story.wait(30)
    story.note("_posthog/permission_resolved", requestId="q1", toolCallId="c10", optionId="no")
    story.update("tool_call_update", toolCallId="c10", status="failed", decisionReason=EVIL)
    for method, params in NOTES.items():
        story.note(method, **params)
    story.update("error", errorType=EVIL, message=f"overloaded {EVIL}")
    story.update("brand_new_update", anything=EVIL)
    story.event("credential_request", {"credential": EVIL, "requestId": "q2"})
    story.event(EVIL, {"deep": [[[EVIL]]]})
    story.state("failed", error_message=f"Tests failed {EVIL}")
    story.version("failed", error_message=f"Tests failed {EVIL}")


def _again(story: Story) -> None:
    story.state("queued")
    story.version("queued")
    story.state("in_progress")
    story.say("user_message", f"Try again {EVIL}")
    story.call("d1", "Bash", "pnpm test", kind="execute", result={"rawOutput": {"stdout": "all passed"}})
    story.note("_posthog/usage_update", sessionId="s", used={"inputTokens": 100, "outputTokens": 900}, cost=0.5)
    story.note("_posthog/git_checkpoint", branch=f"fix{EVIL}", head="9b1c6de20f4a7e33")
    story.note("_posthog/turn_complete", stopReason="end_turn")
    story.state("completed")
    url = "https://github.com/acme/checkout/pull/482"
    output = {"pr_urls": [url, f"javascript:alert('{EVIL}')"], "pr_state": "merged"}
    payload = json.dumps({"output": output, "task_summary": f"Rounded once {EVIL}"})
    story.version("completed", pr_url=url, pr_state="merged", branch=f"fix{EVIL}", payload=payload)


NOTES: dict[str, dict[str, Any]] = {
    "_posthog/console": {"level": "error", "message": EVIL},
    "_posthog/error": {"message": f"API error {EVIL}"},
    "_posthog/compact_boundary": {"trigger": "auto", "preTokens": 171_904},
    "_posthog/budget_steer": {"stage": "warn", "spent_usd": 18.0, "cap_usd": 20.0},
    "_posthog/sandbox_output": {"stdout": f"two\nlines {EVIL}", "exitCode": 1},
    "_array/user_shell_execute": {"command": f"ls {EVIL}", "result": {"stdout": EVIL, "exitCode": 0}},
    "_posthog/side_question": {"question": EVIL},
    "_posthog/user_message": {"content": f"By the way {EVIL}"},
    "_posthog/status": {"status": "refusal", "explanation": EVIL},
    "_posthog/codex_goal": {"goal": {"objective": EVIL}},
    "_posthog/task_notification": {"status": "completed", "summary": EVIL},
    "_posthog/never_seen": {"something": EVIL},
}


def text(said: str) -> dict[str, Any]:
    return {"type": "content", "content": {"type": "text", "text": said}}


def other(world: World) -> None:
    """A run of the same task that begins alike and then goes another way."""
    story = Story(world, OTHER)
    story.state("in_progress")
    story.say("user_message", "Please fix the rounding.")
    story.say("agent_message", "I look at the reducer.")
    story.call("e1", "Read", "/workspace/repos/acme/checkout/a.py", kind="read")
    story.call("e2", "Write", "src/new.ts", kind="edit")
    story.call("e3", "Bash", "pnpm test", kind="execute")
    story.note("_posthog/usage_update", sessionId="s", used={"inputTokens": 10, "outputTokens": 90}, cost=0.05)
    story.state("completed")
    story.version("completed")


def hidden(world: World) -> None:
    """A run of which only the structure was kept."""
    mark = "[text 23 0123456789abcdef]"
    story = Story(world, HIDDEN, redacted=True)
    story.task("A title stays", mark)
    story.state("in_progress")
    story.say("user_message", mark)
    story.say("agent_message", mark, mark)
    story.call("f1", "Bash", mark, kind="execute", rawInput={"command": mark}, result={"rawOutput": {"stdout": mark}})
    story.update("plan", entries=[{"content": mark, "status": "completed"}])
    story.note("_posthog/error", message=mark)
    story.state("failed", error_message=mark)
    story.version("failed", error_message=mark)


def stories() -> World:
    world = World()
    for tell in (full, other, hidden):
        tell(world)
    story = Story(world, EMPTY)
    story.task("Nothing came", "Something")
    story.version("queued")
    return world
