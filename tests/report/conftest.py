"""One history that most of the report's tests read."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from taskhouse.reading import Snapshot
from tests.report import agents_world
from tests.report.browser import chromium
from tests.report.world import HOSTILE, LAST, RIGHT_TO_LEFT, World, names, walk, with_runs

__all__ = ["chromium"]

STUCK = "<b>Fix</b> the \u202eresu login \U0001f994 | `x`"


@pytest.fixture(scope="session")
def world() -> World:
    made = with_runs(walk([*names(12), HOSTILE, RIGHT_TO_LEFT, "acme/\U0001f994-hedgehog"]))
    made.run(90001, None, "in_progress", 86400 * 10, title=STUCK)
    before = LAST - timedelta(hours=4)
    made.passed("runs", pass_id="runs-before", started_at=before - timedelta(days=1), finished_at=before)
    made.passed("run_events", "incomplete", "2 logs could not be read", started_at=LAST + timedelta(hours=7))
    return made


@pytest.fixture(scope="session")
def home(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.publish(tmp_path_factory.mktemp("home"))


@pytest.fixture
def house(home: Path) -> Iterator[Snapshot]:
    import taskhouse  # noqa: PLC0415

    with taskhouse.open(home) as opened:
        yield opened


@pytest.fixture(scope="session")
def agents_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn history of agents; see ``agents_world``."""
    return agents_world.filled(agents_world.KNOWN, agents_world.RUNS).publish(tmp_path_factory.mktemp("agents"))
