"""An emulator in a process of its own."""

import contextlib
import multiprocessing
import time
from collections.abc import Iterator

import httpx

from taskhouse.emulator.serve import listen, serve_on
from taskhouse.emulator.settings import EmulatorSettings

STARTS_S = 120


@contextlib.contextmanager
def serving(world: EmulatorSettings) -> Iterator[str]:
    """Its address, once it answers."""
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    process = multiprocessing.get_context("fork").Process(target=serve_on, args=(listener, world), daemon=True)
    process.start()
    listener.close()
    until = time.monotonic() + STARTS_S
    while True:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{url}/_emulator/settled", timeout=60)
            break
        if time.monotonic() > until:
            raise TimeoutError("the emulator did not start")
        time.sleep(0.1)
    try:
        yield url
    finally:
        process.terminate()
        process.join()


def answered(url: str) -> int:
    """How many requests it has answered."""
    total: int = httpx.get(f"{url}/_emulator/requests", timeout=60).json()["total"]
    return total
