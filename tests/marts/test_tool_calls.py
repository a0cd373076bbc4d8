"""``tool_calls`` and ``tool_daily`` against a merge done by hand."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

Row = dict[str, Any]
START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


def first_wins(pairs: list[tuple[str, Any]]) -> Row:
    found: Row = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def as_call(event: Row) -> tuple[str, Row] | None:
    """The call that an event is about, and what it says of it, under the names of the columns."""
    params = event.get("notification", {}).get("params", {})
    if event.get("type") == "pi_event":
        call = event["event"].get("toolCall")
        return (call["id"], {name: call.get(name) for name in ("kind", "title", "status")}) if call else None
    if event.get("type") == "permission_request" or event.get("notification", {}).get("method", "").endswith(
        "_posthog/permission_request"
    ):
        source = event if "requestId" in event else params
        call = source["toolCall"]
        kinds = {option["optionId"]: option["kind"] for option in source["options"]}
        return call["toolCallId"], {"title": call["title"], "kind": call["kind"], "asked": True, "kinds": kinds}
    if "optionId" in params:
        return params["toolCallId"], {"option": params["optionId"]}
    update = params.get("update", {})
    if "toolCallId" not in update:
        return None
    meta = update.get("_meta") or {}
    claude = meta.get("claudeCode") or {}
    output = update.get("rawOutput") or {}
    return update["toolCallId"], {
        "tool_name": claude.get("toolName"),
        "parent_tool_call_id": claude.get("parentToolCallId"),
        "kind": update.get("kind"),
        "title": update.get("title"),
        "status": update.get("status"),
        "exit_code": (meta.get("terminal_exit") or {}).get("exit_code"),
        "says_error": output.get("isError") if isinstance(output, dict) else None,
        "error": update.get("error") or update.get("decisionReason"),
        "denial": update.get("decisionReason"),
        "paths": [each["path"] for each in update.get("locations") or []]
        + [each["path"] for each in update.get("content") or [] if "path" in each],
    }


def identity(event: Row) -> Any:
    params = event.get("notification", {}).get("params", {})
    if "requestId" in event or event.get("notification", {}).get("method", "").endswith("permission_request"):
        return "request", event.get("requestId") or params.get("requestId")
    if "event_id" in event:
        return event["event_id"]
    return json.dumps(event.get("notification") or event.get("event"), sort_keys=True)


def merged(rows: list[Row]) -> dict[tuple[str, str], Row]:
    """Every call of every run; ``rows`` are raw rows of both layers with ``layer``."""
    events: dict[tuple[str, str], dict[Any, Row]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row["layer"] != "live"):
        event = json.loads(row["payload"], object_pairs_hook=first_wins)
        about = as_call(event)
        if about is None:
            continue
        call, fields = about
        held = events[row["run_id"], call].setdefault(
            identity(event),
            {**fields, "at": row["occurred_at"], "layers": set(), "order": row["order"], "read_at": row["received_at"]},
        )
        held["layers"].add(row["layer"])
    return {key: _one(list(held.values())) for key, held in events.items()}


def _one(events: list[Row]) -> Row:
    events.sort(key=lambda event: (event["at"], event["order"]))
    last: Row = defaultdict(lambda: None)
    for event in events:
        for name, value in event.items():
            if value is not None:
                last[name] = value
    ended = [event["at"] for event in events if event.get("status") in {"completed", "failed"}]
    layers = {("both" if len(event["layers"]) == 2 else next(iter(event["layers"]))) for event in events}
    kinds = last["kinds"] or {}
    return {
        **{name: last[name] for name in ("tool_name", "kind", "title", "status", "exit_code", "parent_tool_call_id")},
        "error_message": last["error"],
        "started_at": events[0]["at"],
        "ended_at": min(ended, default=None),
        "duration_s": (min(ended) - events[0]["at"]) / timedelta(seconds=1) if ended else None,
        "is_error": (last["status"] == "failed" or bool(last["says_error"])) if ended or last["says_error"] else None,
        "paths": sorted({path for event in events for path in event.get("paths", [])}),
        "permission_asked": any(event.get("asked") for event in events),
        "permission_decision": kinds.get(last["option"], last["option"]) or ("denied" if last["denial"] else None),
        "updates": len(events),
        "known_at": max(event["read_at"] for event in events),
        "layer": layers.pop() if len(layers) == 1 else "both",
    }


RAW = """
SELECT 'live' AS layer, run_id, payload, occurred_at, received_at, stream_ms * 1000 + stream_seq AS order
FROM raw.run_events
UNION ALL
SELECT 'log', run_id, payload, occurred_at, received_at, position FROM raw.run_log_entries
"""


def assert_same(tables: Any) -> list[Row]:
    got: list[Row] = tables.rows("SELECT * FROM main.tool_calls")
    expected = merged(tables.rows(RAW))
    assert {(row["run_id"], row["tool_call_id"]): {name: row[name] for name in _NAMES} for row in got} == {
        key: {name: row[name] for name in _NAMES} for key, row in expected.items()
    }
    assert len(got) == len(expected)
    return got


_NAMES = (
    "tool_name kind title status exit_code parent_tool_call_id error_message started_at ended_at duration_s is_error"
    " paths permission_asked permission_decision updates known_at layer"
).split()


def test_calls_equal_the_merge_by_hand(kept: Any) -> None:
    got = assert_same(kept)
    assert len(got) > 60
    assert {row["layer"] for row in got} == {"both", "log"}
    assert any(row["permission_asked"] for row in got)
    assert any(row["parent_tool_call_id"] for row in got)
    assert any(row["exit_code"] == 1 for row in got)
    assert any(row["tool_name"] is None for row in got)


def assert_days(tables: Any) -> None:
    """``tool_daily`` is what pandas makes of the calls."""
    calls = tables.frame("SELECT * FROM main.tool_calls")
    got = tables.rows("SELECT * FROM main.tool_daily")
    if calls.empty:
        assert got == []
        return
    calls["tool"] = calls["tool_name"].fillna(calls["kind"]).fillna("unknown")
    began = calls["started_at"].dt.tz_convert("UTC")
    calls["day"] = began.dt.date
    calls["late"] = calls["known_at"] >= began.dt.normalize() + pd.Timedelta(days=1)
    found = dict(iter(calls.fillna({"kind": ""}).groupby(["day", "tool", "kind"])))
    assert len(got) == len(found)
    for row in got:
        part = found[row["day"], row["tool"], row["kind"] or ""]
        ended = part[part["ended_at"].notna()]
        failed = int(ended["is_error"].astype(bool).sum())
        assert (row["calls"], row["ended"], row["failed"], row["runs"]) == (
            len(part),
            len(ended),
            failed,
            part["run_id"].nunique(),
        )
        assert row["failure_rate"] == (failed / len(ended) if len(ended) else None)
        if len(ended):
            for share in (50, 90, 99):
                assert abs(row[f"duration_p{share}_s"] - ended["duration_s"].quantile(share / 100)) < 1e-9
            assert abs(row["total_s"] - ended["duration_s"].sum()) < 1e-9
        refused = [
            str(decision).startswith("reject") or decision == "denied" for decision in part["permission_decision"]
        ]
        assert (row["denied"], row["late"]) == (sum(refused), part["late"].sum())


def test_the_day_of_a_tool_equals_pandas(kept: Any) -> None:
    assert_days(kept)


updates = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["ls", "cat", None]),
        "kind": st.sampled_from(["read", "execute"]),
        "status": st.sampled_from(["pending", "in_progress", "completed", "failed"]),
        "rawOutput": st.sampled_from([{"isError": True}, {"isError": False}, {"content": "x"}]),
        "error": st.just("no such file"),
        "locations": st.lists(st.fixed_dictionaries({"path": st.sampled_from(["a.ts", "b.ts"])}), max_size=2),
        "_meta": st.sampled_from(
            [
                {"claudeCode": {"toolName": "Bash"}},
                {"claudeCode": {"toolName": "Read", "parentToolCallId": "p"}},
                {"terminal_exit": {"exit_code": 3, "signal": None}},
                {},
            ]
        ),
    },
)


@settings(max_examples=15)
@given(
    calls=st.lists(st.tuples(st.sampled_from(["one", "two"]), updates, st.sampled_from(["live", "log", "both"]))),
    numbered=st.booleans(),
)
@example(calls=[("one", {"status": "pending"}, "both"), ("one", {"status": "pending"}, "both")], numbered=True)
def test_any_updates_merge_as_by_hand(scratch: Any, calls: list[tuple[str, Row, str]], *, numbered: bool) -> None:
    scratch.connection.execute("DELETE FROM raw.run_events")
    scratch.connection.execute("DELETE FROM raw.run_log_entries")
    live: list[tuple[str, str]] = []
    log: list[tuple[int, str]] = []
    for number, (call, fields, layer) in enumerate(calls):
        update = {"sessionUpdate": "tool_call_update", "toolCallId": call, "nth": number, **fields}
        at = START + timedelta(seconds=number)
        event = {
            "type": "notification",
            "notification": {"method": "session/update", "params": {"update": update}},
            **({"event_id": f"1-{number}"} if numbered else {}),
        }
        if layer != "log":
            live.append((f"{int(at.timestamp() * 1000)}-0", json.dumps({**event, "timestamp": at.isoformat()})))
        if layer != "live":
            late = at + timedelta(milliseconds=5)
            log.append((len(log), json.dumps({**event, "timestamp": late.isoformat()}, separators=(",", ":"))))
    scratch.load("live", live)
    scratch.load("log", log)
    assert_same(scratch)
    assert_days(scratch)


def test_a_call_that_waits_has_no_end(scratch: Any) -> None:
    scratch.connection.execute("DELETE FROM raw.run_log_entries")
    scratch.connection.execute("DELETE FROM raw.run_events")
    update = {"sessionUpdate": "tool_call", "toolCallId": "c", "status": "pending", "title": "a\u0000b"}
    event = {"type": "notification", "notification": {"method": "session/update", "params": {"update": update}}}
    scratch.load("live", [("1-0", json.dumps(event))])
    [row] = scratch.rows("SELECT title, ended_at, duration_s, is_error, paths, updates FROM main.tool_calls")
    assert row == {"title": "ab", "ended_at": None, "duration_s": None, "is_error": None, "paths": [], "updates": 1}


def test_durations_are_seconds(kept: Any) -> None:
    frame = kept.frame("SELECT started_at, ended_at, duration_s FROM main.tool_calls WHERE ended_at IS NOT NULL")
    seconds = (frame["ended_at"] - frame["started_at"]).dt.total_seconds()
    pd.testing.assert_series_equal(frame["duration_s"], seconds, check_names=False)
