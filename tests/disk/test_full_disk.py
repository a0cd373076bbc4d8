"""A disk that fills at any write of a sync loses nothing, is called what it is, and heals as soon as there is room."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.disk import disk

ROOT = Path(__file__).parents[2]
OFTEN = "40,200"
"""Writes that find room, of one sync after the other."""

MOST = 2000
"""More writes than a sync with a backup and the daily housekeeping has, which are some 650."""


def lived(folder: Path, rooms: Sequence[str]) -> list[dict[str, Any]]:
    library = disk.build(folder)
    if library is None:
        assert not os.environ.get("CI"), "a C compiler is needed"
        pytest.skip("there is no C compiler here")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.disk.child", str(folder / "disk"), *rooms],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.worlds
def test_a_disk_that_fills_again_and_again(tmp_path: Path) -> None:
    (life,) = lived(tmp_path, [OFTEN])
    assert all(life["first"])
    assert life["wrong"] == []
    assert life["said"]


@pytest.mark.worlds
@pytest.mark.parametrize("shard", range(8))
def test_a_disk_that_fills_at_every_write(tmp_path: Path, shard: int) -> None:
    lives = lived(tmp_path, ["--whole", *(str(room) for room in range(shard, MOST, 8))])
    assert [life for life in lives if life["wrong"]] == []
    assert not any(lives[-1]["first"]), "a sync has more writes than that"
