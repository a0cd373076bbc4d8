"""Campaigns, counted a second time from the plain rows of a drawn history."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import taskhouse
from taskhouse.pages.formatting import END, ISOLATE
from taskhouse.reading import Snapshot
from taskhouse.report import campaigns, render, trend
from taskhouse.report.campaigns import Point, Progress
from taskhouse.report.directory import Directory
from taskhouse.report.options import Options, Period, Scope
from tests.report.agents_world import FIRST, KNOWN

WEEK = Period.week_of(date(2026, 11, 18))


@pytest.fixture(scope="module")
def house(agents_home: Path) -> Iterator[Snapshot]:
    with taskhouse.open(agents_home) as opened:
        trend.read(opened, Scope())
        yield opened


def directory(**campaign: object) -> Directory:
    one = {"name": "All", "target": "ready", "by": date(2026, 12, 31), "repositories": ["acme/*"], **campaign}
    return Directory(campaigns=(one,))


def known(name: str, day: date) -> str | None:
    """The last state that is known of a repository at the end of a day."""
    return next((state for at, (state, _) in sorted(KNOWN[name].items(), reverse=True) if at <= day), None)


def test_the_burn_down_is_that_of_plain_counting(house: Snapshot) -> None:
    [found] = campaigns.gather(house, Scope(), directory(repositories=["acme/repo-1*", "acme/repo-2"]), WEEK)
    names = [name for name in KNOWN if name.startswith("acme/repo-1") or name == "acme/repo-2"]
    assert found.points[-1].day == WEEK.until
    assert len(found.points) == 1 + (WEEK.until - FIRST).days // 7
    for point in found.points:
        states = [state for name in names if (state := known(name, point.day))]
        assert (point.members, point.reached) == (len(states), states.count("ready"))
    assert {one.name for one in found.missing} == {name for name in names if known(name, WEEK.until) != "ready"}
    assert found.pace == (found.points[-1].reached - found.points[-5].reached) / 4


def test_a_campaign_counts_its_own_days_window_and_target(house: Snapshot) -> None:
    [found] = campaigns.gather(house, Scope(), directory(target="partial", since=date(2026, 11, 1), window=30), WEEK)
    assert [point.day for point in found.points] == [date(2026, 11, day) for day in (1, 8, 15, 22)]
    assert {one.state for one in found.missing} == {"needs_setup"}
    assert campaigns.gather(house, Scope(), directory(window=7), WEEK) == []


@pytest.mark.parametrize(
    ("campaign", "why"),
    [
        ({"repositories": ["acmee/*"]}, "No repository matches acmee/*."),
        ({"window": 7}, "There is no window of 7 days; there "),
        ({"by": FIRST - timedelta(days=1)}, "None of its repositories has a known state on "),
    ],
)
def test_a_campaign_of_which_nothing_can_be_counted_says_why(
    house: Snapshot, campaign: dict[str, object], why: str
) -> None:
    known, days = directory(**campaign), Period(FIRST - timedelta(days=3), WEEK.until)
    found = campaigns.gather(house, Scope(), known, days)
    [one] = campaigns.uncounted(house, Scope(), known, days, found)
    assert one.name == "All"
    assert one.why.replace(ISOLATE, "").replace(END, "").startswith(why)


def test_a_campaign_that_is_over_counted_or_of_other_repositories_needs_no_excuse(house: Snapshot) -> None:
    for scope, known in (
        (Scope(), directory(by=WEEK.since - timedelta(days=1))),
        (Scope(), directory()),
        (Scope(repository="globex/*"), directory()),
    ):
        found = campaigns.gather(house, scope, known, WEEK)
        assert campaigns.uncounted(house, scope, known, WEEK, found) == []


def test_every_form_of_the_report_says_so(agents_home: Path) -> None:
    missing: list[str] = []
    with taskhouse.open(agents_home) as opened:
        for form in ("html", "md"):
            text = render(opened, Options(format=form), directory(repositories=["acmee/*"]), warn=missing.append)
            assert "No repository matches" in text
        assert 'href="#campaigns"' in render(opened, Options(), directory(repositories=["acmee/*"]))
    assert missing == ["Campaign \u2068All\u2069: No repository matches \u2068acmee/*\u2069."] * 2


def test_what_is_not_in_the_scope_or_over_or_not_begun_is_left_out(house: Snapshot) -> None:
    [found] = campaigns.gather(house, Scope(repository="acme/repo-3"), directory(), WEEK)
    assert (found.now.members, [one.name for one in found.missing]) == (1, ["acme/repo-3"])
    for beside in (
        {"by": WEEK.since - timedelta(days=1)},
        {"since": WEEK.until + timedelta(days=1)},
        {"repositories": ["globex/*"]},
    ):
        assert campaigns.gather(house, Scope(), directory(**beside), WEEK) == []
    assert campaigns.gather(house, Scope(), Directory(), WEEK) == []
    [over] = campaigns.gather(house, Scope(), directory(by=WEEK.since), WEEK)
    assert over.now.day == WEEK.since


def progress(*reached: int, members: int = 10, by: date = date(2026, 12, 20)) -> Progress:
    days = [WEEK.until - timedelta(days=7 * back) for back in range(len(reached) - 1, -1, -1)]
    return Progress("Q4", "ready", by, tuple(Point(d, members, n) for d, n in zip(days, reached, strict=True)), ())


TONES = {"good": True, "bad": False, "even": None}


@pytest.mark.parametrize(
    ("one", "tone", "said"),
    [
        (
            progress(2, 2, 3, 4, 6),
            "good",
            "6 of 10 repositories are ready, and 4 must follow by 20 Dec 2026, which takes 1.0 a week",
        ),
        (progress(2, 2, 3, 4, 6), "good", "; lately it was 1.0, so it is on track."),
        (progress(6, 6, 6, 6, 6), "bad", "; lately it was 0.0, so it is behind."),
        (progress(0, 8, 8, 8, 8, 8), "good", "; lately it was 0.0, but it is ahead of a steady pace."),
        (progress(0, 9, 6, 6, 6, 6), "bad", "; lately it was \u22120.8, so it is behind."),
        (
            progress(1),
            "even",
            "1 of 10 repositories is ready, and 9 must follow by 20 Dec 2026, which takes 2.2 a week.",
        ),
        (progress(9, 10), "good", "10 of 10 repositories are ready."),
        (progress(3, 9, by=WEEK.until), "bad", "9 of 10 repositories are ready at its end on 22 Nov 2026."),
    ],
)
def test_it_is_said_whether_the_pace_is_enough(one: Progress, tone: str, said: str) -> None:
    assert one.on_track is TONES[tone]
    [sentence] = campaigns.sentences([one])
    assert sentence.text.startswith("\u2068Q4\u2069: ")
    assert said in sentence.text
    assert sentence.tone == tone
