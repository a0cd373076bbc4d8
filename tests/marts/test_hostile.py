"""No event, however odd, breaks a view or is missing from the timeline."""

import json
import time
from typing import Any

import pytest

from taskhouse import marts
from taskhouse.posthog.privacy import mark, without_text

ODD: tuple[str, ...] = (
    "",
    "not json",
    "nul\u0001 \u2028 \u0085",
    "[1, 2]",
    '"a text"',
    "null",
    "17",
    "{}",
    '{"a": NaN}',
    '{"type": "notification", "notification": {"method": "session/update", "params": {"update": {"used": NaN}}}}',
    '{"type": "notification", "timestamp": "infinity", "notification": Infinity}',
    '{"type": "notification", "timestamp": "2026-09-14T10:00:00Z", "notification": [1, {"params": 2}]}',
    '{"type": {"deep": 1}, "timestamp": 5, "notification": "x", "event_id": 7}',
    '{"type": "keepalive"}',
    '{"type": "rotated"}',
    '{"n": 123456789012345678901234567890, "n": 2, "f": 1e999}',
    "[" * 5000 + "]" * 5000,
    '{"type": "task_run_state", "status": ["completed"], "updated_at": {}}',
    '{"type": "permission_request", "options": "all", "toolCall": {"toolCallId": ["x"]}}',
    '{"type": "permission_request", "requestId": {"a": 1}, "options": [1, null], "toolCall": {"toolCallId": "t"}}',
    '{"type": "pi_event", "event": {"type": ["tool_call_started"], "toolCall": 3}}',
    '{"type": "pi_event", "event": {"type": "tool_call_started", "toolCall": {"id": {"x": 1}, "title": []}}}',
    '{"type": "pi_event", "event": {"type": "assistant_message_chunk", "content": [null]}}',
    '{"type": "pi_event", "event": "assistant_message_chunk"}',
    '{"type": "pi_run_started"}',
)


def update(event_id: object = None, first_event_id: object = None, **fields: Any) -> str:
    """A session update with odd fields."""
    event = {"type": "notification", "notification": {"method": "session/update", "params": {"update": fields}}}
    ids = {"event_id": event_id, "first_event_id": first_event_id}
    return json.dumps(event | {name: value for name, value in ids.items() if value is not None})


ODD_UPDATES: tuple[str, ...] = (
    update(sessionUpdate="agent_message_chunk", content="a text"),
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": {"a": 1}}),
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": None}),
    update(sessionUpdate="agent_message_chunk", content=[{"text": 1}]),
    update(sessionUpdate="agent_message_chunk"),
    update("1-1", sessionUpdate="agent_message_chunk", content={"text": "cut \ud83d"}),
    update("99999999999999999999-1", sessionUpdate="agent_message_chunk", content={"text": "nul \u0000"}),
    update("1-99999999999999999999", sessionUpdate="agent_message_chunk", content={"text": "far"}),
    update("", sessionUpdate="agent_message_chunk", content={"text": "no number"}),
    update("1", sessionUpdate="agent_message_chunk", content={"text": "one"}),
    update(["1-2"], sessionUpdate="agent_thought_chunk", content={"text": 5}),
    update(sessionUpdate=["agent_message"], content={}),
    update(sessionUpdate="usage_update", used="many", size=-1, cost="free"),
    update(sessionUpdate="usage_update", used=1e300, size=[], cost={"amount": {}, "currency": 3}),
    update(sessionUpdate="tool_call", toolCallId=7, locations="here", content=3, _meta="x"),
    update(sessionUpdate="tool_call", toolCallId="t", locations=[1, {"path": 3}, {"path": None}], content=[[]]),
    update(sessionUpdate="tool_call_update", toolCallId="t", status=1, _meta={"terminal_exit": {"exit_code": 1e30}}),
    update(sessionUpdate="tool_call_update", toolCallId="t", rawOutput={"isError": "maybe"}, error={"deep": "\u0000"}),
    '{"type":"notification","notification":{"method":"_posthog/usage_update","params":{"used":[],"cost":{"amount":"x"}}}}',
    '{"type":"notification","notification":{"method":"_posthog/usage_update","params":{"used":{"inputTokens":-4}}}}',
    '{"type":"notification","notification":{"method":"__posthog/turn_complete","params":{"usage":{"totalTokens":1e99}}}}',
    '{"type":"notification","notification":{"method":"_posthog/permission_resolved","params":{"toolCallId":"t"}}}',
    '{"type":"notification","notification":{"method":{"a":1},"params":[1]}}',
    update("1-2", "1-5", sessionUpdate="agent_message", content={"text": "backwards"}),
    update("y", "x", sessionUpdate="agent_message", content=7),
    update("x-9223372036854775807", sessionUpdate="agent_message_chunk", content={"text": "last"}),
    update("x-9223372036854775806", sessionUpdate="agent_message_chunk", content={"text": "last but one"}),
    update("x-9223372036854775807", "x-0", sessionUpdate="agent_message", content={"text": "all"}),
    update("y-9223372036854775807", "y--9223372036854775808", sessionUpdate="agent_message", content={"text": "all"}),
    update(sessionUpdate="agent_message_chunk", content={"text": "[text 9223372036854775807 0123456789abcdef]"}),
    update(sessionUpdate="agent_thought_chunk", content={"text": "[text 1 0123456789abcdef]"}),
)


