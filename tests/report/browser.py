"""Headless Chromium through its own driver: opens a file with the network off and tells what happened."""

import base64
import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tied import tied

SWITCHES = (
    *"--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync --hide-scrollbars".split(),
    *"--disable-background-networking --disable-component-update --force-device-scale-factor=1".split(),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
AUDIT = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations.map(
  one => [one.id, one.impact, one.nodes.length, one.nodes[0].html.slice(0, 200)])));
"""
OFF = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}


class Browser:
    """One page. Requests and messages of the console are kept as Chromium tells them."""

    def __init__(self, session: httpx.Client) -> None:
        self._session = session

    def open(self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file as a screen of this width shows it."""
        self.cdp("Network.enable")
        self.cdp("Network.emulateNetworkConditions", **OFF)
        self._screen(width, height, dark=dark)
        self._post("url", {"url": page.as_uri()})

    def visit(self, url: str, *, width: int = 1280, height: int = 900) -> None:
        """Go to a server of this machine."""
        self._screen(width, height, dark=False)
        self._post("url", {"url": url})

    def _screen(self, width: int, height: int, *, dark: bool) -> None:
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])

    def wait_longer(self, seconds: float) -> None:
        """Let a script take so long; by default it is half a minute."""
        self._session.timeout = seconds + 30
        self._post("timeouts", {"script": int(seconds * 1000)})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns; it runs beside the page's own policy."""
        return self._post("execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: Any) -> Any:
        """What a script hands to its last argument."""
        return self._post("execute/async", {"script": script, "args": list(arguments)})

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self._post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind: str) -> list[Any]:
        """Entries of ``browser`` (the console) or ``performance`` (the network) since the last look."""
        entries: list[Any] = self._post("se/log", {"type": kind})
        return entries

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last look."""
        told = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def _post(self, path: str, body: Any) -> Any:
        answer = self._session.post(path, json=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{answer['error']}: {answer['message']}")
        return answer


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser for the length of the block; skips where there is none, and fails in CI."""
    driver = shutil.which("chromedriver")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if driver is None or chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have chromium and chromedriver: apt-get install chromium chromium-driver")
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        tied([driver, f"--port={port}"]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _ready(client)
            profile = [f"--user-data-dir={folder / 'profile'}"]
            program = folder / "chromium"
            program.write_text(f'#!/bin/sh\nexec {shlex.join(tied([chromium]))} "$@"\n', "utf-8")
            program.chmod(0o700)
            options = {"binary": str(program), "args": [*SWITCHES, *profile]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            began = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()["value"]
            client.base_url = f"http://127.0.0.1:{port}/session/{began['sessionId']}/"
            page = Browser(client)
            page._post("url", {"url": "about:blank"})
            page.log("performance")
            yield page
            client.delete(str(client.base_url).rstrip("/"))
    finally:
        process.kill()  # the session is over by now, and with it Chromium; asked to end, the driver can take its time
        process.wait()


def audit(page: Browser) -> list[Any]:
    """What axe finds wrong with the page that is open, with all of its details unfolded."""
    page.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.run(f"{axe()}; window.axe = axe")
    found: list[Any] = page.wait(AUDIT)
    return found


def axe() -> str:
    """The source of axe-core."""
    [path] = [file for file in files("axe-core-python") or [] if file.name == "axe.min.js"]
    return Path(str(path.locate())).read_text(encoding="utf-8")


def _ready(client: httpx.Client) -> None:
    until = time.monotonic() + 20
    while True:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/status").json()["value"]["ready"]:
                return
        assert time.monotonic() < until, "chromedriver did not start"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for the tests of a module."""
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
