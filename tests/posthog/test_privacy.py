"""With ``capture_text = none`` nothing that a person or an agent wrote is left."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.posthog.privacy import STRUCTURE, mark, run_without_text, task_without_text, without_text

SECRET = "the secret sauce"
KEYS = st.text(max_size=8).filter(lambda key: key not in STRUCTURE)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_no_text_survives_under_a_key_that_is_not_structure(value: Any) -> None:
    assert SECRET.encode() not in without_text(json.dumps(value).encode())


def test_structure_numbers_and_sizes_survive() -> None:
    event = {
        "type": "notification",
        "event_id": "1-7",
        "notification": {
            "method": "session/update",
            "params": {"update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": SECRET}}},
        },
        "n": 1.5,
    }
    kept = json.loads(without_text(json.dumps(event).encode()))
    assert kept["notification"]["params"]["update"].pop("content") == {"type": "text", "text": mark(SECRET)}
    event["notification"]["params"]["update"].pop("content")  # type: ignore[index]
    assert kept == event
    assert mark(SECRET).startswith(f"[text {len(SECRET)} ")


def test_a_long_text_under_a_structural_key_is_no_name() -> None:
    assert all(SECRET.encode() not in without_text(json.dumps({key: SECRET * 50}).encode()) for key in STRUCTURE)


@pytest.mark.parametrize("key", ["kind", "stopReason", "status", "text"])
def test_no_text_imitates_a_mark(key: str) -> None:
    for said in (mark("a"), f"so: {mark('a')}", "[text 9223372036854775807 0123456789abcdef]"):
        assert json.loads(without_text(json.dumps({key: said}).encode())) == {key: mark(said)}


@given(
    st.recursive(
        st.text() | st.just("[redacted]"),
        lambda inner: st.dictionaries(st.sampled_from(["[redacted]", "a[redacted]", "kind"]), inner) | st.lists(inner),
        max_leaves=5,
    )
)
def test_what_is_hidden_never_says_that_it_only_lost_a_secret(value: Any) -> None:
    assert b"[redacted]" not in without_text(json.dumps(value).encode())


@pytest.mark.parametrize("depth", [200, 400, 900, 990, 1100, 100_000])
def test_nesting_of_any_depth_is_hidden(depth: int) -> None:
    assert SECRET.encode() not in without_text(b'{"a":' * depth + json.dumps(SECRET).encode() + b"}" * depth)


def test_what_is_not_json_is_one_mark() -> None:
    assert json.loads(without_text(b"not json \xff")) == mark("not json \N{REPLACEMENT CHARACTER}")
    deep = b"[" * 100_000
    assert json.loads(without_text(deep)) == mark(deep.decode())


def test_the_same_text_has_the_same_mark_and_lone_surrogates_do_not_matter() -> None:
    assert mark("a") == mark("a") != mark("b")
    assert json.loads(without_text(b'{"text": "\\ud83d"}'))["text"] == mark("\ud83d")


def test_tasks_and_runs_lose_what_was_written() -> None:
    task = task_without_text({"id": "1", "title": "t", "description": SECRET, "ci_prompt": SECRET})
    run = run_without_text(
        {
            "id": "1",
            "branch": "b",
            "error_message": SECRET,
            "output": {"final_message": SECRET, "pr_url": "https://x/1", "pr_state": "open"},
            "state": {"task_summary": SECRET, "resume_from_run_id": "r"},
            "task_summary": SECRET,
            "task_tags": [SECRET],
        }
    )
    assert SECRET not in json.dumps([task, run])
    assert (task["title"], run["branch"], run["output"]["pr_url"]) == ("t", "b", "https://x/1")
    assert (run["state"]["resume_from_run_id"], run["output"]["pr_state"]) == ("r", "open")
