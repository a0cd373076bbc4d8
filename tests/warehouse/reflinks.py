"""File systems that can clone files: that of the test, one that is mounted for it, or one that is played."""

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskhouse.warehouse import clone

SIZES = {"xfs": 320, "btrfs": 200}
"""Smallest file systems, in MiB; the files below them are sparse."""

MAKE = {"xfs": ["-q", "-m", "reflink=1"], "btrfs": ["-q"]}


def clones(folder: Path) -> bool:
    """Whether files in a folder can be cloned."""
    with tempfile.TemporaryFile(dir=folder) as one, tempfile.TemporaryFile(dir=folder) as other:
        one.write(b"x")
        one.flush()
        return clone.clone(one, other)


@contextlib.contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """A new file system of a kind, in a file; the test is skipped where that cannot be had."""
    made = shutil.which(f"mkfs.{kind}", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if os.geteuid() != 0 or made is None:
        pytest.skip(f"mounting {kind} needs root and mkfs.{kind}")
    image, place = folder / f"{kind}.img", folder / kind
    place.mkdir()
    image.touch()
    os.truncate(image, SIZES[kind] << 20)
    for command in ([made, *MAKE[kind], str(image)], ["mount", "-o", "loop", str(image), str(place)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{kind} cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        image.unlink()


def play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file system clone, as far as its readers can see."""

    def ioctl(target: int, request: int, source: int) -> int:
        assert request == clone.FICLONE
        os.truncate(target, 0)
        os.pwrite(target, os.pread(source, os.fstat(source).st_size, 0), 0)
        return 0

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(clone, "ioctl", ioctl)


def refuse(monkeypatch: pytest.MonkeyPatch, code: int = errno.EOPNOTSUPP) -> None:
    """Let no file system clone."""

    def ioctl(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(clone, "ioctl", ioctl)
