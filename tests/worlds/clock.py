"""A wall clock that can be moved ahead for a process, so that weeks of a world pass between two syncs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def shim(folder: Path) -> Path | None:
    """Build the library that moves the clock; None on a machine without a C compiler for it."""
    compiler, source, built = shutil.which("cc"), Path(__file__).with_suffix(".c"), folder / "clock.so"
    if compiler is None:
        return None
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(built), str(source), "-ldl"]
    done = subprocess.run(command, check=False, capture_output=True)
    return built if done.returncode == 0 else None


def ahead(library: Path | None, seconds: float) -> dict[str, str]:
    """The environment of a process that lives in the future."""
    if library is None or not seconds:
        return {}
    return {"LD_PRELOAD": str(library), "WORLD_AHEAD": str(int(seconds))}
