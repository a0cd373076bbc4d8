"""Starting quickly: what is imported stays for good, so that looking for garbage in it is time lost."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import Dagster and open its databases without a look for garbage, nor is what came with them looked at later."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if before:
            gc.enable()
