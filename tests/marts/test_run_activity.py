"""What an attempt's events show of its work, against plain Python over the raw rows of a captured history."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Row = dict[str, Any]

COMMITS = {"_posthog/git_checkpoint", "_posthog/branch_created"}
ANSWERS = {"_posthog/permission_resolved", "_posthog/permission_response"}
START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


def events_of(tables: Any) -> dict[str, list[Row]]:
    """Every event with its JSON, by run."""
    found: dict[str, list[Row]] = defaultdict(list)
    for layer, table in (("live", "raw.run_events"), ("log", "raw.run_log_entries")):
        for row in tables.rows(f"SELECT * FROM {table} WHERE occurred_at IS NOT NULL"):
            event = json.loads(row["payload"])
            params = event.get("notification", {}).get("params", {})
            update = params.get("update", {}) or event.get("event", {}).get("toolCall", {})
            asks = event if row["kind"] == "permission_request" else params
            about = {"layer": layer, "update": update if isinstance(update, dict) else {}, "asks": asks}
            found[row["run_id"]].append(row | about)
    return found


def number_of(events: list[Row], wanted: Any) -> int:
    """How many events both layers have together, where one with the same number counts once."""
    return len({row["event_id"] or (row["layer"], place) for place, row in enumerate(events) if wanted(row)})


def calls_of(events: list[Row]) -> list[Row]:
    """Tool calls, each from all its events."""
    of_call: dict[str, list[Row]] = defaultdict(list)
    for row in events:
        if call := row["tool_call_id"] or (row["kind"] == "pi_event" and row["update"].get("id")):
            of_call[call].append(row)
    found = []
    for mine in of_call.values():
        asked = [
            row for row in mine if row["kind"] == "permission_request" or "permission_request" in str(row["method"])
        ]
        answers = [row for row in mine if row["method"] in ANSWERS]
        answers = [row for row in answers if row["layer"] == "live"] or answers
        kinds = {option["optionId"]: option["kind"] for row in asked for option in row["asks"]["options"]}
        chosen = [kinds[row["asks"]["optionId"]] for row in answers]
        output = [row["update"].get("rawOutput") or {} for row in mine]
        found.append(
            {
                "at": min(row["occurred_at"] for row in mine),
                "edits": any(row["update"].get("kind") in {"edit", "delete", "move"} for row in mine),
                "failed": any(row["update"].get("status") == "failed" for row in mine)
                or any(isinstance(each, dict) and each.get("isError") for each in output),
                "asked": bool(asked),
                "rejected": any(kind.startswith("reject") for kind in chosen),
                "waited": max(row["occurred_at"] for row in answers) - min(row["occurred_at"] for row in asked)
                if asked and answers
                else None,
            }
        )
    return found


def expected(attempt: Row, after: datetime | None, events: list[Row], calls: list[Row]) -> Row:
    """Figures of one attempt: what happened until its end or, for the last one, ever after."""

    def inside(moment: datetime) -> bool:
        return (after is None or moment > after) and (attempt["is_last"] or moment <= attempt["ended_at"])

    events, calls = [row for row in events if inside(row["occurred_at"])], [row for row in calls if inside(row["at"])]
    if not events:
        return {"has_events": False} | dict.fromkeys(("layer", "turns", "tool_calls", "permission_wait_s", "errors"))
    layers = {row["layer"] for row in events}
    edit = min((row["at"] for row in calls if row["edits"] and not row["failed"]), default=None)
    commit = min((row["occurred_at"] for row in events if row["method"] in COMMITS), default=None)
    waits = [row["waited"] for row in calls if row["waited"] is not None]
    return {
        "has_events": True,
        "layer": "both" if len(layers) > 1 else layers.pop(),
        "first_event_at": min(row["occurred_at"] for row in events),
        "last_event_at": max(row["occurred_at"] for row in events),
        "first_edit_at": edit,
        "first_commit_at": commit,
        "first_edit_s": edit and pytest.approx(max((edit - attempt["began_at"]).total_seconds(), 0), abs=0.002),
        "turns": number_of(events, lambda row: row["method"] == "_posthog/turn_complete"),
        "errors": number_of(events, lambda row: row["method"] == "_posthog/error"),
        "tool_calls": len(calls),
        "tool_errors": sum(row["failed"] for row in calls),
        "permissions_asked": sum(row["asked"] for row in calls),
        "permissions_answered": len(waits),
        "permissions_rejected": sum(row["rejected"] for row in calls),
        "permission_wait_s": None
        if not waits and any(row["asked"] for row in calls)
        else pytest.approx(sum(wait / timedelta(seconds=1) for wait in waits), abs=0.05),
    }


def test_the_work_of_each_attempt_is_that_of_its_events(kept: Any) -> None:
    events = events_of(kept)
    attempts = kept.rows("SELECT * FROM main.run_attempts ORDER BY run_id, attempt")
    got = kept.rows("SELECT * FROM main.run_activity ORDER BY run_id, attempt")
    ended: dict[str, datetime] = {}
    totals: dict[str, float] = defaultdict(float)
    for attempt, row in zip(attempts, got, strict=True):
        mine = events[attempt["run_id"]]
        wanted = expected(attempt, ended.get(attempt["run_id"]), mine, calls_of(mine))
        ended[attempt["run_id"]] = attempt["ended_at"]
        assert {name: row[name] for name in wanted} == wanted, attempt
        for name in wanted:
            totals[name] += bool(row[name])
    assert len(attempts) > totals["has_events"] > 10
    assert all(totals[name] for name in ("first_edit_at", "turns", "tool_errors", "permissions_rejected", "errors"))


def test_messages_are_as_many_as_the_view_of_messages_has(kept: Any) -> None:
    counts = "count(*) FILTER (WHERE role = 'user') AS users, count(*) FILTER (WHERE role = 'agent') AS agents"
    wanted = kept.rows(f"SELECT run_id, {counts} FROM main.messages GROUP BY ALL ORDER BY ALL")
    sums = "sum(user_messages) AS users, sum(agent_messages) AS agents"
    assert len(wanted) > 10
    assert wanted == kept.rows(
        f"SELECT run_id, {sums} FROM main.run_activity GROUP BY ALL HAVING users + agents > 0 ORDER BY ALL"
    )


def test_a_checkpoint_or_a_branch_is_the_first_commit_of_its_attempt(empty: Any) -> None:
    base = {"project_id": 1, "task_id": "t", "run_id": "r"}
    first, second = START + timedelta(hours=1), START + timedelta(hours=3)
    versions = [("completed", first, first), ("queued", None, first + timedelta(hours=1)), ("failed", second, second)]
    empty.fill(
        "raw.run_versions",
        [
            {
                **base,
                "status": status,
                "completed_at": ended,
                "valid_from": seen,
                "created_at": START,
                "updated_at": seen,
            }
            for status, ended, seen in versions
        ],
    )
    saved = {**base, "kind": "notification", "method": "_posthog/git_checkpoint"}
    empty.fill("raw.run_events", [{**saved, "occurred_at": START + timedelta(minutes=n)} for n in (30, 40)])
    made = {**base, "kind": "notification", "method": "_posthog/branch_created"}
    empty.fill("raw.run_log_entries", [{**made, "occurred_at": second + timedelta(seconds=2)}])
    rows = empty.rows("SELECT attempt, layer, first_edit_at, first_commit_s FROM main.run_activity ORDER BY attempt")
    assert rows == [
        {"attempt": 1, "layer": "live", "first_edit_at": None, "first_commit_s": 1800},
        {"attempt": 2, "layer": "log", "first_edit_at": None, "first_commit_s": 3602},
    ]
