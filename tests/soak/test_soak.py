"""Short soaks with fixed seeds; ``make soak`` runs the long ones."""

from pathlib import Path

import pytest

from tests.soak.soak import Soak
from tests.soak.streams import StreamSoak


@pytest.mark.slow
@pytest.mark.worlds
@pytest.mark.parametrize("kills", [2, 5])
def test_syncs_that_are_killed(tmp_path: Path, kills: int) -> None:
    result = Soak(tmp_path, seed=7, tasks=420).run(kills=kills, pause_s=1.5)
    assert result.problems == []
    assert result.figures["changes"]


@pytest.mark.worlds
@pytest.mark.parametrize(("faults", "kills"), [(False, 2), (False, 4), (True, 4)])
def test_tails_that_are_killed(tmp_path: Path, faults: bool, kills: int) -> None:  # noqa: FBT001
    result = StreamSoak(tmp_path, seed=7, live=8, faults=faults, pace=3).run(kills=kills, pause_s=1.0)
    assert result.problems == []
    assert result.figures["events held"]


@pytest.mark.worlds
@pytest.mark.parametrize("numbered", [False, True], ids=["not-numbered", "numbered"])
def test_streams_that_are_trimmed_while_nobody_reads(tmp_path: Path, numbered: bool) -> None:  # noqa: FBT001
    soak = StreamSoak(tmp_path, seed=7, live=6, faults=False, pace=8, numbered=numbered, window=100)
    result = soak.run(kills=3, pause_s=1.0)
    assert result.problems == []
    assert result.figures["events lost"]
