"""The views of runs, pull requests, activity and health on made-up rows, each against pandas over the raw tables."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from tests.marts.made_up import ENDED, NOW, TABLES, Dice, made_up

Row = dict[str, Any]

KEY = ["project_id", "run_id"]


@pytest.fixture(scope="module", params=[(1, "UTC"), (2, "Europe/Berlin"), (3, "America/New_York"), (4, "Asia/Kolkata")])
def drawn(request: pytest.FixtureRequest, scratch: Any) -> Iterator[tuple[Any, str]]:
    """The tables filled with one draw, and the zone in which its days begin."""
    seed, zone = request.param
    for table, rows in made_up(Dice(seed)).items():
        scratch.fill(table, rows)
    scratch.connection.execute(f"CREATE OR REPLACE MACRO main.day_zone() AS '{zone}'")
    yield scratch, zone
    scratch.connection.execute("CREATE OR REPLACE MACRO main.day_zone() AS 'UTC'")
    for table in TABLES:
        scratch.fill(table, [])


def frame(tables: Any, name: str) -> pd.DataFrame:
    found: pd.DataFrame = tables.frame(f"SELECT * FROM {name}")
    return found


def days(moments: "pd.Series[Any]", zone: str) -> "pd.Series[Any]":
    found: pd.Series[Any] = moments.dt.tz_convert(ZoneInfo(zone)).dt.date
    return found


def same(got: pd.DataFrame, expected: pd.DataFrame, by: list[str]) -> None:
    """Both hold the same rows, in any order; a missing value is a missing value."""
    assert len(expected)
    assert not expected.duplicated(by).any()
    tidy = [one.sort_values(by).reset_index(drop=True)[list(expected.columns)] for one in (got, expected)]
    for one in tidy:
        if "day" in one:
            one["day"] = pd.to_datetime(one["day"])
    plain = [one.astype(object).where(one.notna(), None) for one in tidy]
    pd.testing.assert_frame_equal(plain[0], plain[1], check_dtype=False, atol=1e-6, rtol=0)


def latest(tables: Any, name: str, key: str) -> pd.DataFrame:
    return frame(tables, name).sort_values("valid_from").groupby(["project_id", key]).tail(1)


def expected_runs(tables: Any) -> pd.DataFrame:
    """One row per run: its newest version, with the newest of its task, and what both layers say."""
    task = latest(tables, "raw.task_versions", "task_id")[["project_id", "task_id", "repository", "origin_product"]]
    runs = latest(tables, "raw.run_versions", "run_id").merge(task, on=["project_id", "task_id"], how="left")
    live, log = frame(tables, "raw.run_events"), frame(tables, "raw.run_log_entries")
    gaps = frame(tables, "ledger.gaps")
    counts = [
        live.groupby(KEY).size().rename("live_events"),
        log.groupby(KEY).size().rename("log_entries"),
        gaps[~gaps["repaired_from_log"]].groupby(KEY).size().rename("gaps"),
    ]
    for column in counts:
        runs = runs.join(column, on=KEY)
        runs[str(column.name)] = runs[str(column.name)].fillna(0)
    kinds = gaps[~gaps["repaired_from_log"]].dropna(subset="kind").groupby(KEY)["kind"]
    return runs.join(kinds.agg(lambda found: sorted(set(found))).rename("gap_kinds"), on=KEY)


def test_runs(drawn: tuple[Any, str]) -> None:
    tables, _ = drawn
    names = "task_id model repository origin_product live_events log_entries"
    expected = expected_runs(tables)[[*KEY, *names.split(), "gaps"]]
    same(frame(tables, "main.runs"), expected, KEY)


def test_pull_requests(drawn: tuple[Any, str]) -> None:
    tables, _ = drawn
    named: dict[tuple[int, str], list[Row]] = {}
    versions: Any = frame(tables, "raw.run_versions").sort_values(["valid_from", "run_id"]).to_dict("records")
    for version in (one for one in versions if one["observed_in"] != "task"):
        output = json.loads(version["payload"])["output"] or {}
        own = version["pr_url"]
        urls = {*(output.get("pr_urls") or []), *([own] if isinstance(own, str) else [])}
        for url in urls:
            about = output if len(urls) == 1 or url == own else {}
            named.setdefault((version["project_id"], url), []).append(version | {"output": about})
    rows = []
    for (project, url), versions in named.items():

        def last(name: str, versions: list[Row] = versions) -> Any:
            outputs = [one["output"].get(name) for one in versions]
            return next((value for value in reversed(outputs) if value is not None), None)

        rows.append(
            {
                "project_id": project,
                "pr_url": url,
                "repository": "/".join(url.split("/")[3:5]).lower(),
                "number": int(url.rsplit("/", 1)[1]),
                "ci_status": last("ci_status"),
                "head_branch": last("head_branch"),
                "run_id": versions[-1]["run_id"],
                "task_id": versions[-1]["task_id"],
                "runs": len({one["run_id"] for one in versions}),
                "first_seen_at": versions[0]["valid_from"],
                "last_seen_at": versions[-1]["valid_from"],
            }
        )
    got, history = frame(tables, "main.pull_requests"), frame(tables, "main.pr_history")
    same(got, pd.DataFrame(rows), ["project_id", "pr_url"])
    newest = history[history["is_current"]][["project_id", "pr_url", "state"]].copy()
    newest["state"] = newest["state"].astype(object).where(newest["state"].notna(), None)
    newest["is_merged"] = [None if state is None else state == "merged" for state in newest["state"]]
    same(got, newest, ["project_id", "pr_url"])
    assert {"closed", "merged"} < {*got["state"].dropna()}


def test_activity_hourly(drawn: tuple[Any, str]) -> None:
    tables, _ = drawn
    runs, tasks = expected_runs(tables), latest(tables, "raw.task_versions", "task_id")
    firsts = {
        name: frame(tables, table).groupby(["project_id", name])["valid_from"].min().rename("known_at")
        for name, table in (("task_id", "raw.task_versions"), ("run_id", "raw.run_versions"))
    }
    created = ["project_id", "created_at", "known_at"]
    captured = ["project_id", "occurred_at", "received_at", "run_id"]
    series = {
        "tasks_created": tasks.join(firsts["task_id"], on=["project_id", "task_id"])[created],
        "runs_created": runs.join(firsts["run_id"], on=KEY)[created],
        "runs_ended": frame(tables, "main.run_attempts")[["project_id", "ended_at", "known_at"]],
        "live_events": frame(tables, "raw.run_events")[captured],
        "log_entries": frame(tables, "raw.run_log_entries")[captured],
    }
    parts = []
    for name, found in series.items():
        names = ["project_id", "moment", "known_at", *found.columns[3:]]
        part = found.set_axis(names, axis=1).dropna(subset=["moment"])
        parts.append(part.assign(hour=part["moment"].dt.floor("h"), what=name))
    every = pd.concat(parts)
    by = ["project_id", "hour"]
    counts = every.pivot_table(index=by, columns="what", values="moment", aggfunc="count", fill_value=0)
    active = every.groupby(by)["run_id"].nunique().rename("active_runs")
    known = every.groupby(by)["known_at"].max()
    same(frame(tables, "main.activity_hourly"), counts.join([active, known]).reset_index(), by)


def test_data_health(drawn: tuple[Any, str]) -> None:
    tables, zone = drawn
    passes, gaps = frame(tables, "ledger.passes"), frame(tables, "ledger.gaps")
    live, log, bad = (
        frame(tables, "raw.run_events"),
        frame(tables, "raw.run_log_entries"),
        frame(tables, "ledger.quarantine"),
    )
    bad = bad[bad["replayed_at"].isna()].assign(
        resource=lambda found: found["resource"].replace(
            {"run_log": "run_events", "spool": "run_events", "summaries": "tasks"}
        )
    )
    gaps = gaps[~gaps["repaired_from_log"]]
    sources = {"passes": (passes, "started_at"), "bad": (bad, "first_seen_at"), "gaps": (gaps, "detected_at")}
    sources |= {"live": (live, "received_at"), "log": (log, "received_at")}
    held = {}
    for name, (found, moment) in sources.items():
        resource = found.get("resource", "run_events")
        project = found["project_id"].astype(object).where(found["project_id"].notna(), None)
        held[name] = found.assign(resource=resource, day=days(found[moment], zone), project_id=project)
    seen = {
        key for found in held.values() for key in zip(found["project_id"], found["resource"], found["day"], strict=True)
    }
    rows = []
    for project, resource in {key[:2] for key in seen}:
        first = min(day for one, other, day in seen if (one, other) == (project, resource))
        last = max(day for one, _, day in seen if one == project)
        for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
            here = {
                name: found[
                    (found["day"] == day)
                    & (found["resource"] == resource)
                    & pd.Series([one == project for one in found["project_id"]], index=found.index, dtype=bool)
                ]
                for name, found in held.items()
            }
            rows.append({"project_id": project, "resource": resource, "day": day, **_health(here, resource)})
    same(frame(tables, "main.data_health"), pd.DataFrame(rows), ["project_id", "resource", "day"])


def _health(here: dict[str, pd.DataFrame], resource: str) -> Row:
    passes, live = here["passes"].sort_values("started_at"), here["live"]
    verdict = {name: passes[passes["verdict"] == name] for name in ("complete", "incomplete", "running")}
    reasons = list(zip(verdict["incomplete"]["reason"], verdict["incomplete"]["reason_code"], strict=True))
    late: Any = live["received_at"] - live["occurred_at"]
    lag = late / pd.Timedelta(seconds=1)
    events = resource == "run_events"
    return {
        "passes": len(passes),
        **{name: len(found) for name, found in verdict.items()},
        "is_covered": len(verdict["complete"]) > 0,
        "last_complete_at": verdict["complete"]["finished_at"].max() if len(verdict["complete"]) else None,
        "proven_at": verdict["complete"]["proven_at"].iloc[-1] if len(verdict["complete"]) else None,
        **dict(zip(("reason", "reason_code"), reasons[-1] if reasons else (None, None), strict=True)),
        **{name: passes[name].sum() for name in ("requests", "retries", "throttled_s", "rows_seen", "rows_added")},
        "quarantined": len(here["bad"]),
        "live_events": len(live) if events else None,
        "log_entries": len(here["log"]) if events else None,
        "segments": live["segment"].nunique() + here["log"]["segment"].nunique() if events else None,
        "lag_p50_s": lag.quantile(0.5),
        "lag_p99_s": lag.quantile(0.99),
        "gaps": len(here["gaps"]) if events else None,
        "certain_gaps": int(here["gaps"]["certain"].sum()) if events else None,
    }


ASKS = ("permission_request", "_posthog/permission_request", "_posthog/turn_complete", "_posthog/awaiting_user_input")


def test_runs_stuck(drawn: tuple[Any, str]) -> None:
    tables, _ = drawn
    runs, passes = expected_runs(tables), frame(tables, "ledger.passes")
    present = frame(tables, "raw.task_sightings")
    present = present[present["absent_since"].isna()][["project_id", "task_id"]]
    looked = passes[passes["resource"].isin(["runs", "tasks"])].groupby("project_id")["started_at"].max()
    versions = frame(tables, "raw.run_versions").groupby(KEY).size()
    live = frame(tables, "raw.run_events").assign(place=0)
    log = frame(tables, "raw.run_log_entries").assign(place=lambda found: found["position"])
    both = pd.concat([live, log]).dropna(subset=["occurred_at"])
    both = both.sort_values(["occurred_at", "place"])
    newest = both.groupby(KEY).tail(1).set_index(KEY)
    rows = []
    for run in runs.merge(present, on=["project_id", "task_id"]).to_dict("records"):
        key = (run["project_id"], run["run_id"])
        known = latest(tables, "raw.task_versions", "task_id")
        if run["status"] in ENDED or not len(
            known[(known[["project_id", "task_id"]] == [key[0], run["task_id"]]).all(axis=1)]
        ):
            continue
        signs = [run["created_at"], run["updated_at"], *([run["valid_from"]] if versions[key] > 1 else [])]
        name = None
        if key in newest.index:
            event = newest.loc[key]
            signs.append(event["occurred_at"])
            name = event["method"] if isinstance(event["method"], str) else event["kind"]
        since = max((sign for sign in signs if not pd.isna(sign)), default=None)
        rest = None if since is None else looked[run["project_id"]] - since
        if rest is None or rest < timedelta(hours=1):
            continue
        if run["status"] != "in_progress":
            reason = "local" if run["environment"] == "local" else "not_picked_up"
        elif rest >= timedelta(days=1):
            reason = "orphaned"
        else:
            reason = "waiting_for_user" if name in ASKS else "silent"
        rows.append(
            {
                **dict(zip(KEY, key, strict=True)),
                "stuck_since": since,
                "stuck_reason": reason,
                "repository": run["repository"],
            }
        )
    same(frame(tables, "main.runs_stuck"), pd.DataFrame(rows), KEY)


def test_runs_stuck_at_a_moment_are_those_that_were_stuck_then(drawn: tuple[Any, str]) -> None:
    tables, _ = drawn
    moment = NOW - timedelta(days=1)
    later = tables.rows("SELECT * FROM main.runs_stuck_as_of(?) ORDER BY ALL", moment)
    kept = {table: tables.rows(f"SELECT * FROM {table}") for table in TABLES}
    arrival = {"raw.run_events": "occurred_at", "raw.run_log_entries": "occurred_at", "ledger.passes": "started_at"}
    arrival |= {"raw.task_sightings": "first_seen_at", "ledger.gaps": "", "ledger.quarantine": "", "ledger.cursors": ""}
    try:
        for table, stored in kept.items():
            column = arrival.get(table, "valid_from")
            then = [row for row in stored if column and row[column] is not None and row[column] <= moment]
            for row in then:
                if table == "raw.task_sightings" and row["absent_since"] and row["absent_since"] > moment:
                    row["absent_since"] = None
            if table == "ledger.cursors":
                ms = moment.timestamp() * 1000
                then = [row for row in stored if int((row["position"] or "0").split("-")[0]) <= ms]
            tables.fill(table, then)
        then = tables.rows("SELECT * FROM main.runs_stuck ORDER BY ALL")
        assert later == [{name: row[name] for name in later[0]} for row in then]
    finally:
        for table, stored in kept.items():
            tables.fill(table, stored)
    assert later
