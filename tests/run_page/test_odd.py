"""With anything in an event of an agent, its run has a page, and the page is inert."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from taskhouse.run_page import compare, html, markdown
from taskhouse.run_page.model import Row, Run
from taskhouse.run_page.notes import NOTIFICATIONS, UPDATES
from taskhouse.run_page.steps import steps
from tests.marts.test_hostile import ODD, ODD_UPDATES
from tests.report.tree import Tree
from tests.run_page.story import EVIL, FULL

KEYS = (
    "update content title kind status rawInput rawOutput stdout stderr isError error message entries toolCall options"
    " optionId toolCallId requestId prompt text type path oldText newText data mimeType resource name uri _meta head"
    " terminal_output old_string new_string file_path command result exitCode level label detail step stopReason goal"
    " objective branch spent_usd cap_usd stage preTokens trigger summary event notification params credential method"
).split()
METHODS = [*NOTIFICATIONS, "_posthog/permission_request", "_posthog/never", None, "session/update"]
SESSIONS = [*UPDATES, "tool_call", "tool_call_update", "plan", "never", None]


def value(dice: random.Random, depth: int = 0) -> Any:
    if depth < 5 and dice.random() < 0.6:
        if dice.random() < 0.7:
            return {dice.choice(KEYS): value(dice, depth + 1) for _ in range(dice.randrange(5))}
        return [value(dice, depth + 1) for _ in range(dice.randrange(3))]
    return dice.choice(
        [None, True, 0, -1, 1e300, 10**30, "", "diff", "image", "text", "failed", EVIL, "\ud83d", "a\nb"]
    )


def event(dice: random.Random, ordinal: int, payload: str | None) -> Row:
    return {
        "ordinal": ordinal,
        "at": dice.choice([None, 0, 1_790_000_000_000 + ordinal]),
        "kind": dice.choice(["notification", "task_run_state", "permission_request", "pi_event", EVIL, None]),
        "method": dice.choice(METHODS),
        "session_update": dice.choice(SESSIONS),
        "tool_call_id": dice.choice(["c", "d", None, None]),
        "payload": payload,
        "bytes": len(payload or ""),
        "is_hidden": dice.random() < 0.05,
    }


def call(dice: random.Random, name: str) -> Row:
    texts = ["tool_name", "kind", "title", "status", "error_message", "parent_tool_call_id", "permission_decision"]
    found: dict[str, Any] = {key: dice.choice([None, EVIL, "completed", "failed", "Bash"]) for key in texts}
    numbers = {key: dice.choice([None, 0, 3.5]) for key in ("duration_s", "permission_wait_s")}
    flags = {key: dice.choice([None, True, False]) for key in ("is_error", "permission_asked")}
    return {"tool_call_id": name, "exit_code": dice.choice([None, 0, 137]), "paths": [], **found, **numbers, **flags}


@pytest.mark.parametrize("seed", range(4))
def test_any_event_has_a_place_on_a_page_that_does_nothing(pages_of: dict[str, Run], seed: int) -> None:
    dice = random.Random(seed)
    payloads = [json.dumps(value(dice)) for _ in range(120)]
    shaped = [json.dumps({"notification": {"params": value(dice), "result": value(dice)}}) for _ in range(120)]
    updates = [json.dumps({"notification": {"params": {"update": value(dice)}}}) for _ in range(120)]
    texts = [*payloads, *shaped, *updates, *ODD, *ODD_UPDATES, None, "[" * 100_000, '{"a":' * 900 + "1" + "}" * 900]
    dice.shuffle(texts)
    events = [event(dice, ordinal, text) for ordinal, text in enumerate(texts)]
    messages = [
        {"role": dice.choice(["agent", "user", "thought"]), "text": EVIL, "characters": 9, "at": None, "ordinal": place}
        for place in sorted(dice.sample(range(len(texts)), 20))
    ]
    found = steps(events, messages, [call(dice, "c"), call(dice, "d")], [], [], frozenset())
    run = replace(pages_of[FULL], steps=found)
    for page in (html.page(run), html.comparison(run, pages_of[FULL])):
        names = {one.name for one in Tree(page).elements}
        assert not names & {"script", "img", "iframe", "form", "object"}
    assert len(markdown.page(run)) < 30_000
    assert compare.steps_of(run)
