"""Which days a report is about, and which it is compared with."""

from datetime import date

import pytest

from taskhouse.errors import ConfigurationError
from taskhouse.report.options import Extent, Options, Period, Scope
from taskhouse.report.summary import Sentence, pick

TUESDAY = date(2026, 11, 24)
KNOWN = Extent(first=date(2026, 9, 28), last=TUESDAY, over=date(2026, 11, 23))
WEEK = Period(date(2026, 11, 16), date(2026, 11, 22), "week")


def days(first: str, last: str, unit: str = "days") -> Period:
    return Period(date.fromisoformat(f"2026-{first}"), date.fromisoformat(f"2026-{last}"), unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "period"),
    [
        (Options(), WEEK),
        (Options(week="last"), WEEK),
        (Options(week="2026-W45"), days("11-02", "11-08", "week")),
        (Options(week="2026w45"), days("11-02", "11-08", "week")),
        (Options(week="2026-11-08"), days("11-02", "11-08", "week")),
        (Options(week="2026-W48"), days("11-23", "11-24", "week")),
        (Options(week="2026-W50"), days("12-07", "12-13", "week")),
        (Options(month="last"), days("10-01", "10-31", "month")),
        (Options(month="2026-10"), days("10-01", "10-31", "month")),
        (Options(month="2026-11"), days("11-01", "11-24", "month")),
        (Options(since=date(2026, 11, 1)), days("11-01", "11-24")),
        (Options(until=date(2026, 11, 7)), days("11-01", "11-07")),
    ],
)
def test_the_days_of_a_report(options: Options, period: Period) -> None:
    assert options.period(KNOWN) == period


@pytest.mark.parametrize(
    ("first", "over", "period"),
    [
        ("11-16", "11-21", days("11-16", "11-24")),  # the Sunday is not over
        ("11-16", "11-22", WEEK),
        ("11-17", "11-23", days("11-17", "11-24")),  # the week begins before the data does
        ("11-24", "11-23", days("11-24", "11-24")),
    ],
)
def test_before_a_week_is_over_a_report_is_about_all_days_so_far(first: str, over: str, period: Period) -> None:
    known = Extent(date.fromisoformat(f"2026-{first}"), TUESDAY, date.fromisoformat(f"2026-{over}"))
    assert Options().period(known) == period


def test_a_period_that_is_asked_for_is_not_replaced() -> None:
    known = Extent(date(2026, 11, 17), TUESDAY, date(2026, 11, 23))
    assert Options(week="last").period(known) == WEEK
    assert Options(month="last").period(known) == days("10-01", "10-31", "month")


def test_a_week_is_compared_with_the_four_before_as_far_as_they_are_known() -> None:
    four = tuple(days(*both, "week") for both in (("11-09", "11-15"), ("11-02", "11-08"), ("10-26", "11-01")))
    assert Options().baseline(WEEK)[:3] == four
    assert Options().baseline(WEEK, date(2026, 10, 26)) == four
    assert Options().baseline(WEEK, date(2026, 10, 27)) == four[:2]
    assert Options(compare="previous").baseline(WEEK) == four[:1]
    assert Options(compare="none").baseline(WEEK) == ()
    assert Options(compare="2026-10-01..2026-10-31").baseline(WEEK) == (days("10-01", "10-31"),)


def test_a_period_that_is_not_over_is_compared_with_as_many_days() -> None:
    assert days("11-23", "11-24", "week").back() == days("11-16", "11-17", "week")
    assert days("11-01", "11-24", "month").back() == days("10-01", "10-24", "month")
    assert days("03-01", "03-30", "month").back() == days("02-01", "02-28", "month")
    assert days("09-01", "09-30", "month").back() == days("08-01", "08-31", "month")
    assert days("11-01", "11-10").back(2) == days("10-12", "10-21")


@pytest.mark.parametrize("text", ["2026-W54", "W45", "2026-02-30", "yesterday", "2026-W45-8"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a week"):
        Options(week=text).period(KNOWN)


def test_a_first_day_after_the_data_is_no_reason_to_swap_anything() -> None:
    with pytest.raises(ConfigurationError, match="2030-01-01, after 2026-11-24") as refused:
        Options(since=date(2030, 1, 1)).period(KNOWN)
    assert refused.value.hint == "Choose 2026-11-24 or an earlier day for --since."


def test_a_scope_says_what_limits_a_query() -> None:
    assert Scope().parameters == {"projects": None, "pattern": None, "names": None}
    scope = Options(projects=(1, 2), repository=" Acme/* ").scope(("acme/web",))
    assert scope.parameters == {"projects": [1, 2], "pattern": "acme/*", "names": ["acme/web"]}


def test_the_sentences_that_weigh_most_stay_in_their_order() -> None:
    given = [Sentence(str(weight), "a", weight=weight) for weight in (1, 5, 3, 9, 0, 7)]
    assert [one.text for one in pick(given)] == ["1", "5", "3", "9", "7"]
