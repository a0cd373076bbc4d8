"""The outcome of readiness, computed a second time from the plain rows of a drawn history."""

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import taskhouse
from taskhouse.reading import Snapshot
from taskhouse.report import Directory, Options, outcome, render, trend
from taskhouse.report.intervals import Difference, Sides, common
from taskhouse.report.options import Scope
from taskhouse.report.summary import Sentence
from tests.report.agents_world import KNOWN, RUNS, Run
from tests.report.tree import Tree
from tests.report.world import LAST, World

UNTIL = LAST.date()
DAY = timedelta(days=1)


@pytest.fixture
def house(agents_home: Path) -> Iterator[Snapshot]:
    with taskhouse.open(agents_home) as opened:
        yield opened


def gather(house: Snapshot, scope: Scope, until: date) -> outcome.Outcome:
    """The outcome by itself, from the trend that it reads."""
    trend.read(house, scope)
    return outcome.gather(house, scope, until)


def spells(days: dict[date, tuple[str, str]]) -> list[tuple[bool, str, date, date]]:
    """Whether ready, the class, the first and the last day, of days in a row that say the same."""
    found: list[tuple[bool, str, date, date]] = []
    for day in sorted(days):
        state, kind = days[day]
        if found and found[-1][:2] == (state == "ready", kind):
            found[-1] = (*found[-1][:3], day)
        else:
            found.append((state == "ready", kind, day, day))
    return found


