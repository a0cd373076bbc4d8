"""What all contenders do alike. It runs in every environment, so it needs the standard library only.

A contender is run as ``python -m benchmarks.contenders.<module> measure|prepare URL GIVEN HOME [arguments]`` and prints
its figures as JSON in its last line.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """What the harness asks for.

    Attributes:
        mode: ``prepare`` brings the home into the state in which the case begins; ``measure`` does the work.
        url: The address of the server.
        given: A folder with what the case gives to all contenders.
        home: The contender's own folder.
        arguments: What the case adds.
    """

    mode: str
    url: str
    given: Path
    home: Path
    arguments: list[str]


def asked() -> Asked:
    """The command line."""
    mode, url, given, home, *arguments = sys.argv[1:]
    return Asked(mode, url, Path(given), Path(home), arguments)


def size(given: Asked) -> dict[str, int]:
    """The size of the case."""
    found: dict[str, int] = json.loads((given.given / "size.json").read_text("utf-8"))
    return found


def measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Seconds of a piece of work, and its processor time in all threads and in child processes that have ended."""
    began, busy = time.perf_counter(), _busy()
    work()
    return {"seconds": time.perf_counter() - began, "cpu_s": _busy() - busy}


def tell(**figures: object) -> None:
    """Print the figures, with the highest memory use of this process, or of one that it started if that is more."""
    sys.stdout.write(json.dumps({"peak_mb": _peak_mb(), **figures}) + "\n")


def size_mb(*paths: Path) -> float:
    """The size of files, and of all files below folders, in MB."""
    files = [path for root in paths for path in (root.rglob("*") if root.is_dir() else [root])]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def _busy() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak_mb() -> float:
    """Since the program was started; its own ``ru_maxrss`` would include the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return max(int(found[1]) if found else 0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1000
