"""A process group that a signal reaches through its leader's parent alone, and that ends with that parent.

A terminal sends Ctrl-C to every process of a command. One of Dagster's that still imports would print a traceback, and
the others would end before they are told. SIGTERM ends the former without a word; the latter take it for Ctrl-C.
"""

import contextlib
import os
import signal
import threading

import typer


def lead() -> None:
    """Go on in a child that leads a group of its own; this process waits for it, and hands on what ends it.

    Raises:
        typer.Exit: In the process that waited, with the exit code of its child.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored in a shell's background job
        signal.signal(number, signal.default_int_handler)
    lives, told = os.pipe()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.close(told)
        threading.Thread(target=_end_after, args=(lives,), daemon=True).start()
        return

    def hand_on(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGTERM)

    with contextlib.suppress(OSError):  # it has done so already
        os.setpgid(child, child)
    os.close(lives)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, hand_on)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(told)
    raise typer.Exit(code if code >= 0 else 128 - code)


def _end_after(lives: int) -> None:
    """End this group once nobody holds the other end of a pipe."""
    os.read(lives, 1)
    os.killpg(0, signal.SIGTERM)
