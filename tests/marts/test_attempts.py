"""Attempts of runs, and the days that rest on them, against plain Python and pandas over the raw rows."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from tests.marts.evidence import ends_of, living, of, scheduled, settled, signs_of, starts_of, states_of
from tests.marts.lives import BEGIN, DAYS, TABLES, lives

Row = dict[str, Any]

DIMENSIONS = ["repository", "model", "runtime_adapter", "origin_product", "environment", "visibility"]
ZONES = [(2, "Europe/Berlin"), (3, "America/New_York")]
AFTERWARDS = {"is_last", "observed_in", "repository_now", "visibility_now", "origin_product", "created_by"}
"""What may change of an attempt that is over."""


def fill(tables: Any, rows: dict[str, list[Row]]) -> None:
    for table, of_it in rows.items():
        tables.fill(table, of_it)


@pytest.fixture(scope="module", params=ZONES)
def drawn(request: pytest.FixtureRequest, scratch: Any) -> Iterator[tuple[Any, dict[str, list[Row]], str]]:
    """The tables filled with one draw, that draw, and the zone in which days begin."""
    seed, zone = request.param
    rows = lives(random.Random(seed))
    fill(scratch, rows)
    scratch.connection.execute(f"CREATE OR REPLACE MACRO main.day_zone() AS '{zone}'")
    yield scratch, rows, zone
    scratch.connection.execute("CREATE OR REPLACE MACRO main.day_zone() AS 'UTC'")
    fill(scratch, {table: [] for table in TABLES})


def at(history: list[Row], name: str, moment: datetime | None) -> Row:
    """The row of a history that counts at a moment; the first one before it all, the newest if there is no moment."""
    ordered = sorted(history, key=lambda row: row[name])
    known = [row for row in ordered if moment is None or row[name] <= moment]
    return (known or ordered[:1] or [{}])[-1]


def visibility(versions: list[Row], sightings: list[Row], moment: datetime | None) -> str | None:
    task, sighting = at(versions, "valid_from", moment), at(sightings, "first_seen_at", moment)
    gone = sighting.get("absent_since")
    if gone is not None and (moment is None or gone <= moment):
        return "absent"
    return "internal" if task.get("internal") else "archived" if task.get("archived") else "listed" if task else None


def seconds(first: datetime | None, last: datetime | None) -> float | None:
    return None if first is None or last is None else max((last - first) / timedelta(seconds=1), 0)


def versions_of(rows: dict[str, list[Row]], **run: Any) -> list[Row]:
    return sorted(of(rows["raw.run_versions"], **run), key=lambda row: row["valid_from"])


def expected(rows: dict[str, list[Row]], zone: str) -> list[Row]:
    """Attempts as a person would find them in the raw rows, run by run."""
    found: list[Row] = []
    for project, run in sorted({(row["project_id"], row["run_id"]) for row in rows["raw.run_versions"]}):
        key = {"project_id": project, "run_id": run}
        starts = starts_of(rows, **key)
        versions, sources = versions_of(rows, **key), states_of(rows, starts, **key)
        raw_starts, starts = starts, settled(starts, sources)
        signs = signs_of(sources)
        ends = ends_of(sources, [*signs, *starts])
        tasks = {"project_id": project, "task_id": versions[-1]["task_id"]}
        task = sorted(of(rows["raw.task_versions"], **tasks), key=lambda row: row["valid_from"])
        sight = of(rows["raw.task_sightings"], **tasks)
        alive = living(signs, max(ends, default=None), versions[-1], task, at(sight, "first_seen_at", None))
        stops: list[datetime | None] = [*sorted(ends), *([None] if alive else [])]
        for number, ended in enumerate(stops, 1):
            previous = stops[number - 2] if number > 1 else None

            def inside(moment: datetime, previous: datetime | None = previous, ended: datetime | None = ended) -> bool:
                return (previous is None or moment > previous) and (ended is None or moment <= ended)

            own = sorted((start for start in starts if inside(start[0])), key=lambda start: (start[0], start[3]))
            started = own[0][0] if own else None
            newest, shown = versions[-1], list[Any]()
            began: Any
            if ended is None:
                state: Row = {
                    "status": max(alive, key=lambda sign: (sign[3], sign[0]))[4],
                    "known_at": max(sign[3] for sign in alive),
                    "sources": {sign[2] for sign in alive},
                    "reported": {},
                }
            else:
                state = ends[ended]
            before = [ends[one]["end_known_at"] for one in sorted(ends) if previous and one <= previous]
            learned = [state["known_at"], *before, *([own[0][3]] if own else [])]
            seen_in = state["sources"] | {start[2] for start in own}
            if number > 1:
                evidence: list[tuple[Any, ...]] = [*signs, *starts]
                shown = [one for one in evidence if inside(one[0])]
                shown.sort(key=lambda one: (one[0], one[1], one[3]))
                began, by = (shown[0][0], shown[0][1]) if shown else (None, None)
                seen_in |= {one[2] for one in shown}
                learned += [shown[0][3]] if shown else []
            elif newest["scheduled_at"]:
                began, by, known_at = scheduled(versions, sources, raw_starts, ended)
                shown = [(began, by, by, known_at)] if began else []
                learned += [known_at] if by not in {None, "scheduled"} else []
            else:
                began, by = newest["created_at"], "created"
            described = at(versions, "valid_from", state["known_at"] if ended else None)
            described = described | ({} if "version" in state["sources"] else state["reported"])
            first: Row | None = None
            if began is not None:
                morrow = began.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
                until = datetime.combine(morrow, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
                run_then = at(versions, "valid_from", min(until, state["known_at"]) if ended else until)
                first = {name: run_then.get(name) for name in ("environment", "runtime_adapter", "model")}
                first["repository"] = at(task, "valid_from", until).get("repository")
                first["visibility"] = visibility(task, sight, until)
            found.append(
                {
                    **key,
                    "task_id": newest["task_id"],
                    "attempt": number,
                    "is_last": number == len(stops),
                    "status": state["status"],
                    "began_at": began,
                    "began_by": by,
                    "started_at": started,
                    "ended_at": ended,
                    "queue_s": seconds(began, started),
                    "duration_s": seconds(began, ended),
                    "active_s": seconds(started, ended),
                    "observed_in": sorted(seen_in),
                    "known_at": max(learned),
                    "began_known_at": max([shown[0][3] if shown else versions[0]["valid_from"], *before])
                    if began
                    else None,
                    **{name: described.get(name) for name in ("model", "environment", "pr_url", "error_message")},
                    "repository": at(task, "valid_from", ended).get("repository"),
                    "repository_now": at(task, "valid_from", None).get("repository"),
                    "visibility": visibility(task, sight, ended),
                    "visibility_now": visibility(task, sight, None),
                    "at_start": first,
                }
            )
    return found


def test_attempts_are_those_of_the_raw_rows(drawn: Any) -> None:
    tables, rows, zone = drawn
    wanted = expected(rows, zone)
    got = tables.rows("SELECT * FROM main.run_attempts ORDER BY project_id, run_id, attempt")
    wanted.sort(key=lambda row: (row["project_id"], row["run_id"], row["attempt"]))
    assert sum(row["attempt"] > 1 for row in wanted) > 10
    for one, other in zip(got, wanted, strict=True):
        for name, value in other.items():
            assert one[name] == (pytest.approx(value, abs=0.0021) if name.endswith("_s") else value), (name, one, other)


def test_a_run_is_the_sum_of_its_attempts(drawn: Any) -> None:
    tables, rows, zone = drawn
    runs = {(row["project_id"], row["run_id"]): row for row in tables.rows("SELECT * FROM main.runs")}
    attempts: dict[tuple[int, str], list[Row]] = {}
    for row in expected(rows, zone):
        attempts.setdefault((row["project_id"], row["run_id"]), []).append(row)
    assert runs.keys() == attempts.keys()
    for key, run in runs.items():
        last = attempts[key][-1]
        assert (run["attempts"], run["status"], run["completed_at"]) == (
            len(attempts[key]),
            last["status"],
            last["ended_at"],
        )
        assert (run["repository"], run["repository_then"]) == (last["repository_now"], last["repository"])
        assert run["visibility"] == last["visibility_now"]
        for name in ("queue_s", "duration_s", "active_s"):
            parts = [row[name] for row in attempts[key]]
            assert run[name] == (None if None in parts else pytest.approx(sum(parts), abs=0.01))


@pytest.mark.filterwarnings("ignore:Mean of empty slice")  # of pandas 2, for the median of no number
def test_the_days_of_attempts_equal_pandas(drawn: Any) -> None:
    tables, rows, zone = drawn
    frame = pd.DataFrame(expected(rows, zone)).merge(
        tables.frame("SELECT project_id, run_id, attempt, runtime_adapter, origin_product FROM main.run_attempts"),
        on=["project_id", "run_id", "attempt"],
    )
    began = frame[frame["began_at"].notna()].copy()
    for name in ("environment", "runtime_adapter", "model", "repository", "visibility"):
        began[name] = [early[name] for early in began["at_start"]]
    sides = []
    for begins, side, name in ((True, began, "began_at"), (False, frame[frame["ended_at"].notna()], "ended_at")):
        local = pd.to_datetime(side[name], utc=True).dt.tz_convert(zone)
        night = (local.dt.tz_localize(None).dt.normalize() + pd.Timedelta(days=1)).dt.tz_localize(zone)
        late = pd.to_datetime(side["began_known_at" if begins else "known_at"], utc=True) >= night
        sides.append(side.assign(day=local.dt.date, begins=begins, late=late))
    moments = pd.concat(sides)
    by = ["project_id", "day", *DIMENSIONS]
    got = tables.frame("SELECT * FROM main.run_daily")
    got["day"] = got["day"].dt.date
    wanted = []
    for key, group in moments.groupby(by, dropna=False):
        start, end = group[group["begins"]], group[~group["begins"]]
        wanted.append(
            dict(zip(by, key, strict=True))
            | {
                "began": len(start),
                "ended": len(end),
                **{status: int((end["status"] == status).sum()) for status in ("completed", "failed", "cancelled")},
                "success_rate": (end["status"] == "completed").mean() if len(end) else None,
                "duration_p50_s": end["duration_s"].median(),
                "duration_known": end["duration_s"].notna().sum(),
                "queue_p90_s": start["queue_s"].quantile(0.9),
                "queue_known": start["queue_s"].notna().sum(),
                "pull_requests": end["pr_url"].notna().sum(),
                "reopened": (start["attempt"] > 1).sum(),
                "began_late": start["late"].sum(),
                "ended_late": end["late"].sum(),
            }
        )
    both = [
        one.astype(object).where(one.notna(), None).sort_values(by, key=lambda c: c.astype(str)).reset_index(drop=True)
        for one in (got[list(wanted[0])], pd.DataFrame(wanted))
    ]
    pd.testing.assert_frame_equal(both[0], both[1], check_dtype=False, atol=0.01, rtol=0)


def known(rows: dict[str, list[Row]], moment: datetime) -> dict[str, list[Row]]:
    """What was stored by then."""
    arrival = {
        "raw.task_sightings": "first_seen_at",
        "raw.task_versions": "valid_from",
        "raw.run_versions": "valid_from",
    }
    found = {
        table: [row for row in of_it if row[arrival.get(table, "received_at")] <= moment]
        for table, of_it in rows.items()
    }
    found["raw.task_sightings"] = [
        row | {"absent_since": gone if (gone := row["absent_since"]) and gone <= moment else None}
        for row in found["raw.task_sightings"]
    ]
    return found


@pytest.mark.parametrize("seed", [37, *(pytest.param(seed, marks=pytest.mark.worlds) for seed in range(60))])
def test_days_that_are_over_change_only_by_late_evidence(scratch: Any, seed: int) -> None:
    rows = lives(random.Random(100 + seed))
    fill(scratch, rows)
    scratch.connection.execute("CREATE OR REPLACE MACRO main.day_zone() AS 'UTC'")
    text = "SELECT * FROM main.run_attempts"
    later = {(row["project_id"], row["run_id"], row["attempt"]): row for row in scratch.rows(text)}
    compared = late = 0
    for days in range(2, DAYS, 2):
        midnight = (BEGIN + timedelta(days=days)).replace(hour=0)
        fill(scratch, known(rows, midnight))
        for row in scratch.rows(text):
            run = (row["project_id"], row["run_id"])
            then = later.get((*run, row["attempt"]))
            if then is None or then["known_at"] > midnight:
                late += 1
                learned = [one["known_at"] for key, one in later.items() if key[:2] == run]
                assert row["ended_at"] is None or max(learned) > midnight
                continue
            names = [name for name in row if name not in AFTERWARDS]
            if row["ended_at"] is None:
                names = ["began_at", "at_start"] if row["began_at"] and row["began_at"] < midnight else []
            assert {name: row[name] for name in names} == {name: then[name] for name in names}
            compared += 1
    fill(scratch, {table: [] for table in TABLES})
    assert compared > 50
    assert late > 5
