"""Weeks, capabilities and changes of readiness against a plain computation from the raw answers."""

import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from tests.marts.answers import CAPABILITIES, NAMES, STEPS, Row, answer, is_gone, trend, weeks

RANKS = {"needs_setup": 0, "detected": 1, "partial": 2, "ready": 3}
WORLDS = [
    pytest.param(20, "UTC", datetime(2026, 3, 20, tzinfo=UTC), id="UTC"),
    pytest.param(21, "Europe/Berlin", datetime(2026, 3, 18, tzinfo=UTC), id="Berlin, summer time begins"),
    pytest.param(22, "America/New_York", datetime(2026, 10, 20, tzinfo=UTC), id="New York, summer time ends"),
]


@pytest.fixture
def zoned(scratch: Any) -> Iterator[Any]:
    """Fills the warehouse, and sets the zone in which days begin."""

    def fill(answers: Sequence[Row], sightings: Sequence[Row] = (), zone: str = "UTC") -> Any:
        scratch.fill("raw.readiness_snapshots", answers)
        scratch.fill("raw.repository_sightings", sightings)
        scratch.connection.execute(f"CREATE OR REPLACE MACRO main.day_zone() AS '{zone}'")
        return scratch

    yield fill
    fill([])


def by_repository(days: list[Row]) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sorted(days, key=lambda row: row["day"]):
        found[row["project_id"], row["repository"], row["window_days"]].append(row)
    yield from sorted(found.items())


def capabilities(days: list[Row]) -> list[Row]:
    found = []
    for where, course in by_repository(days):
        known: Row | None = None
        for before, row in itertools.pairwise([course[0], *course]):
            if row["day"] > before["day"] + timedelta(days=1):  # it was gone
                known = None
            known = row if row["overall"] is not None else known
            for name, column in zip(NAMES, CAPABILITIES, strict=True):
                state = row["answer"][column] if row["overall"] is not None else None
                carried = known["answer"][column] if known else None
                said = json.loads(row["answer"]["payload"])[name] if row["answer"] else None
                found.append(
                    {
                        "where": (*where, row["day"], column.removesuffix("_state")),
                        "evidence": row["evidence"],
                        "state": state,
                        "steps": STEPS.get(state or ""),
                        "reason": said["reason"] if said else None,
                        "capability_evidence": said["evidence"] if said else None,
                        "state_carried": carried,
                        "steps_carried": STEPS.get(carried or ""),
                        "carried_from": known["day"] if known else None,
                        "is_blocking": carried not in {"ready", "not_applicable"} if known else None,
                    }
                )
    return found


def changes(days: list[Row], sightings: Sequence[Row], zone: str) -> list[Row]:
    """Day after day, with what was known before."""
    found: list[Row] = []
    for where, course in by_repository(days):
        before: Row | None = None
        day, rows = course[0]["day"], {row["day"]: row for row in course}
        while day <= max(*rows, date(2027, 2, 1)):
            if before and is_gone(sightings, zone, where[0], where[1], day):
                found.append(change(where, day, before, None))
                before = None
            row = rows.get(day)
            if row and row["overall"] is not None:
                if before is None or before["overall"] != row["overall"]:
                    found.append(change(where, day, before, row))
                before = row
            day += timedelta(days=1)
    return found


def change(where: tuple[Any, ...], day: date, before: Row | None, now: Row | None) -> Row:
    found: Row = {
        "where": (*where, day),
        "from_state": before["overall"] if before else None,
        "to_state": now["overall"] if now else None,
        "direction": None,
        "changed_after": before["day"] if before else None,
        "classification_from": before["classification"] if before else None,
        "classification_to": now["classification"] if now else None,
        **dict.fromkeys(("capability", "capability_from", "capability_to", "reason", "capability_evidence")),
    }
    if before and now and {before["overall"], now["overall"]} <= RANKS.keys():
        up = RANKS[now["overall"]] > RANKS[before["overall"]]
        found["direction"] = "up" if up else "down"
        moves = []
        for place, column in enumerate(CAPABILITIES):
            one, other = before["answer"][column], now["answer"][column]
            if {one, other} <= STEPS.keys():
                moves.append(((STEPS[other] - STEPS[one]) * (1 if up else -1), -place))
        most, place = max(moves, default=(0, 0))
        if most > 0:
            said = json.loads(now["answer"]["payload"])[NAMES[-place]]
            found |= {
                "capability": CAPABILITIES[-place].removesuffix("_state"),
                "capability_from": before["answer"][CAPABILITIES[-place]],
                "capability_to": now["answer"][CAPABILITIES[-place]],
                "reason": said["reason"],
                "capability_evidence": said["evidence"],
            }
    found["cause"] = cause(found)
    return found


