"""The page of a run in a real browser, opened from a file with the network off."""

from pathlib import Path

import pytest

from benchmarks.contenders.run_page import made
from taskhouse import run_page
from taskhouse.reading import open_snapshot
from taskhouse.warehouse.publish import publish
from tests.report.browser import Browser, audit

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_it_asks_for_nothing_says_nothing_fits_and_axe_finds_nothing(
    chromium: Browser, page: str, tmp_path: Path, width: int, *, dark: bool
) -> None:
    file = tmp_path / "run.html"
    file.write_text(page, "utf-8")
    chromium.open(file, width=width, dark=dark)
    assert chromium.requests() == [file.as_uri()]
    assert chromium.log("browser") == []
    assert audit(chromium) == []
    assert chromium.run("return document.documentElement.scrollWidth") == width


@pytest.mark.worlds
def test_axe_finds_nothing_on_the_page_of_50_000_events(chromium: Browser, tmp_path: Path) -> None:
    warehouse, run_id = made(tmp_path, 50_000, 0)
    publish(warehouse, tmp_path / "published", force=True)
    with open_snapshot(tmp_path) as runs:
        file = run_page.write(runs, run_id, tmp_path / "run.html")
    assert file.stat().st_size < 2_000_000
    chromium.wait_longer(1_800)
    chromium.open(file, width=390)
    assert audit(chromium) == []
    assert chromium.run("return document.documentElement.scrollWidth") == 390
