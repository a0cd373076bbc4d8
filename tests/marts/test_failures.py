"""Failed attempts and their fingerprints, against plain Python over drawn rows."""

import json
import random
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from tests.marts.lives import TABLES, lives

Row = dict[str, Any]

RUN = "0190f5c2-7a1e-7b55-9c39-4f6f3c1d2e10"
MESSAGES = ("Tool failed: exit code {n} in /home/u{n}/x.py:{n}:3", "Run {run} timed out after {n}.5s", "no such branch")


@pytest.mark.parametrize(
    ("message", "fingerprint"),
    [
        ("Tool Bash failed: exit code 137 at /home/u/x.py:12:3", "tool bash failed: exit code <n> at <path>:<n>"),
        ("can't open 'a b', don't", "can't open <text>, don't"),
        (f"Run {RUN} timed out at 2026-11-24T10:00:00.123Z", "run <n> timed out at <n>"),
        ("commit 3f2a9bc \x1b[31mred\x1b[0m\n\n x", "commit <n> red x"),
        ("GET https://a.example/c?d=1: 10.0.0.3:8080 refused", "get <url> <n> refused"),
        ('bad "it\'s" and `x` in C:\\a\\b', "bad <text> and <text> in <path>"),
        ("[text 42 1f3a1f3a1f3a1f3a]", None),
        (" ", None),
        (None, None),
    ],
)
def test_a_fingerprint_leaves_out_what_differs(scratch: Any, message: str | None, fingerprint: str | None) -> None:
    assert scratch.rows("SELECT main.fingerprint(?) AS found", message) == [{"found": fingerprint}]


def drawn(seed: int) -> dict[str, list[Row]]:
    """A week of runs with messages, whose events are tool calls too."""
    dice = random.Random(seed)
    rows = lives(dice, projects=1, runs=100)
    for version in rows["raw.run_versions"]:
        if version.get("error_message"):
            text = dice.choice(MESSAGES).format(n=dice.randrange(1, 99), run=RUN)
            version["error_message"] = text
        ended: Any = version.get("completed_at")
        for _ in range(dice.choice([0, 1, 2, 4]) if ended else 0):
            at = ended - timedelta(milliseconds=dice.randrange(-100_000, 400_000))
            call = dice.choice([None, f"c{dice.randrange(99)}"])
            update = {"status": dice.choice(["pending", "completed", "failed"]), "kind": "execute"}
            payload = json.dumps({"notification": {"params": {"update": update}}})
            event = {name: version[name] for name in ("project_id", "task_id", "run_id")}
            event |= {"tool_call_id": call, "occurred_at": at, "received_at": at, "payload": payload}
            rows[dice.choice(["raw.run_events", "raw.run_log_entries"])].append(event)
    return rows


def expected(rows: dict[str, list[Row]], attempts: list[Row]) -> list[Row]:
    """Place, tool call and hours of each failed attempt, event by event."""
    events: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for table in ("raw.run_events", "raw.run_log_entries"):
        for event in rows[table]:
            if event.get("occurred_at"):
                events[event["project_id"], event["run_id"]].append(event)
    found = []
    for attempt in attempts:
        if attempt["status"] != "failed":
            continue
        key = (attempt["project_id"], attempt["run_id"])
        before = [one["ended_at"] for one in attempts if (one["project_id"], one["run_id"]) == key]
        previous = max((end for end in before if end and end < attempt["ended_at"]), default=None)
        mine = [
            event
            for event in events[key]
            if event["occurred_at"] <= attempt["ended_at"] and (not previous or event["occurred_at"] > previous)
        ]
        calls = [event for event in mine if event.get("tool_call_id")]
        place = None if not mine else "agent" if attempt["started_at"] or calls else "before_start"
        call = None
        if calls:
            last = max(calls, key=lambda event: (event["occurred_at"], event["tool_call_id"]))
            if json.loads(last["payload"])["notification"]["params"]["update"]["status"] != "completed":
                place, call = "tool", last["tool_call_id"]
        found.append(
            {
                **{name: attempt[name] for name in ("project_id", "run_id", "attempt", "model", "repository")},
                "message": attempt["error_message"],
                "place": place,
                "tool": "execute" if call else None,
                "tool_call_id": call,
                "has_events": bool(mine),
                "hours": attempt["duration_s"] and pytest.approx(attempt["duration_s"] / 3600),
            }
        )
    return found


def test_failures_say_where_an_attempt_failed_and_what_it_cost(scratch: Any) -> None:
    rows = drawn(16)
    for table, of_it in rows.items():
        scratch.fill(table, of_it)
    attempts = scratch.rows("SELECT * FROM main.run_attempts ORDER BY project_id, run_id, attempt")
    wanted = expected(rows, attempts)
    got = scratch.rows("SELECT * FROM main.failures ORDER BY project_id, run_id, attempt")
    assert len(wanted) > 10
    assert {row["place"] for row in wanted} == {None, "tool", "agent", "before_start"}
    for one, other in zip(got, wanted, strict=True):
        assert {name: one[name] for name in other} == other
    ranked = scratch.rows("SELECT fingerprint, sum(hours) AS hours FROM main.failures GROUP BY ALL")
    assert {row["fingerprint"] for row in ranked} <= {
        "tool failed: exit code <n> in <path>:<n>",
        "run <n> timed out after <n>",
        "no such branch",
        "broken",  # what only the state in a stream says
        None,
    }
    for table in TABLES:
        scratch.fill(table, [])