@pytest.fixture
def hostile(empty: Any) -> Any:
    """A warehouse that holds each odd event in both layers."""
    texts = [*ODD, *ODD_UPDATES]
    empty.load("live", [(f"{1790000000000 + n}-0", text) for n, text in enumerate(texts)])
    empty.load("live", [(None, text) for text in texts])
    empty.load("live", [(f"log-{n}", text) for n, text in enumerate(texts)], run="thin")
    empty.load("log", list(enumerate(texts)))
    version = {"project_id": 1, "task_id": "t", "status": "completed"}
    empty.fill(
        "raw.run_versions", [{**version, "run_id": str(n), "payload": text, "page": n} for n, text in enumerate(texts)]
    )
    return empty


def test_every_view_reads_on(hostile: Any) -> None:
    for view in marts.VIEWS:
        hostile.rows(f"SELECT * FROM main.{view}")


def test_every_macro_reads_on(hostile: Any) -> None:
    for call in ("readiness_as_of(DATE '2026-09-01')", "task_as_of(now())", "run_as_of(now())"):
        hostile.rows(f"FROM main.{call}")


def test_every_event_is_in_the_timeline(hostile: Any) -> None:
    shown = {row["payload"] for row in hostile.rows("SELECT payload FROM main.run_timeline WHERE run_id = 'r'")}
    assert set(ODD) - shown == set()
    assert {text for text in ODD_UPDATES if text not in shown} <= {
        text for text in ODD_UPDATES if "agent_message" in text
    }


def test_frames_of_the_log_count_until_the_log_itself_is_kept(hostile: Any) -> None:
    assert {
        row["layer"] for row in hostile.rows("SELECT DISTINCT layer FROM main.events_once WHERE run_id = 'thin'")
    } == {"log"}
    hostile.load("log", [(0, '{"kept": true}')], run="thin")
    assert hostile.rows("SELECT payload FROM main.events_once WHERE run_id = 'thin'") == [{"payload": '{"kept": true}'}]


def test_no_text_that_people_see_holds_a_nul(hostile: Any) -> None:
    for column in ("run_timeline.text", "messages.text", "tool_calls.title", "tool_calls.error_message"):
        view, _, name = column.rpartition(".")
        assert hostile.rows(f"SELECT count(*) AS found FROM main.{view} WHERE contains({name}, chr(0))") == [
            {"found": 0}
        ]


def chunk(text: str) -> str:
    """A whole message of the agent."""
    return update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})


