"""Intervals of shares, against figures of textbooks, enumeration, and simulated histories with a known answer."""

import math
import random

import pytest

from taskhouse.report.intervals import Difference, Sides, common, newcombe, wilson

WILSON = [  # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]
NEWCOMBE = [  # the same, 873-890, table II, method 10
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000),
    (10, 10, 0, 10, 0.6075, 1.0000),
]


@pytest.mark.parametrize(("found", "of", "low", "high"), WILSON)
def test_the_interval_of_one_share_is_that_of_the_textbook(found: int, of: int, low: float, high: float) -> None:
    assert [round(end, 4) for end in wilson(found, of)] == [low, high]


@pytest.mark.parametrize(("a", "n", "b", "m", "low", "high"), NEWCOMBE)
def test_the_interval_of_a_difference_is_that_of_the_textbook(
    a: int, n: int, b: int, m: int, low: float, high: float
) -> None:
    found = newcombe(Sides(completed_before=b, before=m, completed_after=a, after=n))
    assert [round(found.low, 4), round(found.high, 4)] == [low, high]
    assert found.value == pytest.approx(a / n - b / m)


def test_the_common_difference_is_the_weighted_mean_and_ignores_differences_between_the_strata() -> None:
    """Each of two repositories gains ten points. The easy one has its runs before, the hard one after."""
    easy = Sides(completed_before=72, before=90, completed_after=9, after=10)
    hard = Sides(completed_before=2, before=10, completed_after=27, after=90)
    found = common([easy, hard])
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert (9 + 27) / 100 - (72 + 2) / 100 < -0.3  # what a comparison of the sums would say


def test_a_stratum_with_one_side_adds_nothing_and_none_at_all_says_nothing() -> None:
    one = Sides(completed_before=30, before=40, completed_after=44, after=50)
    half = Sides(completed_before=0, before=0, completed_after=5, after=9)
    assert common([one, half]) == common([one])
    assert common([half]) is None
    assert common([]) is None


def test_where_every_run_succeeded_on_both_sides_the_interval_still_has_a_width() -> None:
    found = common([Sides(completed_before=30, before=30, completed_after=25, after=25)])
    assert found is not None
    assert found.low < 0 == found.value < found.high


def test_nineteen_of_twenty_intervals_contain_the_truth() -> None:
    """400 histories of repositories with a gain of 0.15: three, many small ones, some that differ; and single ones."""
    dice = random.Random(17)

    def drawn(base: float, before: int, after: int, apart: float = 0.0) -> Sides:
        gain = 0.15 + apart * dice.choice((-1, 1))
        low, high = (sum(dice.random() < p for _ in range(n)) for p, n in ((base, before), (base + gain, after)))
        return Sides(completed_before=low, before=before, completed_after=high, after=after)

    histories: dict[str, list[Difference | None]] = {
        "three": [common([drawn(0.5, 30, 12), drawn(0.7, 8, 25), drawn(0.8, 22, 18)]) for _ in range(400)],
        "small": [common([drawn(0.6, 2, 3) for _ in range(20)]) for _ in range(400)],
        "apart": [common([drawn(0.6, 20, 20, 0.15) for _ in range(16)]) for _ in range(400)],
        "single": [newcombe(drawn(0.6, 24, 31)) for _ in range(400)],
    }
    for name, intervals in histories.items():
        held = sum(found is not None and found.low <= 0.15 <= found.high for found in intervals)
        assert 0.92 < held / 400 < 0.985, (name, held)


def test_the_variance_of_one_stratum_is_close_to_that_of_two_binomials() -> None:
    one = Sides(completed_before=120, before=200, completed_after=150, after=210)
    found = common([one])
    assert found is not None
    wald = 1.959964 * math.sqrt(0.6 * 0.4 / 200 + (150 / 210) * (60 / 210) / 210)
    assert (found.high - found.low) / 2 == pytest.approx(wald, rel=0.02)
