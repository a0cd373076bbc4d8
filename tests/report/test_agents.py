"""The agents' half, counted a second time from the plain rows of a drawn history."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pytest

import taskhouse
from taskhouse.reading import Snapshot
from taskhouse.report import agents
from taskhouse.report.agents_sentences import reason, sentences, success
from taskhouse.report.decomposition import Counts, Part, carrying, ends, mean, middle, parts
from taskhouse.report.intervals import Difference
from taskhouse.report.options import Period, Scope
from tests.report.agents_world import RUNS, Run

WEEK = Period.week_of(date(2026, 11, 18))
BEFORE = tuple(WEEK.back(number) for number in range(1, 5))
FINGERPRINTS = {
    "Sandbox exited with code 137": "sandbox exited with code <n>",
    "Sandbox exited with code 9": "sandbox exited with code <n>",
    "Timed out after 30 s": "timed out after <n> s",
    None: None,
}


@pytest.fixture(scope="module")
def house(agents_home: Path) -> Iterator[Snapshot]:
    with taskhouse.open(agents_home) as opened:
        yield opened


@pytest.fixture(scope="module")
def found(house: Snapshot) -> agents.Agents:
    return agents.gather(house, Scope(), WEEK, BEFORE)


def ended_in(period: Period) -> list[Run]:
    return [run for run in RUNS if period.since <= run.day <= period.until]


def rate(these: list[Run]) -> float:
    return sum(run.status == "completed" for run in these) / len(these)


def test_work_and_what_is_usual_are_those_of_plain_counting(found: agents.Agents) -> None:
    weeks = [ended_in(period) for period in (WEEK, *BEFORE)]
    assert [one.ended for one in found.periods] == [len(week) for week in weeks]
    assert found.usual.success == pytest.approx(median(rate(week) for week in weeks[1:]))
    assert found.change == pytest.approx(100 * (rate(weeks[0]) - median(map(rate, weeks[1:]))))
    lengths = sorted((run.ended - run.began).total_seconds() for run in weeks[0])
    assert found.work.p50_s == pytest.approx(median(lengths))
    by_model: dict[tuple[str | None, str | None], list[Run]] = defaultdict(list)
    for run in weeks[0]:
        by_model[run.model, run.adapter].append(run)
    assert {(one.name, one.adapter): one.work.ended for one in found.models} == {
        key: len(these) for key, these in by_model.items()
    }
    for one in found.models:
        these = by_model[one.name, one.adapter]
        costs = [run.cost for run in these if run.cost is not None]
        assert one.work.completed == sum(run.status == "completed" for run in these)
        assert one.work.cost_known == len(costs)
        assert one.work.run_usd == (pytest.approx(sum(costs) / len(costs)) if costs else None)
        usual = [
            rate(same)
            for week in weeks[1:]
            if (same := [run for run in week if (run.model, run.adapter) == (one.name, one.adapter)])
        ]
        assert one.usual.success == pytest.approx(median(usual))
    assert sum(one.part or 0.0 for one in found.models) == pytest.approx(found.change)


def test_failures_are_ranked_by_the_hours_that_they_cost(found: agents.Agents) -> None:
    hours: list[Counter[str | None]] = [Counter() for _ in range(5)]
    for at, period in enumerate((WEEK, *BEFORE)):
        for run in ended_in(period):
            if run.status == "failed":
                hours[at][FINGERPRINTS[run.message]] += run.hours  # type: ignore[assignment]
    assert [one.fingerprint for one in found.failures] == [name for name, _ in hours[0].most_common()]
    for one in found.failures:
        assert one.hours == pytest.approx(hours[0][one.fingerprint], abs=1e-6)
        assert one.usual == pytest.approx(median(hours[at][one.fingerprint] for at in range(1, 5)), abs=1e-6)
        newest = max(
            (run for run in ended_in(WEEK) if run.status == "failed" and FINGERPRINTS[run.message] == one.fingerprint),
            key=lambda run: run.ended,
        )
        assert (one.run_id, one.task_id) == (f"run-{newest.number}", f"task-{newest.number}")


def test_pull_requests_count_where_they_were_first_seen_and_apart_where_that_is_not_sure(found: agents.Agents) -> None:
    for period, counted in zip((WEEK, *BEFORE), found.pull_requests, strict=True):
        day_before = period.since - timedelta(days=1)
        opened = [run for run in RUNS if run.opened and period.since <= run.opened.date() <= period.until]
        merged = [run for run in RUNS if run.merged and period.since <= run.merged.date() <= period.until]
        sure = [run for run in merged if run.opened and run.opened.date() >= day_before]
        assert counted.opened == sum(run.began.date() >= day_before for run in opened)
        assert counted.opened + counted.opened_unsure == len(opened)
        assert (counted.merged, counted.merged_unsure) == (len(sure), len(merged) - len(sure))
        costs = [run.usd for run in sure if run.usd is not None]
        assert counted.merged_usd == (pytest.approx(sum(costs) / len(costs), abs=1e-6) if costs else None)
    assert found.usage_known
    assert sum(one.merged_unsure for one in found.pull_requests) > 5


def test_tools_are_counted_where_their_calls_began(found: agents.Agents) -> None:
    weeks = [
        [call for run in RUNS if period.since <= run.began.date() <= period.until for call in run.tools]
        for period in (WEEK, *BEFORE)
    ]
    assert {one.name: one.calls for one in found.tools} == Counter(name for name, _ in weeks[0])
    for one in found.tools:
        assert one.failed == weeks[0].count((one.name, True))
        rates = [failing / n for week in weeks[1:] if (n := sum(name == one.name for name, _ in week))
                 for failing in [week.count((one.name, True))]]  # fmt: skip
        assert one.usual == pytest.approx(median(rates))
        assert one.p50_s == 5


def test_what_is_stuck_since_the_period_is_told_from_what_is_for_longer(found: agents.Agents, house: Snapshot) -> None:
    assert [(one.run_id, one.is_new) for one in found.stuck] == [
        ("run-90002", True),
        ("run-90003", True),
        ("run-90001", False),
    ]
    [sentence] = [one.text for one in sentences(found) if one.anchor == "stuck"]
    assert sentence == "2 runs have been stuck since this week, and 1 for longer."
    narrow = agents.gather(house, Scope(repository="acme/repo-1"), WEEK, ())
    assert [one.run_id for one in narrow.stuck] == ["run-90003", "run-90001"]
    calls = [call for run in RUNS if run.repository == "acme/repo-1" and WEEK.since <= run.began.date() <= WEEK.until
             for call in run.tools]  # fmt: skip
    assert sum(one.calls for one in narrow.tools) == len(calls)


def test_a_scope_leaves_everything_else_out(house: Snapshot) -> None:
    names = ("acme/repo-1", "acme/repo-3")
    found = agents.gather(house, Scope(repositories=names), WEEK, ())
    assert found.work.ended == sum(run.repository in names for run in ended_in(WEEK))
    assert (found.change, found.usual.success, found.because, found.clear) == (None, None, None, None)
    assert agents.gather(house, Scope(repository="acme/repo-1?"), WEEK, ()).work.ended == sum(
        run.repository.startswith("acme/repo-1") and len(run.repository) == 12 for run in ended_in(WEEK)
    )
    nothing = agents.gather(house, Scope(projects=(9,)), WEEK, BEFORE[:1])
    assert (nothing.work, nothing.models, nothing.failures) == (agents.Work(), [], [])
    assert (nothing.change, nothing.usual.success) == (None, None)


def test_the_parts_of_each_kind_add_up_to_the_change_from_the_median() -> None:
    weeks = [ended_in(period) for period in (WEEK, *BEFORE)]
    for before in (weeks[1:5], weeks[1:4], weeks[1:3], weeks[1:2]):
        counts = [Counts(len(week), sum(run.status == "completed" for run in week)) for week in before]
        chosen = [before[at] for at in middle(counts)]
        change = rate(weeks[0]) - median(map(rate, before))
        for name in ("model", "repository", "adapter"):
            found = mean([parts(name, by(name, weeks[0]), by(name, week)) for week in chosen])
            assert math.fsum(part.points for part in found) == pytest.approx(100 * change)
        found = mean([ends(ways(weeks[0]), ways(week), len(weeks[0]), len(week)) for week in chosen])
        assert math.fsum(part.points for part in found) == pytest.approx(100 * change)


def by(name: str, week: list[Run]) -> dict[tuple[str | None, ...], Counts]:
    made: dict[tuple[str | None, ...], Counts] = {}
    for run in week:
        key = (getattr(run, name),)
        one = made.get(key, Counts())
        made[key] = Counts(one.ended + 1, one.completed + (run.status == "completed"))
    return made


def ways(week: list[Run]) -> dict[tuple[str, tuple[str | None, ...]], int]:
    return Counter((run.status, (run.message,)) for run in week if run.status != "completed")


def test_only_what_carries_most_of_a_change_is_said_and_never_what_has_all_the_runs() -> None:
    def part(kind: str, name: str | None, points: float, share: float) -> Part:
        return Part(kind, (name, None), 0.0, points / 100, share, 0.0)

    worse, rest = part("repository", "acme/web", -6, 0.2), part("repository", "acme/api", -1, 0.2)
    assert carrying(-7, [worse, rest]) is worse
    assert carrying(-13, [worse, rest]) is None
    assert carrying(-10, [part("model", "opus", -10, 1.0)]) is None
    assert carrying(-10, [part("model", None, -10, 0.2)]) is None
    assert carrying(5, [part("failure", None, 4, 0.1), part("cancelled", None, 1, 0.1)]) == part(
        "failure", None, 4, 0.1
    )
    assert carrying(5, [part("failure", "x", -4, 0.1)]) is None
    assert reason(worse) == "those in \u2068acme/web\u2069 succeeded less often"
    more = Part("model", ("opus", "claude"), -0.06, 0.01, 0.3, 0.2)
    assert reason(more) == "more of them were of \u2068opus\u2069"
    assert reason(Part("repository", ("a/b", None), 0.06, 0.01, 0.3, -0.2)) == "fewer of them were in \u2068a/b\u2069"
    assert reason(part("failure", None, 4, 0.1)) == "fewer failed with “\u2068no message\u2069”"


def test_a_change_that_may_be_chance_is_called_so_and_not_explained(found: agents.Agents, house: Snapshot) -> None:
    assert found.clear is not None
    assert ("which may be chance" in success(found)) == (not found.is_clear)
    assert (found.because is not None) <= found.is_clear
    clear = replace(found, change=4.0, clear=Difference(0.1, 0.05, 0.15))
    assert clear.is_clear
    assert not replace(clear, change=-4.0).is_clear
    later = [Period(one.since + timedelta(days=1), one.until + timedelta(days=1)) for one in (WEEK, BEFORE[0])]
    few = agents.gather(house, Scope(repository="acme/repo-1"), later[0], (later[1],))
    assert few.work.ended == sum(run.repository == "acme/repo-1" for run in ended_in(later[0])) < 20
    assert (few.because, few.clear) == (None, None)
