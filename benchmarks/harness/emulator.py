"""An emulator in a process of its own."""

import contextlib
import time
from contextlib import AbstractContextManager

import httpx

from benchmarks.harness import server
from taskhouse.emulator.serve import serve_on
from taskhouse.emulator.settings import EmulatorSettings

STARTS_S = 120


def serving(world: EmulatorSettings) -> AbstractContextManager[str]:
    """Its address, once it answers."""
    return server.serving(serve_on, world, _settled)


def _settled(url: str) -> None:
    until = time.monotonic() + STARTS_S
    while True:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{url}/_emulator/settled", timeout=60)
            return
        if time.monotonic() > until:
            raise TimeoutError("the emulator did not start")
        time.sleep(0.1)


def answered(url: str) -> int:
    """How many requests it has answered."""
    total: int = httpx.get(f"{url}/_emulator/requests", timeout=60).json()["total"]
    return total
