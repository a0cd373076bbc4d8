"""The report in a real browser, opened from a file with the network off: it asks for nothing, and all can read it."""

from pathlib import Path

import pytest

from taskhouse.reading import Snapshot
from taskhouse.report import Options, write
from tests.report.browser import Browser, audit

pytestmark = pytest.mark.browser
SCREENS = [(1280, False), (1280, True), (390, False), (390, True)]


@pytest.fixture
def page(house: Snapshot, tmp_path: Path) -> Path:
    return write(house, tmp_path / "report.html", Options())


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_it_asks_for_nothing_says_nothing_and_fits(chromium: Browser, page: Path, width: int, *, dark: bool) -> None:
    chromium.open(page, width=width, dark=dark)
    assert chromium.requests() == [page.as_uri()]
    assert chromium.log("browser") == []
    assert chromium.run("return document.documentElement.scrollWidth") == width
    paper = chromium.run("return getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(16, 19, 21)" if dark else "rgb(252, 252, 251)")
    chromium.picture(page.with_suffix(".png"))
    assert page.with_suffix(".png").stat().st_size > 50_000


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_axe_finds_nothing(chromium: Browser, page: Path, width: int, *, dark: bool) -> None:
    chromium.open(page, width=width, dark=dark)
    assert audit(chromium) == []


def test_axe_would_find_something(chromium: Browser, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("--soft:#56606b", "--soft:#c0c4c8").replace("<html lang=en>", "<html>"), "utf-8")
    chromium.open(page)
    assert {"color-contrast", "html-has-lang"} <= {one[0] for one in audit(chromium)}


def test_the_keyboard_reaches_what_moved_first(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    for kind in ("keyDown", "keyUp"):
        chromium.cdp("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert chromium.run("return document.activeElement.textContent") == "Skip to what moved"
    assert chromium.run("return document.activeElement.getBoundingClientRect().left") >= 0


def test_every_sentence_leads_to_its_proof(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    links = chromium.run("return [...document.querySelectorAll('.said a')].map(one => one.hash)")
    assert 3 <= len(links) <= 5
    for link in links:
        chromium.run(f"document.querySelector('.said a[href=\"{link}\"]').click()")
        assert chromium.run("return document.querySelector(location.hash).getBoundingClientRect().height") > 0
