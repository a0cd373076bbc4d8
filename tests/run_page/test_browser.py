"""The page of a run in a real browser, opened from a file with the network off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser, audit, browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


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
