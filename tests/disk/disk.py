"""A disk that fills at a write of the test's choice, in a process that has the library loaded."""

import ctypes
import shutil
import subprocess
from pathlib import Path

ENDLESS = -1


def build(folder: Path) -> Path | None:
    """Build the library; None on a machine without a C compiler for it."""
    compiler, source, built = shutil.which("cc"), Path(__file__).with_suffix(".c"), folder / "disk.so"
    if compiler is None:
        return None
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(built), str(source), "-ldl"]
    done = subprocess.run(command, check=False, capture_output=True)
    return built if done.returncode == 0 else None


def room(folder: Path, writes: int) -> None:
    """Let a number of further writes below a folder find room, and count anew."""
    _library().disk_room(str(folder).encode(), ctypes.c_long(writes))


def written() -> int:
    """Writes below the folder since then, those that found no room included."""
    return int(_library().disk_written())


def first() -> str:
    """The file of the first one that found none; "" if there was none."""
    return str(_library().disk_first().decode())


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.disk_first.restype = ctypes.c_char_p
    library.disk_written.restype = ctypes.c_long
    return library
