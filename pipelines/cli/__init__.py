"""The command line: ``taskhouse``."""

import os
import sys

INTERRUPTED = 130
"""The exit code if a signal interrupts the start, before a command and its exit codes are imported."""


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if not os.environ.get("COLUMNS", "1").strip("0"):
        del os.environ["COLUMNS"]  # what a shell says that does not know its width; Rich would print nothing
    if {"dev", "tail"} & set(sys.argv[1:3]):
        _end_well()
    try:
        from taskhouse.pipelines.startup import uncollected

        with uncollected():
            from taskhouse.home import close
            from taskhouse.pipelines.cli.app import build

            close()
            command = build(sys.argv[1:])
        sys.exit(command())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end_well() -> None:
    """Exit with 0 if a signal ends a command that runs until it is interrupted, even during its start."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