def cause(row: Row) -> str:
    if row["from_state"] is None or row["to_state"] is None:
        return "presence"
    if row["classification_from"] != row["classification_to"]:
        return "classifier"
    if (row["where"][3] - row["changed_after"]).days > 1:
        return "missing_data"
    moved = {row["capability_from"], row["capability_to"]}
    switched = "detected" in moved and moved & {"waiting_for_data", "ready"}
    errors = row["capability"] == "error_insights" and moved == {"waiting_for_data", "ready"}
    return "project" if switched or errors else "repository"


def read(tables: Any, view: str, *where: str) -> list[Row]:
    rows = tables.rows(f"SELECT * FROM main.{view} ORDER BY {', '.join(where)}")
    for row in rows:
        row["where"] = tuple(row[name] for name in where)
        if row.get("capability_evidence"):
            row["capability_evidence"] = json.loads(row["capability_evidence"])
    return list(rows)


PLACE = ("project_id", "repository", "window_days", "day")


@pytest.mark.parametrize(("seed", "zone", "begin"), WORLDS)
def test_capabilities_changes_and_weeks_are_those_of_the_plain_computation(
    zoned: Any, seed: int, zone: str, begin: datetime
) -> None:
    answers, sightings = weeks(random.Random(seed), begin)
    tables = zoned(answers, sightings, zone)
    days = trend(answers, zone, sightings=sightings)
    for view, where, expected in (
        ("readiness_capabilities", (*PLACE, "capability"), capabilities(days)),
        ("readiness_changes", PLACE, changes(days, sightings, zone)),
    ):
        expected.sort(key=lambda row: row["where"])
        got = read(tables, view, *where)
        assert [{name: row[name] for name in expected[0]} for row in got] == expected
    assert_weekly(tables, days)
    for before, after in itertools.pairwise(got):
        if before["where"][:3] == after["where"][:3]:
            assert before["to_state"] == after["from_state"]
    assert {row["cause"] for row in got} == {"repository", "project", "missing_data", "classifier", "presence"}


def assert_weekly(tables: Any, days: list[Row]) -> None:
    frame = pd.DataFrame([{name: row[name] for name in (*PLACE, "overall", "overall_carried")} for row in days])
    states = ("ready", "partial", "detected", "needs_setup")
    frame["state"] = frame["overall_carried"].where(frame["overall_carried"].isin(states), "unknown")
    daily = pd.crosstab([frame[name] for name in ("project_id", "window_days", "day")], frame["state"])
    daily = daily.reindex(columns=[*states, "unknown"], fill_value=0)
    daily["repositories"] = daily.sum(axis=1)
    for state in (*states, "unknown"):
        daily[f"share_{state}"] = daily[state] / daily["repositories"]
    daily["has"] = frame.groupby(["project_id", "window_days", "day"])["overall"].count() > 0
    daily = daily.reset_index()
    daily["week"] = [day - timedelta(days=day.isoweekday() - 1) for day in daily["day"]]
    last = dict(daily.groupby("project_id")["day"].max())
    expected: list[tuple[Any, ...]] = []
    numbers = ["repositories", *states, "unknown", *(f"share_{state}" for state in (*states, "unknown"))]
    for week, part in daily.groupby(["project_id", "window_days", "week"]):
        project, _, monday = tuple[Any, ...](week)
        over = last[project] >= monday + timedelta(days=7)
        expected.append((*week, over, len(part), part["has"].sum(), *part[numbers].median()))
    names = ("project_id", "window_days", "week", "is_over", "days", "days_with_information", *numbers)
    got = tables.rows("SELECT * FROM main.readiness_weekly ORDER BY ALL")
    assert [tuple(row[name] for name in names[:6]) for row in got] == [row[:6] for row in expected]
    for row, wanted in zip(got, expected, strict=True):
        assert [row[name] for name in numbers] == pytest.approx(list(wanted[6:]))


