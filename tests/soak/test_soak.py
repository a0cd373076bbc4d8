"""A short soak with fixed seeds; ``make soak`` runs the long one."""

from pathlib import Path

import pytest

from tests.soak.soak import Soak


@pytest.mark.slow
def test_eight_kills(tmp_path: Path) -> None:
    result = Soak(tmp_path, seed=7, tasks=420).run(kills=8, pause_s=1.5)
    assert result.problems == []
    assert result.figures["changes"]
