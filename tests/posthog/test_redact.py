"""Redaction cuts secrets out of the text and touches nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.emulator.redaction import redacted as theirs
from taskhouse.posthog import content
from taskhouse.posthog.redact import STATE_KEYS, redact_event

URL = "https://bucket.s3.amazonaws.com/a/b.jsonl"
SIGNED = f"{URL}?X-Amz-Algorithm=AWS4&X-Amz-Expires=3600&X-Amz-Signature=0a1b2c"
KEYS = st.sampled_from(sorted(STATE_KEYS)) | st.text(max_size=8)
TEXT = st.sampled_from(
    [SIGNED, URL, f"see {SIGNED} and {SIGNED}, or '{SIGNED}'", f"<{SIGNED}>", "plain?", "é"]
) | st.text(st.characters(exclude_characters="?"), max_size=8)
INNER = st.recursive(
    TEXT | st.integers() | st.none(), lambda x: st.lists(x, max_size=3) | st.dictionaries(KEYS, x), max_leaves=6
)
STATES = st.dictionaries(KEYS, INNER, max_size=5) | st.none() | TEXT
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["task_run_state", "notification"]), "state": STATES},
    optional={"output": INNER, "status": TEXT},
)


@given(EVENTS, st.booleans())
def test_agrees_with_what_the_emulator_says_a_client_should_hold(event: dict[str, Any], spaced: bool) -> None:  # noqa: FBT001
    text = json.dumps(event) if spaced else json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    data = text.encode("utf-8", "surrogatepass")
    kept, cut = redact_event(data)
    expected = theirs(text).encode("utf-8", "surrogatepass")
    assert kept == expected
    assert cut == (kept != data)
    assert redact_event(kept) == (kept, False)


@given(EVENTS)
def test_only_values_in_a_state_and_queries_differ(event: dict[str, Any]) -> None:
    kept: dict[str, Any] = json.loads(redact_event(json.dumps(event).encode())[0])
    assert b"X-Amz-Signature=" not in json.dumps(kept).encode()
    if event["type"] == "task_run_state" and isinstance(event["state"], dict):
        for name, value in event["state"].items():
            assert kept["state"][name] == (
                "[redacted]" if name not in STATE_KEYS else json.loads(theirs(json.dumps(value)))
            )


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b' {"state" : { "a" : [1, {"b": 2}] , "mode":1.50},"type": "task_run_state" }',
         b' {"state" : { "a" : "[redacted]" , "mode":1.50},"type": "task_run_state" }'),
        (b'{"type":"x","state":{"a":"task_run_state"},"n":"task_run_state"}', None),
        (b'{"type":"x","type":"task_run_state","state":{"\\u0061":1,"mode":2,"a":3}}',
         b'{"type":"x","type":"task_run_state","state":{"\\u0061":"[redacted]","mode":2,"a":"[redacted]"}}'),
        (b'{"type":"task_run_state","state":{"a":1}', None),
        (b'{"n":{"type":"task_run_state","state":{"a":1}}}', None),
        (b'{"type":"task_run_state","state":{"a":NaN,"b":"\xff"}}',
         b'{"type":"task_run_state","state":{"a":"[redacted]","b":"[redacted]"}}'),
        (b"not json https://h/p?a=1&X-Amz-Signature=2&b=3 tail?x", b"not json https://h/p?[redacted] tail?x"),
        (b'"{\\"u\\":\\"https://h/p?a=1\\\\u0026X-Amz-Signature=2\\"}"', b'"{\\"u\\":\\"https://h/p?[redacted]\\"}"'),
    ],
)  # fmt: skip
def test_examples(data: bytes, kept: bytes | None) -> None:
    assert redact_event(data) == (data if kept is None else kept, kept is not None)


def test_an_event_built_to_be_slow_is_not() -> None:
    data = b'"' + b"https://?" * 300_000 + b' X-Amz-Signature= "task_run_state"' + b"[" * 100_000
    assert redact_event(data) == (data, False)


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_secrets_of_a_state_are_cut_however_deep_it_is(opens: str, closes: str) -> None:
    deep = f'{opens * 5000}"x"{closes * 5000}'
    text = f'{{"type":"task_run_state","deep":{deep},"state":{{"mode":{deep},"sandbox_url":"secret","more":{deep}}}}}'
    kept, was_cut = redact_event(text.encode())
    cut = '"sandbox_url":"[redacted]","more":"[redacted]"'
    assert kept.decode() == f'{{"type":"task_run_state","deep":{deep},"state":{{"mode":{deep},{cut}}}}}'
    assert was_cut


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ('{"mode": "plan", "sandbox_url": "secret"}', '{"mode": "plan", "sandbox_url": "[redacted]"}'),
        ('["secret"]', '"[redacted]"'),
        ("null", "null"),
    ],
)
def test_a_record_that_is_nested_too_deeply_loses_only_its_secrets(state: str, kept: str) -> None:
    deep = "[" * 5000 + "]" * 5000
    text = f'{{"id": "t", "deep": {deep}, "state": %s, "latest_run": {{"id": "r", "deep": {deep}, "state": %s}}}}'
    assert content.safe((text % (state, state)).encode()) == text % (kept, kept)
    assert "secret" not in content.safe((text % (state, state) + "]").encode())