def test_later_days_change_no_change_and_no_week_that_is_over(zoned: Any) -> None:
    begin = datetime(2026, 3, 18, tzinfo=UTC)
    answers, sightings = weeks(random.Random(7), begin)
    until = begin + timedelta(days=17)
    early = zoned(
        [row for row in answers if row["observed_at"] < until],
        [
            row | {"absent_since": row["absent_since"] if row["absent_since"] and row["absent_since"] < until else None}
            for row in sightings
            if row["first_seen_at"] < until
        ],
    )
    held = early.rows("SELECT * FROM main.readiness_changes ORDER BY ALL")
    weekly = early.rows("SELECT * FROM main.readiness_weekly WHERE is_over ORDER BY ALL")
    whole = zoned(answers, sightings)
    assert held == whole.rows("SELECT * FROM main.readiness_changes WHERE day < ? ORDER BY ALL", until.date())
    final = whole.rows("SELECT * FROM main.readiness_weekly")
    assert weekly
    assert all(row in final for row in weekly)


def test_a_switch_of_the_project_is_one_cause_of_many_changes(zoned: Any) -> None:
    first = datetime(2026, 11, 16, 8, tzinfo=UTC)
    names = [f"acme/{number}" for number in range(36)]
    rows = [
        answer(1, name, first, ("ready", "ready", "ready"), window_days=window) for name in names for window in (7, 30)
    ]
    off = ("ready", "ready", "detected")
    rows += [
        answer(1, name, first + timedelta(days=1), off, window_days=window) for name in names for window in (7, 30)
    ]
    rows += [
        answer(2, "acme/0", first + timedelta(days=day), ("ready", "ready", state))
        for day, state in ((0, "ready"), (1, "detected"))
    ]
    rows += [answer(2, "acme/0", first + timedelta(days=2), ("needs_setup", "ready", "ready"))]
    tables = zoned(rows)
    down = tables.rows(
        "SELECT cause_id, any_value(cause) AS cause, count(*) AS n FROM main.readiness_changes WHERE direction = 'down'"
        " GROUP BY ALL ORDER BY ALL"
    )
    assert down == [
        {"cause_id": "1/2026-11-17/project/error_insights/down", "cause": "project", "n": 72},
        {"cause_id": "2/2026-11-17/project/error_insights/down", "cause": "project", "n": 1},
    ]


