"""The memory of a process that lives on with less to do."""

import contextlib
import ctypes
import gc


def give_back() -> None:
    """Let the system have what is no longer needed: that of DuckDB, and of the C library if it can give it."""
    from taskhouse.warehouse.engine import release

    release()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
