"""What a careful client may keep of an event."""

import json

from taskhouse.emulator.redaction import redacted

STATE = {
    "resume_from_run_id": "r",
    "token_usage": {"turns": 1},
    "mode": "background",
    "run_source": "manual",
    "pr_base_branch": "main",
    "task_summary": "été",
    "repositories": ["a/b"],
    "sandbox_url": "https://sandbox.example.com",
    "token": {"deep": ["secret"]},
}


def test_state_keeps_seven_keys_and_hides_every_other_value() -> None:
    for style in ({}, {"separators": (",", ":"), "ensure_ascii": False}):
        text = json.dumps({"type": "task_run_state", "state": STATE, "status": "queued"}, **style)  # type: ignore[arg-type]
        kept = redacted(text)
        hidden = {**STATE, "sandbox_url": "[redacted]", "token": "[redacted]"}
        assert kept == json.dumps({"type": "task_run_state", "state": hidden, "status": "queued"}, **style)  # type: ignore[arg-type]


def test_only_a_top_level_run_state_is_touched() -> None:
    inner = json.dumps({"type": "notification", "params": {"type": "task_run_state", "state": STATE}})
    plain = json.dumps({"type": "task_run_state", "state": {"mode": "x"}})
    broken = '{"type": "task_run_state", "state": {'
    assert [redacted(text) for text in (inner, plain, broken)] == [inner, plain, broken]


def test_the_query_of_a_signed_url_is_hidden_and_others_stay() -> None:
    signed = "https://s3.example.com/logs/a.jsonl?X-Amz-Date=1&X-Amz-Signature=abc&x=1"
    text = json.dumps({"text": f"see {signed} and https://example.com/?q=1", "url": signed})
    assert json.loads(redacted(text)) == {
        "text": "see https://s3.example.com/logs/a.jsonl?[redacted] and https://example.com/?q=1",
        "url": "https://s3.example.com/logs/a.jsonl?[redacted]",
    }