def test_a_week_begins_on_monday_in_the_zone_of_the_setting(zoned: Any) -> None:
    moments = [datetime(2026, 3, 20, 0, 30, tzinfo=UTC) + timedelta(hours=hours) for hours in range(240)]
    tables = zoned([], zone="Europe/Berlin")
    got = tables.rows(
        "SELECT moment, main.week_of(moment) AS week, CAST(date_trunc('week', moment) AS DATE) AS truncated"
        " FROM (SELECT unnest(?::TIMESTAMPTZ[]) AS moment)",
        moments,
    )
    local = [moment.astimezone(ZoneInfo("Europe/Berlin")).date() for moment in moments]
    assert [row["week"] for row in got] == [day - timedelta(days=day.weekday()) for day in local]
    assert [row["moment"].astimezone(UTC) for row in got if row["truncated"] != row["week"]] == [
        datetime(2026, 3, 22, 23, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 23, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("before", "after", "capability", "cause"),
    [
        (("ready", "ready", "ready"), ("waiting_for_data", "ready", "ready"), "core_suggestions", "repository"),
        (("ready", "waiting_for_data", "ready"), ("ready", "ready", "ready"), "replay_insights", "repository"),
        (("ready", "ready", "ready"), ("ready", "ready", "waiting_for_data"), "error_insights", "project"),
        (("ready", "ready", "ready"), ("detected", "ready", "ready"), "core_suggestions", "project"),
        (("ready", "ready", "ready"), ("ready", "ready", "needs_setup"), "error_insights", "repository"),
        (
            ("detected", "not_applicable", "detected"),
            ("detected", "not_applicable", "ready"),
            "error_insights",
            "project",
        ),
        (("needs_setup",) * 3, ("detected", "needs_setup", "needs_setup"), "core_suggestions", "repository"),
        (("ready", "ready", "ready"), ("detected", "ready", "needs_setup"), "error_insights", "repository"),
    ],
)
def test_the_states_of_the_capability_that_decided_say_whose_cause_it_is(
    zoned: Any, before: tuple[str, ...], after: tuple[str, ...], capability: str, cause: str
) -> None:
    first = datetime(2026, 11, 16, 8, tzinfo=UTC)
    tables = zoned([answer(1, "acme/a", first + timedelta(days=day), each) for day, each in enumerate((before, after))])
    [row] = tables.rows("SELECT capability, cause FROM main.readiness_changes WHERE direction IS NOT NULL")
    assert row == {"capability": capability, "cause": cause}


def test_a_week_that_ends_in_an_outage_repeats_what_was_known(zoned: Any) -> None:
    tuesday, ready = datetime(2026, 11, 17, 8, tzinfo=UTC), ("ready",) * 3
    rows = [answer(1, f"acme/{number}", tuesday + timedelta(days=day), ready) for number in (1, 2) for day in (0, 1, 8)]
    rows += [
        answer(1, "acme/3", tuesday + timedelta(days=3), ready, evidence="no_token"),
        answer(1, "acme/4", tuesday + timedelta(days=8), ("needs_setup",) * 3),
    ]
    got = zoned(rows).rows("SELECT * EXCLUDE (project_id, window_days) FROM main.readiness_weekly ORDER BY week")
    names = ("week", "is_over", "days", "days_with_information", "repositories", "ready", "unknown", "share_ready")
    assert [tuple(row[name] for name in names) for row in got] == [
        (date(2026, 11, 16), True, 6, 2, 2.5, 2.0, 0.5, pytest.approx((1 + 2 / 3) / 2)),
        (date(2026, 11, 23), False, 3, 1, 3.0, 2.0, 1.0, pytest.approx(2 / 3)),
    ]


def test_a_repository_that_was_gone_begins_anew(zoned: Any) -> None:
    first, ready, blind = datetime(2026, 11, 16, 8, tzinfo=UTC), ("ready",) * 3, {"evidence": "no_token"}
    found_reasons: dict[int, tuple[Sequence[str], Row]] = {0: (ready, {}), 4: (ready, blind), 5: (ready, {})}
    rows = [
        answer(1, "acme/a", first + timedelta(days=day), states, **more)
        for day, (states, more) in found_reasons.items()
    ]
    there = {"project_id": 1, "repository": "acme/a", "first_seen_at": first, "absent_since": first + timedelta(days=2)}
    tables = zoned(rows, [there, there | {"first_seen_at": first + timedelta(days=4), "absent_since": None}])
    trend = tables.rows(
        "SELECT day, overall_carried, days_in_state, is_change, segment FROM main.readiness_trend ORDER BY day"
    )
    assert [tuple(row.values()) for row in trend] == [
        (date(2026, 11, 16), "ready", 1, False, 0),
        (date(2026, 11, 17), "ready", None, False, 0),
        (date(2026, 11, 20), None, None, False, 1),
        (date(2026, 11, 21), "ready", 1, False, 1),
    ]
    as_of = "SELECT overall, state_since FROM main.readiness_as_of(?)"
    assert tables.rows(as_of, date(2026, 11, 20)) == [{"overall": None, "state_since": None}]
    assert tables.rows(as_of, date(2026, 11, 30)) == [{"overall": "ready", "state_since": date(2026, 11, 21)}]
    changes = tables.rows("SELECT day, to_state FROM main.readiness_changes ORDER BY day")
    assert [tuple(row.values()) for row in changes] == [
        (date(2026, 11, 16), "ready"),
        (date(2026, 11, 18), None),
        (date(2026, 11, 21), "ready"),
    ]


def test_a_lone_surrogate_in_an_answer_breaks_no_view_of_reasons(zoned: Any) -> None:
    """DuckDB itself refuses such JSON: one answer would keep everybody from reading all others."""
    day = datetime(2026, 11, 16, 8, tzinfo=UTC)
    rows = [
        answer(1, "acme/a", day + timedelta(days=n), (state,) * 3) for n, state in enumerate(("ready", "needs_setup"))
    ]
    rows[1]["payload"] = json.dumps({name: {"reason": "cut \ud83d", "evidence": {"count": 1}} for name in NAMES})
    tables = zoned(rows)
    for view in ("readiness_changes", "readiness_capabilities"):
        found_reasons = tables.rows(f"SELECT DISTINCT reason FROM main.{view} WHERE day = DATE '2026-11-17'")
        assert found_reasons == [{"reason": "cut \ufffd"}]
