"""The readiness views against a plain computation, day by day, from the raw answers."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskhouse.warehouse import views
from tests.marts.answers import START, Row, is_gone, presence, snapshots, trend


def key(row: Row) -> tuple[Any, ...]:
    return row["project_id"], row["repository"], row["window_days"], row["day"]


def assert_same(tables: Any, zone: str = "UTC") -> list[Row]:
    passes, sightings = (tables.rows(f"SELECT * FROM {name}") for name in ("ledger.passes", "raw.repository_sightings"))
    answers = tables.rows("SELECT * FROM raw.readiness_snapshots")
    expected = sorted(trend(answers, zone, passes, sightings), key=key)
    got = sorted(tables.rows("SELECT * FROM main.readiness_trend"), key=key)
    names = [name for name in expected[0] if name != "answer"] if expected else []
    assert [{name: row[name] for name in names} for row in got] == [
        {name: row[name] for name in names} for row in expected
    ]
    return got


def test_the_trend_equals_the_plain_computation(kept: Any) -> None:
    got = assert_same(kept)
    assert len(got) == 6 * 3 * 10
    assert {row["evidence"] for row in got} >= {"scan", "no_token", "empty_scan", None}
    assert any(row["is_change"] for row in got)
    assert any(row["is_break"] for row in got)


STATES = ("ready", "partial", "detected", "needs_setup")


def assert_rolled_up(tables: Any, days: list[Row]) -> None:
    """``readiness_daily`` is what pandas makes of the plain computation's rows."""
    by = ["project_id", "window_days", "day"]
    expected = []
    for key, part in pd.DataFrame(days).groupby(by) if days else ():
        informed = part[part["overall"].notna()]
        states = informed["overall"].value_counts()
        ready = int(states.get("ready", 0))
        scores = pd.to_numeric(part["readiness_score"]).dropna()
        expected.append(
            (
                *key,
                len(part),
                *(int(states.get(name, 0)) for name in STATES),
                int((~informed["overall"].isin(STATES)).sum()),
                int((part["overall"].isna() & part["evidence"].notna()).sum()),
                int(part["evidence"].isna().sum()),
                int((part["overall_carried"] == "ready").sum()),
                ready / len(informed) if len(informed) else None,
                len(scores),
                int(part["is_change"].sum()),
                int(part["is_break"].sum()),
                pytest.approx(scores.mean(), abs=0.051) if len(scores) else None,
            )
        )
    names = (
        *by,
        "repositories",
        *STATES,
        *"unknown no_information missing ready_carried share_ready scored changes breaks readiness_score".split(),
    )
    got = tables.rows(f"SELECT * FROM main.readiness_daily ORDER BY {', '.join(by)}")
    assert [tuple(row[name] for name in names) for row in got] == expected


def test_the_roll_up_equals_pandas(kept: Any) -> None:
    passes = kept.rows("SELECT * FROM ledger.passes")
    assert_rolled_up(kept, trend(kept.rows("SELECT * FROM raw.readiness_snapshots"), passes=passes))


def assert_as_of(tables: Any, course: list[Row], day: date, sightings: Sequence[Row] = ()) -> None:
    """``readiness_as_of`` is the last row with information until a day, or the first where none has any."""
    expected: dict[tuple[Any, ...], Row] = {}
    for row in course:
        if is_gone(sightings, "UTC", row["project_id"], row["repository"], day):
            continue
        if row["day"] <= day and (row["overall"] is not None or key(row)[:3] not in expected):
            expected[key(row)[:3]] = row
    got = tables.rows("SELECT * FROM readiness_as_of(?)", day)
    assert {key(row | {"day": None})[:3] for row in got} == expected.keys()
    assert len(got) == len(expected)
    for row in got:
        held = expected[row["project_id"], row["repository"], row["window_days"]]
        later = [held["day"] + timedelta(days=number) for number in range((day - held["day"]).days + 1)]
        known = held["overall"] is not None and not any(
            is_gone(sightings, "UTC", held["project_id"], held["repository"], one) for one in later
        )
        ready = [one["first_ready_day"] for one in course if key(one)[:3] == key(held)[:3] and one["day"] <= day]
        assert (row["as_of"], row["overall"], row["readiness_score"], row["classification"]) == (
            day,
            *(held[name] if known else None for name in ("overall", "readiness_score", "classification")),
        )
        assert row["day"] == (held["day"] if known else None)
        assert row["age_days"] == ((day - held["day"]).days if known else None)
        assert row["state_since"] == (held["state_since"] if known else None)
        assert row["days_in_state"] == ((day - held["state_since"]).days + 1 if known else None)
        assert row["first_ready_day"] == ready[-1]


