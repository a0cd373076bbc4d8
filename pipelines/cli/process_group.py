"""A process group that a signal reaches through its leader's parent alone, and that ends with that parent.

A terminal sends Ctrl-C to every process of a command. One of Dagster's that still imports would print a traceback, and
the others would end before they are told. SIGTERM ends the former without a word; the latter take it for Ctrl-C. What
they print goes through pipes that are read and dropped after the first signal: some print tracebacks as they end.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import typer

AT_ONCE_S = 0.5
"""A signal that follows the first one this soon is ignored, because some supervisors signal every process."""

PATIENCE_S = 8.0
"""How long the group may take to end before it is killed."""

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def led(stopping: Callable[[], None], ended: Callable[[], None]) -> Iterator[None]:
    """Run the block in a child that leads a group of its own; this process waits for it, and hands on what ends it.

    What the block has started and not ended is told to end with it, and is killed if it takes too long. A second Ctrl-C
    kills all of it at once.

    Args:
        stopping: Called in the process that waits, at the first signal.
        ended: Called when what the block started has ended: in the child, and in the process that waits, in case the
            child was killed.

    Raises:
        typer.Exit: In the process that waited, with 0 after a signal, otherwise with the exit code of its child; and in
            the child after a signal.
    """
    catch()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    lives, held_open = os.pipe()
    pipes = [(*os.pipe(), number) for number in (1, 2)]
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.close(held_open)
        for source, sink, number in pipes:
            os.dup2(sink, number)
            os.close(source)
            os.close(sink)
        threading.Thread(target=_end_after, args=(lives,), daemon=True).start()
        try:
            yield
        except KeyboardInterrupt:
            raise typer.Exit from None  # the process that waits says so
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
            ended()
        return

    with contextlib.suppress(OSError):  # it has done so already
        os.setpgid(child, child)
    os.close(lives)
    for _, sink, _ in pipes:
        os.close(sink)
    _wait(child, [(source, number) for source, _, number in pipes], stopping, ended)


def _wait(
    child: int, shown: list[tuple[int, int]], stopping: Callable[[], None], ended: Callable[[], None]
) -> NoReturn:
    """Pass on the output of the group until it is told to end, and exit when none of its processes is left."""
    first: list[float] = []
    readers = [
        threading.Thread(target=_pass_on, args=(source, number, lambda: not first), daemon=True)
        for source, number in shown
    ]

    def kill() -> None:
        with contextlib.suppress(OSError):  # it has ended
            os.killpg(child, signal.SIGKILL)

    timer = threading.Timer(PATIENCE_S, kill)
    timer.daemon = True

    def hand_on(*_: object) -> None:
        now = time.monotonic()
        if first:
            if now - first[0] > AT_ONCE_S:
                kill()
            return
        first.append(now)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGTERM)
        timer.start()
        stopping()

    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, hand_on)
    for reader in readers:
        reader.start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ends = (first[0] if first else time.monotonic()) + PATIENCE_S
    for reader in readers:  # it ends when no process holds the other end of its pipe any more
        reader.join(max(0.0, ends - time.monotonic()))
    timer.cancel()
    kill()
    ended()
    raise typer.Exit(0 if first else code if code >= 0 else 128 - code)


def _pass_on(source: int, number: int, wanted: Callable[[], bool]) -> None:
    """Copy a pipe to a file of this process while it is wanted; read it to its end in any case."""
    while text := os.read(source, 1 << 16):
        with contextlib.suppress(OSError):  # nobody reads it any more
            while text and wanted():
                text = text[os.write(number, text) :]


def catch() -> None:
    """Take the first SIGINT or SIGTERM for Ctrl-C, also in a shell's background job, where SIGINT is ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    """Raise, and leave the end to the process that leads from then on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_after(lives: int) -> None:
    """End this group when the other end of a pipe is closed."""
    os.read(lives, 1)
    os.killpg(0, signal.SIGTERM)
