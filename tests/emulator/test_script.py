"""What a run emits: repeatable, in proportion, and with a log that is its own layer of the same story."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby, islice, pairwise
from random import Random
from typing import Any

import pytest

from taskhouse.emulator.script import RunSpec, Step, play

STARTED = datetime(2026, 9, 14, 10, 0, 1, 234_567, tzinfo=UTC)
RUN = "7d1f0c52-6b0e-4d0a-9c1c-1f7f3b2a9e10"
OUTCOMES = ("completed", "failed", "cancelled")
Json = dict[str, Any]


def spec(**changed: Any) -> RunSpec:
    return RunSpec(
        **{
            "run_id": RUN,
            "task_id": "c2a5e9d4-31b7-4e55-8a66-0b9d2f4471aa",
            "repository": "acme/shop-web",
            "branch": "fix/double-rounding",
            "adapter": "claude",
            "outcome": "completed",
            "started_at": STARTED,
            "duration_s": 900.0,
            **changed,
        }
    )


@cache
def crowd(adapter: str) -> list[list[Step]]:
    """Ninety typical runs."""
    return [list(play(spec(adapter=adapter, outcome=OUTCOMES[n % 3]), Random(n))) for n in range(90)]


def lives(steps: Iterable[Step]) -> list[Json]:
    return [json.loads(step.live) for step in steps if step.live is not None]


def logs(steps: Iterable[Step]) -> list[Json]:
    return [json.loads(step.log) for step in steps if step.log is not None]


def kind(event: Json) -> str:
    if event["type"] == "pi_event":
        return str(event["event"]["type"])
    notification = event.get("notification", {})
    if notification.get("method") == "session/update":
        return str(notification["params"]["update"]["sessionUpdate"])
    return str(notification.get("method") or event["type"])


def text_of(event: Json) -> str:
    return str(event["notification"]["params"]["update"]["content"]["text"])


@pytest.mark.parametrize("adapter", ["claude", "codex", "pi"])
def test_the_same_seed_gives_the_same_run_and_another_seed_another(adapter: str) -> None:
    one, same, other = (list(play(spec(adapter=adapter), Random(seed))) for seed in (7, 7, 8))
    assert one == same
    assert one != other


@pytest.mark.parametrize("adapter", ["claude", "codex", "pi"])
def test_steps_come_in_time_order_within_the_runs_duration(adapter: str) -> None:
    for steps in crowd(adapter):
        assert steps[0].at_s == 0
        assert all(a.at_s <= b.at_s for a, b in pairwise(steps))
        assert steps[-1].at_s == pytest.approx(900)


@pytest.mark.parametrize("adapter", ["claude", "codex", "pi"])
def test_log_lines_are_flushed_in_order_half_a_second_after_the_last_or_five_after_the_first(adapter: str) -> None:
    for steps in crowd(adapter):
        logged = [step for step in steps if step.log is not None]
        assert all(a.log_at_s <= b.log_at_s for a, b in pairwise(logged))
        flushes = [list(lines) for _, lines in groupby(logged, key=lambda step: step.log_at_s)]
        for lines in flushes[:-1]:
            due_s = min(lines[-1].at_s + 0.5, lines[0].at_s + 5)
            assert lines[0].log_at_s == pytest.approx(due_s)
            assert all(a.at_s < due_s for a in lines)
        if flushes:
            late_s = flushes[-1][0].log_at_s - flushes[-1][-1].at_s
            assert 0 < late_s <= 20.5


@pytest.mark.parametrize("adapter", ["claude", "codex", "pi"])
def test_live_text_is_printed_as_django_does_and_log_text_compact(adapter: str) -> None:
    for steps in crowd(adapter):
        for step in steps:
            if step.live is not None:
                assert step.live.isascii()
                assert json.dumps(json.loads(step.live)) == step.live
            if step.log is not None:
                assert "\n" not in step.log
                assert json.dumps(json.loads(step.log), separators=(",", ":"), ensure_ascii=False) == step.log


def test_chunks_are_by_far_the_most_numerous_and_small() -> None:
    sizes = [(kind(json.loads(s.live)), len(s.live)) for steps in crowd("claude") for s in steps if s.live is not None]
    chunks = [size for name, size in sizes if name == "agent_message_chunk"]
    assert 0.6 < len(chunks) / len(sizes) < 0.9
    assert 200 < sum(chunks) / len(chunks) < 400
    results = sorted(size for name, size in sizes if name == "tool_call_update")
    assert results[-1] > 20_000
    assert results[len(results) // 2] < 2_000
    assert all(size < 900_000 for _, size in sizes)


def test_a_typical_run_has_some_hundreds_of_events() -> None:
    counts = sorted(len(lives(steps)) for steps in crowd("claude"))
    assert 150 < counts[len(counts) // 2] < 600
    assert counts[-1] < 3_000


@pytest.mark.parametrize("adapter", ["claude", "codex"])
def test_event_ids_are_numbered_without_a_gap_in_each_boot(adapter: str) -> None:
    boots = 0
    for steps in crowd(adapter):
        numbers = [tuple(map(int, e["event_id"].split("-"))) for e in lives(steps) if "event_id" in e]
        starts = [boot for boot, seq in numbers if seq == 1]
        assert starts == sorted(set(starts))
        assert all(b == (a[0], a[1] + 1) or b == (a[0] + 1, 1) for a, b in pairwise(numbers))
        boots = max(boots, *starts)
    assert boots == 2


def test_state_progress_of_the_setup_and_prompts_have_no_event_id() -> None:
    for steps in crowd("claude"):
        for event in lives(steps):
            progress = kind(event) == "_posthog/progress" and event["notification"]["params"]["step"] != "agent"
            bare = event["type"] in {"task_run_state", "permission_request", "mcp_request"}
            assert ("event_id" in event) == (not progress and not bare)


@pytest.mark.parametrize("adapter", ["claude", "codex"])
def test_agent_messages_of_the_log_cover_the_chunks_exactly(adapter: str) -> None:
    for steps in crowd(adapter):
        chunks = {e["event_id"]: e for e in lives(steps) if kind(e) == "agent_message_chunk"}
        order = list(chunks)
        at = 0
        for message in (e for e in logs(steps) if kind(e) == "agent_message"):
            first, last = order.index(message["first_event_id"]), order.index(message["event_id"])
            assert first == at
            covered = [chunks[number] for number in order[first : last + 1]]
            assert "".join(map(text_of, covered)) == text_of(message)
            assert message["timestamp"] == covered[0]["timestamp"]
            boots = {number.split("-")[0] for number in order[first : last + 1]}
            seqs = [int(number.split("-")[1]) for number in order[first : last + 1]]
            assert len(boots) == 1
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
            at = last + 1
        assert at == len(order)


@pytest.mark.parametrize("adapter", ["claude", "codex"])
def test_what_the_log_leaves_out_and_what_only_it_has(adapter: str) -> None:
    for steps in crowd(adapter):
        live, log = lives(steps), logs(steps)
        logged = {event["event_id"] for event in log if "event_id" in event}
        left_out = {kind(event).replace("__", "_") for event in live if event.get("event_id") not in logged}
        assert left_out <= {
            "agent_message_chunk",
            "agent_thought_chunk",  # the empty ones
            "tool_call_update",  # those with nothing but the input so far
            "permission_request",
            "mcp_request",
            "task_run_state",
            "_posthog/progress",
            "_posthog/rtk_savings",
            "_posthog/error",
        }
        for event in live:
            if event.get("event_id") in logged:
                continue
            if kind(event) == "agent_thought_chunk":
                assert text_of(event) == ""
            if kind(event) == "tool_call_update":
                update = event["notification"]["params"]["update"]
                assert update.keys() - {"_meta"} == {"sessionUpdate", "toolCallId", "rawInput"}
        thoughts = [text_of(event) for event in live if kind(event) == "agent_thought_chunk"]
        assert [text for text in thoughts if text] == [text_of(e) for e in log if kind(e) == "agent_thought_chunk"]
        assert not any(kind(event) in {"agent_message_chunk", "task_run_state"} for event in log)
        seen = {event["event_id"] for event in live if "event_id" in event}
        only_log = [event for event in log if event.get("event_id") not in seen]
        assert all("event_id" not in event for event in only_log)
        if len(log) > 1:
            methods = {event["notification"].get("method", "response") for event in only_log}
            assert methods >= {"initialize", "session/new", "session/prompt", "response"}


def test_log_and_stream_agree_on_the_notification_and_differ_by_milliseconds_in_time() -> None:
    for steps in crowd("claude"):
        for step in steps:
            if step.live is None or step.log is None:
                continue
            live, log = json.loads(step.live), json.loads(step.log)
            apart = datetime.fromisoformat(log.pop("timestamp")) - datetime.fromisoformat(live.pop("timestamp"))
            assert live == log
            assert timedelta(0) < apart < timedelta(milliseconds=10)


def test_a_prompt_for_permission_is_a_bare_frame_live_and_notifications_in_the_log() -> None:
    steps = [step for run in crowd("claude") for step in run]
    asked = [e for e in lives(steps) if e["type"] == "permission_request"]
    logged = {
        e["notification"]["params"]["requestId"]: e for e in logs(steps) if kind(e) == "_posthog/permission_request"
    }
    resolved = {
        e["notification"]["params"]["requestId"] for e in logs(steps) if kind(e) == "_posthog/permission_resolved"
    }
    assert len(asked) > 5
    assert {e["requestId"] for e in asked} == logged.keys() == resolved
    for frame in asked:
        assert frame.keys() == {"type", "requestId", "options", "toolCall"}
        params = logged[frame["requestId"]]["notification"]["params"]
        assert params["toolCallId"] == frame["toolCall"]["toolCallId"]


@pytest.mark.parametrize("adapter", ["claude", "codex", "pi"])
def test_the_run_goes_from_queued_through_in_progress_to_its_outcome(adapter: str) -> None:
    for n, steps in enumerate(crowd(adapter)):
        states = [e for e in lives(steps) if e["type"] == "task_run_state"]
        shown = [state["status"] for state in states]
        assert shown == sorted(shown, key=["queued", "in_progress", OUTCOMES[n % 3]].index)
        assert {shown[0], shown[-1]} == {"queued", OUTCOMES[n % 3]}
        assert all(a["updated_at"] < b["updated_at"] for a, b in pairwise(states))
        assert [s["completed_at"] is not None for s in states] == [s["status"] in OUTCOMES for s in states]
        assert (states[-1]["error_message"] is not None) == (shown[-1] == "failed")
        if shown[-1] == "completed":
            assert states[-1]["output"]["pr_url"].startswith("https://github.com/acme/shop-web/pull/")


def test_changes_add_up_to_what_the_last_state_frame_says() -> None:
    for steps in crowd("claude"):
        row: Json = {}
        for step in steps:
            row |= step.change or {}
        shown = lives(steps)[-1] if kind(lives(steps)[-1]) == "task_run_state" else {}
        assert shown
        assert all(shown[key] == value for key, value in row.items() if key != "state")
        if "state" in row:
            assert row["state"]["token_usage"]["turns"] >= 1


def test_many_runs_together_show_every_kind_of_event() -> None:
    claude = Counter(kind(e) for steps in crowd("claude") for e in [*lives(steps), *logs(steps)])
    assert claude.keys() >= {
        "task_run_state", "permission_request", "agent_message", "agent_message_chunk", "agent_thought_chunk",
        "tool_call", "tool_call_update", "plan", "usage_update", "user_message_chunk", "user_message",
        "available_commands_update", "current_mode_update", "config_option_update", "session_info_update", "error",
        "_posthog/run_started", "_posthog/sdk_session", "_posthog/console", "_posthog/progress", "_posthog/status",
        "_posthog/turn_complete", "_posthog/background_turn_complete", "_posthog/usage_update",
        "_posthog/git_checkpoint", "_posthog/compact_boundary", "_posthog/resources_used", "_posthog/rtk_savings",
        "_posthog/task_notification", "_posthog/sandbox_output", "_posthog/budget_steer", "_posthog/error",
        "_posthog/permission_request", "_posthog/permission_resolved", "session/prompt", "initialize",
        "session/cancel",
    }  # fmt: skip
    assert any(name.startswith("__posthog/") for name in claude)
    assert claude["agent_message"] < claude["agent_message_chunk"] / 10
    codex = {kind(e) for steps in crowd("codex") for e in lives(steps)}
    assert "_posthog/codex_goal" in codex


def test_codex_settles_a_turn_with_counts_and_claude_with_cost() -> None:
    for adapter in ("claude", "codex"):
        ends = [
            e["notification"]["params"]
            for run in crowd(adapter)
            for e in lives(run)
            if kind(e).endswith("/turn_complete")
        ]
        used = [
            e["notification"]["params"]
            for run in crowd(adapter)
            for e in lives(run)
            if kind(e).endswith("/usage_update")
        ]
        assert all(("usage" in end) == (adapter == "codex") for end in ends)
        assert all((params["cost"] is None) == (adapter == "codex") for params in used)


def test_a_pi_run_is_made_of_pi_events_the_same_in_both_layers() -> None:
    for steps in crowd("pi"):
        for step in steps:
            if step.log is None:
                continue
            event = json.loads(step.log)
            assert step.live is not None
            assert event == json.loads(step.live)
            assert event["type"] in {"pi_event", "pi_run_started"}
    kinds = Counter(kind(event) for steps in crowd("pi") for event in lives(steps))
    assert kinds.keys() >= {
        "user_message", "assistant_message_chunk", "assistant_thought_chunk", "tool_call_started",
        "tool_call_updated", "turn_completed", "pi_run_started", "task_run_state", "_posthog/progress",
    }  # fmt: skip


@pytest.mark.parametrize("adapter", ["claude", "pi"])
def test_a_resumed_run_says_so_in_its_first_prompt(adapter: str) -> None:
    steps = list(play(spec(adapter=adapter, resumes=True), Random(2)))
    first = next(event for event in lives(steps) if kind(event).startswith("user_message"))
    assert "You are resuming a previous conversation." in json.dumps(first)
    methods = {event["notification"].get("method") for event in logs(steps) if event["type"] == "notification"}
    assert adapter == "pi" or ("_posthog/session/resume" in methods and "session/new" not in methods)


def test_nasty_but_legal_text_turns_up_at_a_low_rate() -> None:
    said = [text_of(e) for run in crowd("claude") for e in lives(run) if kind(e) == "agent_message_chunk"]
    nasty = [text for text in said if any(bad in text for bad in ("\u2028", "👩‍💻", '"inside"', "\n\ndata:", "\x00"))]
    assert 0 < len(nasty) / len(said) < 0.02


@pytest.mark.worlds
def test_a_very_long_run_is_made_lazily() -> None:
    tracemalloc.start()
    try:
        steps = play(spec(size=5000, duration_s=36_000.0), Random(3))
        assert sum(1 for _ in islice(steps, 30_000)) == 30_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


def test_a_short_run_still_fits_its_duration() -> None:
    steps = list(play(spec(duration_s=3.0), Random(5)))
    assert all(a.at_s <= b.at_s for a, b in pairwise(steps))
    assert steps[-1].at_s == pytest.approx(3.0)