def weeks_around(days: dict[date, tuple[str, str]]) -> tuple[date, date, int] | None:
    """The last day before, the first day of being ready, and the whole weeks on each side."""
    spell = spells(days)
    for before, after in itertools.pairwise(spell):
        if not before[0] and after[0] and before[1] == after[1]:
            weeks = min(8, ((before[3] - before[2]).days + 1) // 7, ((after[3] - after[2]).days + 1) // 7)
            if weeks:
                return before[3], after[2], weeks
    return None


def sides(repository: str, change: tuple[date, date, int]) -> tuple[list[Run], list[Run]]:
    last, first, weeks = change
    mine = [run for run in RUNS if run.repository == repository and run.ended.date() <= UNTIL]
    length = 7 * weeks * DAY
    return (
        [run for run in mine if last - length < run.began.date() <= last],
        [run for run in mine if first <= run.began.date() < first + length],
    )


def rate(these: list[Run]) -> float:
    return sum(run.status == "completed" for run in these) / len(these)


CHANGES = {name: change for name, days in KNOWN.items() if (change := weeks_around(days))}


def test_each_repository_has_its_first_lasting_change_and_the_runs_around_it(house: Snapshot) -> None:
    found = gather(house, Scope(), UNTIL)
    assert len(CHANGES) > 4
    assert {one.name for one in found.became} == set(CHANGES)
    for one in found.became:
        before, after = sides(one.name, CHANGES[one.name])
        assert (one.day, one.weeks) == CHANGES[one.name][1:]
        assert (one.runs.before, one.runs.after) == (len(before), len(after))
        assert one.runs.completed_before == sum(run.status == "completed" for run in before)
        assert one.runs.completed_after == sum(run.status == "completed" for run in after)
        assert (one.difference is None) == (min(len(before), len(after)) < 20)


def test_the_common_difference_and_that_of_the_others_are_those_of_plain_loops(house: Snapshot) -> None:
    found = gather(house, Scope(), UNTIL)
    both = {name: sides(name, change) for name, change in CHANGES.items() if all(sides(name, change))}
    weight = {name: len(b) * len(a) / (len(b) + len(a)) for name, (b, a) in both.items()}
    here = sum(weight[name] * (rate(a) - rate(b)) for name, (b, a) in both.items()) / sum(weight.values())
    assert found.common is not None
    assert found.common.value == pytest.approx(here)

    shares: dict[int, float] = defaultdict(float)
    beyond: dict[str, float] = defaultdict(float)
    for name, change in CHANGES.items():
        last, first, weeks = change
        since, until = last - (7 * weeks - 1) * DAY, first + (7 * weeks - 1) * DAY
        beside = {
            other: sides(other, change)
            for other in KNOWN
            if other != name and any(one[2] <= since and one[3] >= until for one in spells(KNOWN[other]))
        }
        pairs = {other: (b, a) for other, (b, a) in beside.items() if b and a}
        each = {other: len(b) * len(a) / (len(b) + len(a)) for other, (b, a) in pairs.items()}
        for other, (b, a) in pairs.items():
            part = weight[name] / sum(weight.values()) * each[other] / sum(each.values())
            usual = sum(each[one] * (rate(pairs[one][1]) - rate(pairs[one][0])) for one in pairs) / sum(each.values())
            beyond[other] += part * (rate(a) - rate(b) - usual)
            for run in b:
                shares[run.number] -= part / len(b)
            for run in a:
                shares[run.number] += part / len(a)
    used = [run for run in RUNS if run.number in shares]
    elsewhere = sum(shares[run.number] for run in used if run.status == "completed")
    chance = rate(used) * (1 - rate(used)) * sum(shares[run.number] ** 2 for run in used)
    apart = sum(one**2 for one in beyond.values()) * len(beyond) / (len(beyond) - 1)
    assert found.others is not None
    assert found.others.value == pytest.approx(elsewhere)
    assert found.others.beyond.value == pytest.approx(here - elsewhere)
    assert found.others.repositories == len({run.repository for run in used})
    half = (found.common.high - found.common.low) / 2
    assert found.others.beyond.high - found.others.beyond.value == pytest.approx(
        math.sqrt(half**2 + 1.959964**2 * max(chance, apart)), rel=1e-6
    )


def test_one_repository_is_compared_with_the_others_of_its_project(house: Snapshot) -> None:
    name = next(one for one, change in CHANGES.items() if min(map(len, sides(one, change))) >= 20)
    found = gather(house, Scope(repository=name), UNTIL)
    assert [one.name for one in found.became] == [name]
    assert found.common is not None
    assert found.others is not None
    assert found.others.repositories > 2
    assert f"in {found.others.repositories} repositories that did not change" in outcome.said_of_others(found.others)
    assert outcome.said_of_others(None).startswith("Too few runs are known")
    assert gather(house, Scope(repositories=(name,)), UNTIL) == found
    assert gather(house, Scope(projects=(2,)), UNTIL).became == ()


def test_what_was_known_on_an_earlier_day_is_said_of_that_day(house: Snapshot) -> None:
    day = sorted(change[1] for change in CHANGES.values())[1] + 9 * DAY
    found = gather(house, Scope(), day)
    assert all(one.day + timedelta(days=7 * one.weeks - 1) <= day for one in found.became)
    assert 0 < len(found.became) < len(CHANGES)


def test_one_run_too_few_on_a_side_and_nothing_is_said(house: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    name, change = next(iter(CHANGES.items()))
    fewest = min(map(len, sides(name, change)))
    monkeypatch.setattr(outcome, "ENOUGH", fewest)
    enough = gather(house, Scope(repository=name), UNTIL)
    assert enough.common is not None
    assert enough.became[0].difference is not None
    [sentence] = outcome.sentences(enough)
    assert f"from {sum(map(len, sides(name, change)))} runs of 1 repository" in sentence.text
    monkeypatch.setattr(outcome, "ENOUGH", fewest + 1)
    found = gather(house, Scope(repository=name), UNTIL)
    assert (found.common, found.others, found.became[0].difference) == (None, None, None)
    assert outcome.sentences(found) == []


def test_what_is_clear_is_said_with_the_shares_of_both_sides_and_what_is_not_is_not_claimed() -> None:
    def became(name: str, *counts: int) -> outcome.Became:
        made = dict(zip(("completed_before", "before", "completed_after", "after"), counts, strict=True))
        return outcome.Became(1, name, date(2026, 11, 2), 3, Sides(**made))

    def embedded(*some: outcome.Became) -> str:
        return outcome.said(outcome.Outcome(some, common([one.runs for one in some]), None))

    assert embedded(became("a/b", 60, 100, 80, 100), became("c/d", 30, 60, 42, 60)) == (
        "Runs succeeded more often after their repositories became ready: 76%, 56% before"
        " (+20 points, +10 to +30 with 95% confidence, from 320 runs of 2 repositories)."
    )
    assert embedded(became("a/b", 12, 20, 14, 21)) == (
        "Whether runs succeed more often once a repository became ready is not clear:"
        " +7 points, \u221223 to +36 with 95% confidence, from 41 runs of 1 repository."
    )


def test_what_rose_everywhere_is_not_claimed_for_readiness() -> None:
    sides = Sides(completed_before=60, before=100, completed_after=80, after=100)
    became = (outcome.Became(1, "a/b", date(2026, 11, 2), 3, sides),)

    def first(elsewhere: float, low: float, high: float) -> Sentence:
        others = outcome.Others(5, 90, 90, elsewhere, Difference((low + high) / 2, low, high))
        return outcome.sentences(outcome.Outcome(became, common([sides]), others))[0]

    everywhere, here, unknown = (
        first(0.19, -0.1, 0.12),
        first(0.02, 0.1, 0.3),
        outcome.Outcome(became, common([sides]), None),
    )
    assert everywhere.text.endswith("; but +19 points where nothing changed, so readiness may not be the reason.")
    assert here.text.endswith("from 200 runs of 1 repository); +2 points where nothing changed.")
    assert [one.tone for one in (everywhere, here, *outcome.sentences(unknown))] == ["even", "good", "even"]
    assert here.weight > everywhere.weight


def test_the_whole_report_says_it_first_and_has_it_for_machines(house: Snapshot) -> None:
    known = Directory(campaigns=({"name": "Q4", "by": date(2026, 12, 31), "repositories": ["acme/*"]},))
    page = Tree(render(house, Options(week="2026-W47"), known))
    found = gather(house, Scope(), date(2026, 11, 22))
    said = [one.text for one in page.all("ol", class_="said")]
    assert outcome.sentences(found)[0].text in said[0]
    assert [one.text for one in page.all("a", href="#campaigns")] == ["Campaigns"]
    embedded = json.loads(page.all("script", id="data")[0].text)["outcome"]
    assert embedded["common"][0] == pytest.approx(found.common.value if found.common else None, abs=1e-3)
    assert embedded["runs"] == [
        found.runs.completed_before,
        found.runs.before,
        found.runs.completed_after,
        found.runs.after,
    ]


def test_a_window_that_was_asked_for_only_a_few_days_does_not_decide(tmp_path: Path) -> None:
    world = World()
    for back in range(30):
        when = LAST - timedelta(days=back)
        world.snapshot("acme/web", 7, when, "ready" if back < 15 else "partial")
        if back < 3:
            world.snapshot("acme/web", 30, when, "partial")
    with world.open(tmp_path) as house:
        [found] = gather(house, Scope(), UNTIL).became
    assert (found.name, found.day, found.weeks) == ("acme/web", UNTIL - timedelta(days=14), 2)
