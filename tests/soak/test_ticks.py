"""A day of ticks over a small project, every two hours; ``python -m tests.soak.ticks`` has 100,000 tasks."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.soak.ticks import Day


@pytest.mark.worlds
def test_a_day_of_ticks_claims_no_more_than_it_proved(tmp_path: Path) -> None:
    outcome = Day(tmp_path, tasks=520, ticks=16, every=timedelta(hours=2)).run()
    assert set(outcome.ticks) == {("complete", "counted"), ("complete", "listed")}
    assert outcome.ticks["complete", "listed"] >= 4
    assert (outcome.exchanges, outcome.false) == (1, 0)
    assert outcome.oldest <= timedelta(hours=26)
    assert outcome.pages[0] <= 10