def test_as_of_a_day_is_the_last_row_with_information_until_then(kept: Any) -> None:
    course = trend(kept.rows("SELECT * FROM raw.readiness_snapshots"), passes=kept.rows("SELECT * FROM ledger.passes"))
    days = sorted({row["day"] for row in course})
    for day in (days[0] - timedelta(days=1), days[2], days[4], days[-1], days[-1] + timedelta(days=30)):
        assert_as_of(kept, course, day)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=snapshots(), sightings=presence())
def test_any_answers_give_the_plain_computation(scratch: Any, rows: list[Row], sightings: list[Row]) -> None:
    scratch.fill("raw.readiness_snapshots", rows)
    scratch.fill("raw.repository_sightings", sightings)
    assert_same(scratch)
    course = trend(rows, sightings=sightings)
    assert_rolled_up(scratch, course)
    for back in (0, 3, 9):
        assert_as_of(scratch, course, START.date() + timedelta(days=12 - back), sightings)


def test_the_answers_are_those_that_are_kept(kept: Any) -> None:
    names = (
        "project_id repository window_days generated_at observed_at overall classification excluded evidence payload"
    )
    order = "ORDER BY project_id, repository, window_days, observed_at"
    raw = kept.rows(f"SELECT * FROM raw.readiness_snapshots {order}")
    got = kept.rows(f"SELECT * FROM main.readiness {order}")
    assert [[row[name] for name in names.split()] for row in got] == [
        [row[name] for name in names.split()] for row in raw
    ]


def test_days_on_which_every_question_failed_are_missing_days(empty: Any) -> None:
    answer = {"project_id": 1, "repository": "acme/a", "window_days": 7, "observed_at": START, "overall": "ready"}
    empty.fill("raw.readiness_snapshots", [{**answer, "generated_at": START, "evidence": "scan"}])
    later = START + timedelta(days=3)
    passes = [{"project_id": 1, "resource": "readiness", "started_at": later, "finished_at": later}]
    empty.fill("ledger.passes", passes)
    assert [row["overall"] for row in assert_same(empty)] == ["ready", None, None, None]
    empty.fill("ledger.passes", [{**passes[0], "finished_at": None}, {**passes[0], "resource": "tasks"}])
    assert [row["overall"] for row in assert_same(empty)] == ["ready"]


@settings(max_examples=8)
@given(
    rows=snapshots(),
    sightings=presence(),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_a_day_begins_in_the_zone_of_the_setting(
    scratch: Any, rows: list[Row], sightings: list[Row], zone: str
) -> None:
    scratch.fill("raw.readiness_snapshots", rows)
    scratch.fill("raw.repository_sightings", sightings)
    scratch.connection.execute(f"CREATE OR REPLACE MACRO main.day_zone() AS '{zone}'")
    try:
        assert_same(scratch, zone)
    finally:
        scratch.connection.execute("CREATE OR REPLACE MACRO main.day_zone() AS 'UTC'")


def test_the_zone_is_a_setting_of_the_warehouse(tmp_path: Any) -> None:
    import duckdb  # noqa: PLC0415 - beside its use: the engine's own connection is always in a transaction

    from taskhouse.warehouse import migrate  # noqa: PLC0415

    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        migrate.upgrade(connection)
        for zone, expected in ((None, "UTC"), ("Asia/Kolkata", "Asia/Kolkata"), (None, "Asia/Kolkata"), ("UTC", "UTC")):
            views.prepare(connection, tmp_path, zone=zone)
            assert connection.execute("SELECT main.day_zone()").fetchall() == [(expected,)]


def test_the_trend_does_not_depend_on_the_zone_of_its_reader(kept: Any) -> None:
    before = kept.rows("SELECT * EXCLUDE (generated_at, observed_at) FROM main.readiness_trend ORDER BY ALL")
    kept.connection.execute("SET TimeZone = 'Pacific/Auckland'")
    try:
        assert before == kept.rows(
            "SELECT * EXCLUDE (generated_at, observed_at) FROM main.readiness_trend ORDER BY ALL"
        )
    finally:
        kept.connection.execute("SET TimeZone = 'UTC'")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("ready", "ready", "ready"), 100.0),
        (("ready", "not_applicable", "ready"), 100.0),
        (("needs_setup", "needs_setup", "needs_setup"), 0.0),
        (("detected", "waiting_for_data", "needs_setup"), 33.3),
        (("waiting_for_data", "not_applicable", "not_applicable"), 66.7),
        (("not_applicable", "not_applicable", "not_applicable"), None),
        (("ready", "unknown", "ready"), None),
        ((None, "ready", "ready"), None),
    ],
)
def test_the_score_is_the_share_of_steps_gone(scratch: Any, states: tuple[Any, ...], expected: float | None) -> None:
    assert scratch.rows("SELECT main.readiness_score(?, ?, ?) AS score", *states) == [{"score": expected}]
