"""The runs that the tests of pages read: made and published once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskhouse import run_page
from taskhouse.reading import Snapshot, open_snapshot
from taskhouse.run_page.build import gather_all
from taskhouse.run_page.model import Run
from tests.report.browser import chromium
from tests.run_page.story import EMPTY, FULL, HIDDEN, OTHER, stories

__all__ = ["chromium"]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stories().publish(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def runs(home: Path) -> Iterator[Snapshot]:
    with open_snapshot(home) as opened:
        yield opened


@pytest.fixture(scope="session")
def pages_of(runs: Snapshot) -> dict[str, Run]:
    """Every run, read once."""
    return gather_all(runs, 1, [FULL, OTHER, HIDDEN, EMPTY])


@pytest.fixture(scope="session")
def page(runs: Snapshot) -> str:
    return run_page.render(runs, FULL)