def test_a_long_message_of_chunks_without_numbers_costs_what_short_ones_cost(scratch: Any) -> None:
    """What is put together once for each chunk grows with the square of a message's length."""

    def cost(messages: int) -> float:
        scratch.fill("raw.run_events", [])
        scratch.fill("raw.run_log_entries", [])
        note = json.dumps({"type": "notification", "notification": {"method": "_posthog/console"}})
        texts = [chunk("x" * 4_000)] * (300 // messages) + [note]
        for run in ("one", "two", "three"):
            scratch.load("log", [(0, update(sessionUpdate="agent_message", content={"text": "x"}))], run)
            scratch.load("live", [(f"{index}-0", text) for index, text in enumerate(texts * messages)], run)
        began = time.process_time()
        assert scratch.rows("SELECT sum(length(text)) AS n FROM main.messages") == [{"n": 3_600_003}]
        return time.process_time() - began

    assert cost(1) < 4 * cost(20)


@pytest.mark.parametrize("text", ["a text", mark("a text"), "[text 9223372036854775807 0123456789abcdef]", ""])
def test_a_text_is_as_long_as_it_was_whatever_mark_it_imitates(empty: Any, text: str) -> None:
    hidden = without_text(chunk(text).encode()).decode()
    lost_a_secret = chunk(f"{text} https://s3/x?[redacted]")
    empty.load("live", [("1790000000000-0", chunk(text))], run="as it is")
    empty.load("live", [("1790000000000-0", hidden)], run="without text", redacted=True)
    empty.load("log", [(0, hidden)], run="log without text", redacted=True)
    empty.load("live", [("1790000000000-0", lost_a_secret)], run="without a secret", redacted=True)
    found = {row["run_id"]: row["characters"] for row in empty.rows("SELECT run_id, characters FROM main.messages")}
    assert found == {
        "as it is": len(text),
        "without text": len(text),
        "log without text": len(text),
        "without a secret": len(text) + len(" https://s3/x?[redacted]"),
    }


@pytest.mark.parametrize(
    ("event_id", "boot", "number"),
    [
        ("k9d2x-9", "k9d2x", 9),
        ("bootA-13", "bootA", 13),
        ("a-b-7", "a-b", 7),
        ("x-0", "x", 0),
        ("x-007", "x", 7),
        ("x--5", "x-", 5),
        ("a\nb-4", "a\nb", 4),
        ("a\0b-3", "a\0b", 3),
        ("x-999999999999999", "x", 999999999999999),
        ("x-00000000000000000000000012", "x", 12),
        ("x-1000000000000000", None, None),
        ("x-9223372036854775807", None, None),
        ("x-" + "9" * 5000, None, None),
        ("x-\u0663", None, None),
        ("x-1.5", None, None),
        ("x-", None, None),
        ("-5", None, None),
        ("5", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_an_agents_number_is_one_that_can_be_counted_with(
    scratch: Any, event_id: str | None, boot: str | None, number: int | None
) -> None:
    found = "SELECT main.event_boot($1::VARCHAR) AS boot, main.event_number($1::VARCHAR) AS number"
    assert scratch.rows(found, event_id) == [{"boot": boot, "number": number}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("[1]", "[1]"),
        ("nope", None),
        ("", None),
        (None, None),
        ('{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d\\ude00"}'),
        ('{"a": "\\ud83d"}', '{"a": "\\ufffd"}'),
        ('{"a": "\\ud83d"', None),
    ],
)
def test_the_document_is_what_can_be_read(scratch: Any, text: str | None, expected: str | None) -> None:
    assert scratch.rows("SELECT main.event_document(?) AS found", text) == [{"found": expected}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), ("5.0", 5), ("1e3", 1000), ("-1", None), ("NaN", None), ("1e300", None), ("many", None), (None, None)],
)
def test_a_count_is_a_number_or_nothing(scratch: Any, text: str | None, expected: int | None) -> None:
    assert scratch.rows("SELECT main.token_count(?::VARCHAR) AS found", text) == [{"found": expected}]
