"""A process group that a signal reaches through its leader's parent alone, and that ends with that parent.

A terminal sends Ctrl-C to every process of a command. One of Dagster's that still imports would print a traceback, and
the others would end before they are told. SIGTERM ends the former without a word; the latter take it for Ctrl-C.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import typer

AT_ONCE_S = 2.0
"""Signals that come so soon after the first are the same wish: some supervisors send it to each process."""


@contextlib.contextmanager
def led() -> Iterator[None]:
    """Run the block in a child that leads a group of its own; this process waits for it, and hands on what ends it.

    What the block has started and not ended is told to end with it. A second Ctrl-C ends all of it at once.

    Raises:
        typer.Exit: In the process that waited, with the exit code of its child.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored in a shell's background job
        signal.signal(number, _interrupt)
    lives, told = os.pipe()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.close(told)
        threading.Thread(target=_end_after, args=(lives,), daemon=True).start()
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
        return

    first: list[float] = []

    def hand_on(*_: object) -> None:
        first.append(time.monotonic())
        late = first[-1] - first[0] > AT_ONCE_S
        with contextlib.suppress(ProcessLookupError):
            if late or len(first) == 1:
                os.killpg(child, signal.SIGKILL if late else signal.SIGTERM)

    with contextlib.suppress(OSError):  # it has done so already
        os.setpgid(child, child)
    os.close(lives)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, hand_on)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(told)
    raise typer.Exit(code if code >= 0 else 128 - code)


def _interrupt(*_: object) -> None:
    """Take the first signal for Ctrl-C, and leave the end to who leads from then on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_after(lives: int) -> None:
    """End this group once nobody holds the other end of a pipe."""
    os.read(lives, 1)
    os.killpg(0, signal.SIGTERM)
