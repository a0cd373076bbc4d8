"""The real command on a real disk that is too small: advice, nothing green, and all of it once there is room."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.pipelines.cli.truth import compare
from tests.pipelines.conftest import QUIET, Scene

NO_WAITING = {"TASKHOUSE_SPOOL_FREE_GB": "0", "TASKHOUSE_LOG_FINAL_S": "0"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Any]:
    """A file system of a size that the test gives, and may change."""
    place = tmp_path / "disk"
    place.mkdir()

    def sized(size: str, *, again: bool = False) -> Path:
        options = f"remount,size={size}" if again else f"size={size}"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False)
        if done.returncode:
            pytest.skip("only root may mount a file system of its own")
        return place

    if os.geteuid():
        pytest.skip("only root may mount a file system of its own")
    yield sized
    subprocess.run(["umount", str(place)], check=False)


@pytest.mark.worlds
@pytest.mark.parametrize("size", ["200k", "600k", "4m", "7m"])
def test_a_sync_on_a_disk_that_is_too_small(taskhouse: Any, disk: Any, size: str) -> None:
    world = EmulatorSettings(**{**QUIET, "tasks": 4, "projects": (1,)})
    with Emulator(world) as emulator:
        scene = Scene(emulator, disk(size) / "home")
        variables = {**scene.environment, **NO_WAITING}
        for _ in range(2):
            full = taskhouse.run("sync", **variables)
            assert full.code == 1, full
            assert "bug in taskhouse" not in full.said
            assert "Hint:" in full.err
            shown = taskhouse.run("status", **variables)
            if shown.code == 0:  # only the copy has no room
                assert size == "7m"
                assert "Published copy: none" in shown.out
        disk("200m", again=True)
        after = taskhouse.run("sync", **variables)
        assert after.code == 0, after
        assert [line for line in compare(scene.settings, emulator.truth(1)) if not line.equal] == []
        assert taskhouse.run("verify", **variables).code == 0
