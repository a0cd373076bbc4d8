"""Movers, denominators, sums and medians of drawn histories, computed a second time in plain Python from their rows."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

import pytest

from taskhouse.report import Directory, Options, gathered
from taskhouse.report.model import Report
from tests.report.world import LAST, World

DAYS = 50
FIRST = LAST.date() - timedelta(days=DAYS - 1)
ORDER = ["needs_setup", "detected", "partial", "ready"]
UNTIL, BASE = date(2026, 11, 22), date(2026, 11, 15)
PROJECTS = range(1, 6)


@dataclass
class Course:
    """What is known of one repository: its states by day, and the days on which it is there."""

    states: dict[date, str] = field(default_factory=dict)
    asked: set[date] = field(default_factory=set)
    gone: set[date] = field(default_factory=set)

    def at(self, day: date) -> str | None:
        """The last known state at the end of a day on which the repository is there and was asked about."""
        if day in self.gone or not any(one <= day for one in self.asked - self.gone):
            return None
        known = [one for one in self.states if one <= day and one not in self.gone]
        return self.states[max(known)] if known else None


History = dict[int, dict[str, Course]]


@pytest.fixture(scope="module")
def history() -> History:
    """Some repositories in each project: they move, go, come back, come late, and are not seen on some days."""
    drawn: History = defaultdict(dict)
    for project in PROJECTS:
        dice = random.Random(project)
        dark = {FIRST + timedelta(days=dice.randrange(DAYS)) for _ in range(5)} | {UNTIL if project == 3 else FIRST}
        for number in range(8):
            course = drawn[project][f"acme/r-{number}"] = Course()
            level, begins = dice.randrange(4), dice.choice([0, 0, 0, 20, 45])
            for day in (FIRST + timedelta(days=at) for at in range(begins, DAYS)):
                level = max(0, min(3, level + dice.choice([0] * 9 + [-2, -1, 1, 2])))
                if dice.random() < 0.08:
                    continue
                course.asked.add(day)
                if day not in dark:
                    course.states[day] = "unknown" if number == 7 else ORDER[level]
            if number == 6:
                left = FIRST + timedelta(days=dice.randrange(20, 48))
                back = left + timedelta(days=dice.randrange(1, 60))
                course.gone = {left + timedelta(days=at) for at in range((back - left).days)}
    return drawn


@pytest.fixture(scope="module")
def reports(history: History, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Report]:
    world, found = World(), {}
    for project, courses in history.items():
        for name, course in courses.items():
            for day in sorted(course.asked):
                evidence = "scan" if day in course.states else "no_token"
                state = course.states.get(day, "unknown")
                world.snapshot(name, 7, _noon(day), state, project=project, evidence=evidence)
            if course.gone:
                _goes(world, project, name, min(course.gone), max(course.gone) + timedelta(days=1))
        world.passed("readiness", project_id=project, pass_id=f"readiness-{project}")
    with world.open(tmp_path_factory.mktemp("drawn")) as house:
        for project in history:
            with gathered(house, Options(projects=(project,)), Directory()) as report:
                assert isinstance(report, Report)
                found[project] = report
    assert sum(len(group.movers) for report in found.values() for group in report.groups) > len(found)
    return found


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(5), UTC)


def _goes(world: World, project: int, name: str, left: date, back: date) -> None:
    rows = world.tables["raw.repository_sightings"]
    [row] = [one for one in rows if one["repository"] == name and one["project_id"] == project]
    row["absent_since"] = _noon(left).isoformat()
    if back <= LAST.date():
        world.add("raw.repository_sightings", **{**row, "first_seen_at": _noon(back), "absent_since": None})


@pytest.mark.parametrize("project", PROJECTS)
def test_a_repository_moved_if_it_stands_elsewhere_than_at_the_end_of_the_week_before(
    history: History, reports: dict[int, Report], project: int
) -> None:
    report, expected = reports[project], {}
    assert (report.period.until, report.base) == (UNTIL, BASE)
    for name, course in history[project].items():
        now, base = course.at(UNTIL), course.at(BASE)
        if now in ORDER and base in ORDER and now != base:
            way = "slipped" if ORDER.index(now) < ORDER.index(base) else "ready" if now == "ready" else "up"
            expected[name] = (way, base, now)
    movers = [one for group in report.groups for one in group.movers]
    assert {one.repository.name: (one.way, one.before, one.after) for one in movers} == expected
    for one in movers:
        assert one.change is not None
        assert BASE < one.change.day <= UNTIL
        assert one.change.reason or one.change.cause == "presence"
        days = decisive(history[project][one.repository.name], one.way, one.before, one.after)
        assert not days or one.change.day == max(days)


def decisive(course: Course, way: str, before: str, after: str) -> list[date]:
    """Days of the week on which a repository came to its state at the end or, if it slipped, stopped being ready."""
    days = [BASE + timedelta(days=at) for at in range(1, (UNTIL - BASE).days + 1)]
    steps = [(day, course.at(day - timedelta(days=1)), course.at(day)) for day in days]
    leaves = way == "slipped" and before == "ready"
    return [
        day
        for day, old, new in steps
        if old in ORDER
        and new in ORDER
        and (ORDER.index(new) < ORDER.index(old)) == (way == "slipped")
        and old != new
        and (old == before if leaves else new == after)
    ]


@pytest.mark.parametrize("project", PROJECTS)
def test_every_share_has_one_denominator_and_the_sum_comes_out(
    history: History, reports: dict[int, Report], project: int
) -> None:
    report, courses = reports[project], history[project].values()
    known = [course.at(UNTIL) for course in courses if course.at(UNTIL) in ORDER]
    assert (len(report.known), report.ready) == (len(known), known.count("ready"))
    assert report.bridge.before == sum(course.at(BASE) == "ready" for course in courses)
    assert report.bridge.after == report.ready
    assert report.bridge.got_ready == len(report.movers("ready"))


@pytest.mark.parametrize("project", PROJECTS)
def test_a_week_is_the_median_of_its_days_and_usual_the_median_of_four_weeks(
    history: History, reports: dict[int, Report], project: int
) -> None:
    report = reports[project]
    medians: dict[date, dict[str, float]] = {}
    for monday in (date(2026, 10, 12) + timedelta(weeks=number) for number in range(6)):
        days = []
        for day in (monday + timedelta(days=at) for at in range(7)):
            states = Counter(course.at(day) for course in history[project].values())
            if sum(states[state] for state in ORDER):
                days.append(states)
        medians[monday] = {state: median(one[state] for one in days) for state in ORDER}
        medians[monday]["share"] = median(one["ready"] / sum(one[state] for state in ORDER) for one in days)
    by_week = {week.since: count for week, count in report.weeks}
    for monday, expected in medians.items():
        count = by_week[monday]
        assert {state: count.states.get(state, 0) for state in ORDER} == {state: expected[state] for state in ORDER}
        assert count.share == pytest.approx(expected["share"])
    four = [medians[BASE - timedelta(days=6 + 7 * number)] for number in range(4)]
    assert report.usual is not None
    assert report.usual.ready == median(one["ready"] for one in four)
    assert report.usual.share == pytest.approx(median(one["share"] for one in four))
