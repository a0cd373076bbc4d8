"""``token_usage`` and ``run_usage``: what is counted, what is only shown, and what is not known."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Row = dict[str, Any]
START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


def events(tables: Any) -> dict[tuple[str, str], Row]:
    """Every numbered event of every run once, as Python reads it, in the order of their times."""
    found: dict[tuple[str, str], Row] = {}
    for row in tables.rows(
        "SELECT run_id, payload FROM raw.run_events UNION ALL SELECT run_id, payload FROM raw.run_log_entries"
    ):
        event = json.loads(row["payload"])
        if isinstance(event, dict) and "event_id" in event:
            found.setdefault((row["run_id"], event["event_id"]), event)
    in_order = sorted(found, key=lambda key: (found[key]["timestamp"], int(key[1].rpartition("-")[2])))
    return {key: found[key]["notification"] for key in in_order}


def test_every_result_is_there_once_with_its_tokens(kept: Any) -> None:
    expected = {}
    for key, said in events(kept).items():
        if said.get("method", "").endswith("_posthog/usage_update"):
            used = said["params"].get("used", {})
            names = ("inputTokens", "outputTokens", "cachedReadTokens", "cachedWriteTokens")
            expected[key] = (*(used.get(name) for name in names), said["params"]["cost"], said["params"]["sessionId"])
    got = {
        (row["run_id"], row["event_id"]): (
            row["input_tokens"],
            row["output_tokens"],
            row["cache_read_input_tokens"],
            row["cache_creation_input_tokens"],
            row["cost"],
            row["session_id"],
        )
        for row in kept.rows("SELECT * FROM main.token_usage WHERE measure = 'spend'")
    }
    assert len(got) > 15
    assert got == expected


def test_the_context_is_shown_and_never_spent(kept: Any) -> None:
    expected = {
        key: (said["params"]["update"]["used"], said["params"]["update"]["size"])
        for key, said in events(kept).items()
        if said.get("params", {}).get("update", {}).get("sessionUpdate") == "usage_update"
    }
    rows = kept.rows("SELECT * FROM main.token_usage WHERE measure = 'context'")
    assert {(row["run_id"], row["event_id"]): (row["context_used"], row["context_size"]) for row in rows} == expected
    assert all(row["total_tokens"] is None and row["input_tokens"] is None for row in rows)


def test_the_usage_of_a_run_adds_results_and_takes_the_last_cost_of_each_session(kept: Any) -> None:
    tokens: dict[str, int] = defaultdict(int)
    costs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (run_id, _), said in events(kept).items():
        if said.get("method", "").endswith("_posthog/usage_update"):
            tokens[run_id] += sum(said["params"].get("used", {}).values())
            if said["params"]["cost"] is not None:
                costs[run_id][said["params"]["sessionId"]].append(said["params"]["cost"])
    rows = {row["run_id"]: row for row in kept.rows("SELECT * FROM main.run_usage")}
    for run_id, total in tokens.items():
        assert rows[run_id]["total_tokens"] == total
        if not costs[run_id]:
            assert (rows[run_id]["cost_usd"], rows[run_id]["cost_state"]) == (None, "not_reported")
        else:
            assert all(series == sorted(series) for series in costs[run_id].values())
            assert rows[run_id]["cost_state"] == "summed"
            assert rows[run_id]["cost_usd"] == pytest.approx(sum(series[-1] for series in costs[run_id].values()))


def spend(number: int, cost: Any, session: str = "s") -> str:
    params = {"sessionId": session, "used": {"inputTokens": 10}, "cost": cost}
    event = {
        "type": "notification",
        "timestamp": (START + timedelta(seconds=number)).isoformat(),
        "notification": {"method": "_posthog/usage_update", "params": params},
        "event_id": f"1-{number}",
    }
    return json.dumps(event)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([0.1, 0.4, 0.4], (0.4, "summed")),
        ([0.4, 0.1], (None, "not_cumulative")),
        ([None, None], (None, "not_reported")),
        ([{"amount": 0.2, "currency": "USD"}, 0.3], (0.3, "summed")),
        ([{"amount": 0.2, "currency": "EUR"}], (None, "other_currency")),
        ([0.5, "free", None], (0.5, "summed")),
    ],
)
def test_a_cost_is_summed_only_where_it_can_be_a_running_total(
    empty: Any, costs: list[Any], expected: tuple[float | None, str]
) -> None:
    empty.load("live", [(f"{n}-0", spend(n, cost)) for n, cost in enumerate(costs)])
    [row] = empty.rows("SELECT * FROM main.run_usage")
    assert (row["cost_usd"], row["cost_state"]) == expected
    assert (row["results"], row["total_tokens"]) == (len(costs), 10 * len(costs))


def test_sessions_are_added(empty: Any) -> None:
    empty.load("live", [("1-0", spend(1, 0.5)), ("2-0", spend(2, 0.2, "other")), ("3-0", spend(3, 0.6))])
    [row] = empty.rows("SELECT cost_usd, sessions FROM main.run_usage")
    assert row == {"cost_usd": pytest.approx(0.8), "sessions": 2}


def test_the_same_result_in_both_layers_counts_once(empty: Any) -> None:
    empty.load("live", [("1-0", spend(1, 0.5))])
    empty.load("log", [(0, spend(1, 0.5))])
    assert empty.rows("SELECT results, total_tokens, cost_usd FROM main.run_usage") == [
        {"results": 1, "total_tokens": 10, "cost_usd": 0.5}
    ]


counts = st.one_of(st.none(), st.integers(0, 50), st.sampled_from([-4, "many", 1e300, 7.0]))
prices = st.one_of(
    st.none(),
    st.integers(0, 8).map(lambda value: value / 4),
    st.sampled_from(["free", -1, {"amount": 0.5, "currency": "USD"}, {"amount": 3, "currency": "EUR"}, {"amount": 2}]),
)
happenings = st.tuples(
    st.sampled_from(["spend", "spend", "spend", "context", "turn"]),
    st.sampled_from(["a", "b", None]),
    st.fixed_dictionaries(dict.fromkeys(("inputTokens", "outputTokens", "cachedReadTokens"), counts)),
    prices,
    st.sampled_from(["live", "log", "both"]),
)
NAMES = {"inputTokens": "input_tokens", "outputTokens": "output_tokens", "cachedReadTokens": "cache_read_input_tokens"}


def payload_of(number: int, measure: str, session: str | None, used: Row, cost: Any) -> str:
    params: Row = {} if session is None else {"sessionId": session}
    method = {"spend": "_posthog/usage_update", "context": "session/update", "turn": "_posthog/turn_complete"}[measure]
    if measure == "context":
        update = {
            "sessionUpdate": "usage_update",
            "used": used["inputTokens"],
            "size": used["outputTokens"],
            "cost": cost,
        }
        params["update"] = update
    elif measure == "spend":
        params |= {"used": used, "cost": cost}
    else:
        params["usage"] = used | {"totalTokens": used["inputTokens"]}
    at = (START + timedelta(seconds=number)).isoformat()
    notification = {"method": method, "params": params}
    return json.dumps(
        {"type": "notification", "timestamp": at, "notification": notification, "event_id": f"1-{number}"}
    )


def count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value <= 1e15 else None


def price(value: Any) -> tuple[float | None, str | None]:
    amount, currency = (value["amount"], value.get("currency")) if isinstance(value, dict) else (value, None)
    return (amount, currency) if isinstance(amount, int | float) and amount >= 0 else (None, None)


def row_of(measure: str, session: str | None, used: Row, cost: Any) -> Row | None:
    """What ``token_usage`` must say of one event; None where it must say nothing."""
    tokens = {column: count(used[name]) if measure != "context" else None for name, column in NAMES.items()}
    known = [value for value in tokens.values() if value is not None]
    total = sum(known) if known else None
    if measure == "turn":
        total = tokens["input_tokens"]
        if not known and total is None:
            return None
    amount, currency = price(cost) if measure != "turn" else (None, None)
    context = measure == "context"
    return {
        "measure": measure,
        "session_id": session,
        **tokens,
        "total_tokens": total,
        "context_used": count(used["inputTokens"]) if context else None,
        "context_size": count(used["outputTokens"]) if context else None,
        "cost": amount,
        "cost_currency": currency,
    }


def usage_of(rows: list[Row]) -> Row:
    """What ``run_usage`` must say of a run with these rows, which are in their order."""
    frame = pd.DataFrame(rows, columns=list(row_of("spend", None, dict.fromkeys(NAMES), None) or {})).astype(object)
    spend = frame[frame["measure"] == "spend"]
    totals = {name: spend[name].dropna() for name in (*NAMES.values(), "total_tokens")}
    sums = {name: sum(values) if len(values) else None for name, values in totals.items()}
    priced = spend[spend["cost"].notna()]
    sessions = [list(part["cost"]) for _, part in priced.groupby("session_id", dropna=False)]
    falls = any(later < before for costs in sessions for before, later in pairwise(costs))
    foreign = any(value != "USD" for value in priced["cost_currency"].dropna())
    basis = "not_reported" if priced.empty else "other_currency" if foreign else "not_cumulative" if falls else "summed"
    turns = frame[frame["measure"] == "turn"]["total_tokens"].dropna()
    used, size = (frame[name].dropna() for name in ("context_used", "context_size"))
    results = len(totals["total_tokens"])
    return {
        "results": results,
        **sums,
        "turn_tokens": sum(turns) if len(turns) and not results else None,
        "context_peak": max(used, default=None),
        "context_size": size.iloc[-1] if len(size) else None,
        "cost_usd": pytest.approx(sum(costs[-1] for costs in sessions)) if basis == "summed" else None,
        "cost_state": basis,
        "sessions": len(sessions),
    }


@settings(max_examples=12)
@given(script=st.lists(happenings, max_size=10))
def test_any_reports_are_counted_as_pandas_counts_them(scratch: Any, script: list[Any]) -> None:
    scratch.fill("raw.run_events", [])
    scratch.fill("raw.run_log_entries", [])
    texts = [(layer, payload_of(number, *what)) for number, (*what, layer) in enumerate(script)]
    scratch.load("live", [(f"{n}-0", text) for n, (layer, text) in enumerate(texts) if layer != "log"])
    scratch.load("log", [(n, text) for n, (layer, text) in enumerate(texts) if layer != "live"])
    expected = [row for *what, _ in script if (row := row_of(*what)) is not None]
    rows = scratch.rows("SELECT * FROM main.token_usage ORDER BY occurred_at")
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected if expected else rows == []
    got = scratch.rows("SELECT * FROM main.run_usage")
    wanted = usage_of(expected)
    assert [{name: row[name] for name in wanted} for row in got] == ([wanted] if expected else [])
