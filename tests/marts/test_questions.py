"""The statements of ``docs/questions.md`` about readiness give what follows from the raw answers."""

import random
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.marts.answers import CAPABILITIES, STEPS, Row, is_gone, trend, weeks

RANKS = {"needs_setup": 0, "detected": 1, "partial": 2, "ready": 3}
ZONE, BEGIN = "Europe/Berlin", datetime(2026, 3, 18, tzinfo=UTC)
PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^### (.*?)\n.*?^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))

Course = dict[tuple[int, str], list[Row]]


@pytest.fixture(scope="module")
def made() -> tuple[list[Row], list[Row]]:
    """Nine weeks of two projects whose repositories are ready most of the time."""
    return weeks(random.Random(6), BEGIN, days=60, levels=(1, *[3] * 9))


@pytest.fixture(scope="module")
def tables(scratch: Any, made: tuple[list[Row], list[Row]]) -> Iterator[Any]:
    scratch.fill("raw.readiness_snapshots", made[0])
    scratch.fill("raw.repository_sightings", made[1])
    scratch.connection.execute(f"CREATE OR REPLACE MACRO main.day_zone() AS '{ZONE}'")
    yield scratch
    scratch.connection.execute("CREATE OR REPLACE MACRO main.day_zone() AS 'UTC'")


@pytest.fixture(scope="module")
def courses(made: tuple[list[Row], list[Row]]) -> Course:
    """The days of each repository, in order, with a row without an answer on a day on which it was gone."""
    found: Course = defaultdict(list)
    for row in trend(made[0], ZONE, sightings=made[1]):
        found[row["project_id"], row["repository"]].append(row)
    for (project, repository), days in found.items():
        held = {row["day"] for row in days}
        for number in range(70):
            day = BEGIN.date() + timedelta(days=number)
            if day not in held and is_gone(made[1], ZONE, project, repository, day):
                days.append({"day": day, "gone": True, "overall": None})
        days.sort(key=lambda row: row["day"])
    return found


def known(days: list[Row]) -> list[Row]:
    return [row for row in days if row["overall"] is not None or "gone" in row]


def test_how_long_a_slip_lasts(tables: Any, courses: Course) -> None:
    ends: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for (project, _), every in courses.items():
        days = known(every)
        for place in range(1, len(days)):
            before, now = days[place - 1], days[place]
            if before["overall"] != "ready" or RANKS.get(now["overall"] or "", 3) == 3:
                continue
            if before["classification"] != now["classification"]:
                continue
            later = next((row for row in days[place:] if row["overall"] == "ready" or "gone" in row), None)
            end = "open" if later is None else "gone" if "gone" in later else "ready"
            ends[project].append((end, (later["day"] - now["day"]).days if later else 0))
    got = tables.rows(QUESTIONS["How long does it take until a repository that slipped is ready again?"])
    assert {end for slips in ends.values() for end, _ in slips} == {"open", "gone", "ready"}
    assert got == [
        {
            "project_id": project,
            "slips": len(slips),
            "ready_again": sum(end == "ready" for end, _ in slips),
            "median_days": statistics.median(days for end, days in slips if end == "ready"),
            "gone_first": sum(end == "gone" for end, _ in slips),
            "open_slips": sum(end == "open" for end, _ in slips),
        }
        for project, slips in sorted(ends.items())
    ]


def test_how_long_repositories_stay_ready(tables: Any, courses: Course) -> None:
    cells: dict[tuple[int, date, int], list[tuple[str, str | None]]] = defaultdict(list)
    for (project, repository), days in courses.items():
        first = next((row["day"] for row in days if row["overall"] == "ready"), None)
        for row in days:
            if first is not None and row["day"] >= first and "gone" not in row:
                where = (project, first - timedelta(days=first.weekday()), (row["day"] - first).days // 7)
                cells[where].append((repository, row["overall_carried"]))
    got = tables.rows(QUESTIONS["Do repositories stay ready once they are?"])
    assert [tuple(row.values()) for row in got] == [
        (
            *where,
            len({name for name, _ in cell}),
            # after a repository came back, its state is not known until the first answer
            pytest.approx(statistics.mean(state == "ready" for _, state in cell if state is not None)),
        )
        for where, cell in sorted(cells.items())
    ]
    assert len(got) > 8


def test_what_changed_between_two_dates(tables: Any, courses: Course) -> None:
    first, second = BEGIN.date() + timedelta(days=9), BEGIN.date() + timedelta(days=41)
    moves: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for (project, repository), days in courses.items():
        ends = [[row for row in known(days) if row["day"] <= day][-1:] for day in (first, second)]
        before, after = (row[0]["overall"] if row else None for row in ends)
        if before != after:
            moves[project, before, after].append(repository)
    text = QUESTIONS["What changed between two dates?"]
    text = text.replace("2026-11-10", str(first)).replace("2026-11-24", str(second))
    got = [tuple(row.values()) for row in tables.rows(text)]
    assert Counter(map(repr, got)) == Counter(
        repr((*where, len(names), sorted(names))) for where, names in moves.items()
    )
    assert len(got) > 2


def test_which_capability_blocks_most(tables: Any, courses: Course) -> None:
    last = max(row["day"] for days in courses.values() for row in days if "gone" not in row)
    counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for (project, _), days in courses.items():
        if days[-1]["day"] == last and "gone" not in days[-1]:
            held = [row for row in known(days) if "gone" not in row][-1]["answer"]
            for name in CAPABILITIES:
                if held[name] not in {"ready", "not_applicable"}:
                    counts[project, name.removesuffix("_state")][held[name]] += 1
    got = tables.rows(QUESTIONS["Which capability blocks most repositories?"])
    assert [row["repositories"] for row in got] == sorted(
        (sum(each.values()) for each in counts.values()), reverse=True
    )
    assert {(row["project_id"], row["capability"]): list(row.values())[2:] for row in got} == {
        where: [sum(each.values()), *(each[state] for state in list(STEPS)[:3])] for where, each in counts.items()
    }


def test_every_question_is_known() -> None:
    assert all(text.strip() for text in QUESTIONS.values())
    assert len(QUESTIONS) >= 7
