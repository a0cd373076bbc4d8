"""The first hour with a small project; ``make soak`` lives through the first day with a large one."""

from pathlib import Path

import pytest

from tests.soak.day import Day


@pytest.mark.worlds
def test_an_hour_of_everything_at_once_is_never_refused_and_starves_nobody(tmp_path: Path) -> None:
    outcome = Day(tmp_path, tasks=600, repositories=20, hours=1, first_load_tasks=150).run()
    assert outcome.requests["by_status"] == {"200": outcome.requests["total"]}
    assert outcome.requests["total"] > 1000
    assert outcome.passes["tasks", "complete"] >= 11
    assert outcome.passes["run_events", "complete"] + outcome.passes["run_events", "incomplete"] >= 10
    assert max(outcome.longest[name] for name in ("LIVE", "LOG", "CHANGES", "READINESS")) <= 60
    assert outcome.readiness == (60, 60)
    assert outcome.stale == 0
