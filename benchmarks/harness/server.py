"""A server in a process of its own."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

from taskhouse.emulator.serve import listen


@contextlib.contextmanager
def serving(serve: Callable[..., None], world: Any, ready: Callable[[str], object]) -> Iterator[str]:
    """Its address, once ``ready`` returns.

    Args:
        serve: Gets a listening socket and ``world``, and serves until its process is ended.
        world: What it serves.
        ready: Gets the address, and waits until the server answers.
    """
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(serve, listener, world), daemon=True)
    process.start()
    listener.close()
    try:
        ready(url)
        yield url
    finally:
        process.terminate()
        process.join()


def _serve(serve: Callable[..., None], *given: Any) -> None:
    """Serve until the process that started this one ends it; Ctrl-C is meant for that one."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setpgrp()
    serve(*given)
