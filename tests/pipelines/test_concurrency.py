"""Every asset at once while a dashboard reads and a shell holds the warehouse; ``make soak`` repeats it."""

from pathlib import Path

import pytest

from tests.soak.crowd import Crowd


@pytest.mark.worlds
def test_a_crowd_ends_with_the_truth_and_no_reader_sees_half_of_it(tmp_path: Path) -> None:
    result = Crowd(tmp_path / "home").run(hold_s=5, read_only=False)

    assert result.problems == []
    assert result.figures["reads"]
    assert result.figures["generations"]
