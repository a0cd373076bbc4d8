"""A run ends with the code server that started it.

Nobody could stop such a run from the UI any more, and what Dagster recorded about it would change once more at its end.
"""

import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading


@functools.cache
def end_with_parent() -> None:
    """Interrupt this process, as Ctrl-C does, when the process that started it by multiprocessing has ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
